"""Older data comes along: what waited in the general outbox waits in its own table, and events get their order."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator

import pytest
from sqlalchemy import create_engine, text

from gateway.db.engine import canonical_url
from gateway.db.migrate import upgrade

AT = "2026-11-23T04:00:00.000000Z"


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request, tmp_path) -> Iterator[str]:
    """URL of a database without tables."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'old.sqlite'}"
        return
    server, administrator = (request.getfixturevalue(f"postgres_{name}") for name in ("url", "administrator"))
    name = f"fenqi_{uuid.uuid4().hex[:12]}"
    administrator.execute(text(f"CREATE DATABASE {name}"))
    yield canonical_url(server).set(database=name).render_as_string(hide_password=False)
    administrator.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


def test_waiting_deliveries_and_old_events_come_along(empty_url):
    upgrade(empty_url, "0005")
    engine = create_engine(canonical_url(empty_url))
    with engine.begin() as connection:
        _fill(connection, "merchant", id="mer_1", name="商", name_en="M", category="3c")
        _fill(
            connection, "webhook_endpoint", id="we_1", url="https://shop.example/", secret=b"x", enabled=True
        )
        for number in (2, 1):
            _fill(
                connection, "event", id=f"evt_{number}", type="payment.captured", object_id="pay_1",
                sequence=number, data="{}",
            )  # fmt: skip
            payload = json.dumps({"event": f"evt_{number}", "endpoint": "we_1"})
            _fill(
                connection,
                "outbox",
                id=f"out_{number}",
                topic="webhook.delivery",
                payload=payload,
                attempts=2,
            )
        _fill(connection, "outbox", id="out_3", topic="payout.instruct", payload="{}", attempts=0)
        connection.execute(text("UPDATE outbox SET done_at = next_at WHERE id = 'out_1'"))
    upgrade(empty_url)
    with engine.connect() as connection:
        events = connection.execute(text("SELECT id, position FROM event ORDER BY position")).all()
        waiting = connection.execute(
            text("SELECT id, event_id, endpoint_id, status, attempts, sequence FROM webhook_delivery")
        ).all()
        left = connection.execute(text("SELECT id FROM outbox")).scalars().all()
        endpoint = connection.execute(text("SELECT enabled_events, slow FROM webhook_endpoint")).one()
        if engine.dialect.name == "postgresql":
            assert connection.execute(text("SELECT nextval('event_position')")).scalar_one() == 3
    engine.dispose()
    assert events == [("evt_1", 1), ("evt_2", 2)]
    assert waiting == [("out_2", "evt_2", "we_1", "pending", 2, 2)]
    assert left == ["out_3"]
    assert endpoint.enabled_events in (["*"], '["*"]')
    assert not endpoint.slow


def _fill(connection, table: str, **values: object) -> None:
    """Insert a row of the old schema; what is not named gets a plain value of its type."""
    sqlite = connection.dialect.name == "sqlite"
    columns = text(
        f"SELECT name, type, \"notnull\" = 0 FROM pragma_table_info('{table}')"
        if sqlite
        else "SELECT column_name, data_type, is_nullable = 'YES' FROM information_schema.columns"
        f" WHERE table_name = '{table}' AND table_schema = 'public'"
    )
    for name, kind, nullable in connection.execute(columns).all():
        if name in values or nullable:
            continue
        plain = {"merchant_id": "mer_1", "mode": "test"}.get(name)
        if plain is None:
            plain = (
                AT  # type: ignore[assignment]
                if name.endswith("_at")
                else 0
                if "int" in kind.lower()
                else "{}"
                if kind == "jsonb"
                else "x"
            )
        values[name] = plain
    named = ", ".join(values)
    marks = ", ".join(f":{name}" for name in values)
    connection.execute(text(f"INSERT INTO {table} ({named}) VALUES ({marks})"), values)
