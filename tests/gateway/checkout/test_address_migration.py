"""Checkouts of an older release: those under way keep their address for a day, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from gateway.db.engine import canonical_url
from gateway.db.migrate import upgrade
from gateway.db.types import UtcTime

AT = datetime(2026, 11, 23, 4, tzinfo=UTC)


def test_what_is_under_way_has_a_day_of_grace_and_nothing_else(empty_url):
    statuses = ["open", "identified", "deciding", "under_review", "declined", "expired", "canceled"]
    upgrade(empty_url, "0024")
    engine = sa.create_engine(canonical_url(empty_url))
    with engine.begin() as connection:
        moment = UtcTime().process_bind_param(AT, engine.dialect)
        merchant = {"id": "mer_1", "name": "商", "name_en": "M", "category": "3c"}
        _insert(connection, "merchant", moment, **merchant)
        for status in statuses:
            _insert(
                connection, "checkout", moment, id=f"chk_{status}", merchant_id="mer_1", status=status,
                merchant_reference=status, amount_fen=100_000, mode="test", payment_id=None, shopper_id=None,
            )  # fmt: skip
    before = datetime.now(UTC)
    upgrade(empty_url)
    table = sa.table("checkout", sa.column("status"), sa.column("address_grace_ends", UtcTime()))
    with engine.connect() as connection:
        ends = dict(connection.execute(sa.select(table.c.status, table.c.address_grace_ends)).all())
    engine.dispose()
    assert {status for status, end in ends.items() if end is not None} == set(statuses[:4])
    for status in statuses[:4]:
        assert timedelta(0) <= ends[status] - before - timedelta(hours=24) < timedelta(minutes=10)


def _insert(connection, table: str, moment: str, **values) -> None:
    """A row with something in every column that must not be empty."""
    for column in sa.inspect(connection).get_columns(table):
        if column["name"] in values or column["nullable"] or column["default"] is not None:
            continue
        kind = str(column["type"]).upper()
        numeric = "INT" in kind
        timed = column["name"].endswith("_at")
        values[column["name"]] = 0 if numeric else (moment if timed else "[]")
    names = ", ".join(values)
    marks = ", ".join(f":{name}" for name in values)
    connection.execute(sa.text(f"INSERT INTO {table} ({names}) VALUES ({marks})"), values)
