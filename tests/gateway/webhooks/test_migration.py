"""Older data comes along: what waited in the general outbox waits in its own table, and events get their order."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from sqlalchemy import create_engine, text

from gateway.core.identifiers import IdSource
from gateway.db.engine import canonical_url, connect
from gateway.db.migrate import upgrade
from gateway.db.tables import metadata
from gateway.db.transactions import Database
from gateway.db.types import Document
from gateway.privacy.vault import Vault
from gateway.webhooks.endpoints import signing_secrets

AT = "2026-11-23T04:00:00.000000Z"


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


def test_secrets_of_an_older_release_go_on_signing_until_their_end(empty_url):
    vault = Vault({b"1" * 4: b"k" * 32}, b"l" * 32)

    def sealed(row, column):
        return vault.seal(f"{row} {column}", table="webhook_endpoint", row=row, column=column)

    upgrade(empty_url, "0017")
    engine = create_engine(canonical_url(empty_url))
    with engine.begin() as connection:
        _fill(connection, "merchant", id="mer_1", name="商", name_en="M", category="3c")
        for name, more in (
            ("we_plain", {}),
            ("we_turned", {"old_secret_expires_at": "2026-11-25T04:00:00.000000Z"}),
            ("we_gone", {"deleted_at": AT}),
        ):
            if name == "we_turned":
                more["old_secret"] = sealed(name, "old_secret")
            _fill(
                connection, "webhook_endpoint", id=name, url="https://shop.example/",
                secret=b"" if name == "we_gone" else sealed(name, "secret"), enabled=True,
                enabled_events='["*"]', api_version="2026-11-23", slow=False, **more,
            )  # fmt: skip
    upgrade(empty_url)
    clock = datetime(2026, 11, 24, 4, tzinfo=UTC)
    engine.dispose()
    engine = connect(empty_url)
    database = Database(engine, clock=lambda: clock, ids=IdSource(lambda: 1, lambda bits: 7))

    def open_keys(tx):
        return {
            name: signing_secrets.keys(signing_secrets.live(tx, name), vault, at=tx.wall)
            for name in ("we_plain", "we_turned", "we_gone")
        }

    as_before = {
        "we_plain": ["we_plain secret"],
        "we_turned": ["we_turned secret", "we_turned old_secret"],
        "we_gone": [],
    }
    with database.read() as tx:
        assert open_keys(tx) == as_before
        ends = tx.execute(
            text("SELECT expires_at FROM webhook_secret WHERE expires_at IS NOT NULL")
        ).scalars()
        assert str(ends.one()).replace(" ", "T").startswith("2026-11-25T04:00")
    newer = Vault({b"2" * 4: b"m" * 32, b"1" * 4: b"k" * 32}, b"l" * 32)
    database.write(lambda tx: signing_secrets.reseal(tx, newer, after="", limit=10))
    with database.read() as tx:
        assert tx.execute(text("SELECT count(sealed_as) FROM webhook_secret")).scalar_one() == 0
        vault = newer
        assert open_keys(tx) == as_before
    engine.dispose()


def test_what_waits_learns_whose_it_is_and_old_authorisations_are_not_voided(empty_url):
    upgrade(empty_url, "0017")
    engine = create_engine(canonical_url(empty_url))
    with engine.begin() as connection:
        _fill(connection, "merchant", id="mer_1", name="商", name_en="M", category="3c", allowed_origins="[]")
        _fill(
            connection,
            "shopper",
            id="shp_1",
            mode="live",
            name_sealed=b"x",
            id_number_sealed=b"x",
            phone_sealed=b"x",
        )
        _fill(
            connection, "payment", id="pay_1", mode="live", shopper_id="shp_1", amount_fen=5, term=3,
            expires_at="2026-12-21T04:00:00.000000Z",
        )  # fmt: skip
        _fill(connection, "settlement_batch", id="stl_1", mode="live", settled_on="2026-11-24")
        _fill(
            connection,
            "payout",
            id="po_1",
            mode="live",
            settlement_id="stl_1",
            amount_fen=5,
            status="pending",
        )
        waiting = json.dumps({"payout": "po_1"})
        _fill(connection, "outbox", id="out_1", topic="payout.instruct", payload=waiting, attempts=1)
        _fill(connection, "outbox", id="out_2", topic="decision.shadow", payload="{}", attempts=0)
    upgrade(empty_url)
    with engine.connect() as connection:
        owners = connection.execute(text("SELECT id, merchant_id, mode FROM outbox ORDER BY id")).all()
        planned = connection.execute(text("SELECT acknowledge_by, next_moment_at FROM payment")).one()
    engine.dispose()
    assert owners == [("out_1", "mer_1", "live"), ("out_2", None, None)]
    assert planned.acknowledge_by is None
    assert str(planned.next_moment_at)[:10] == "2026-12-14"


def _is_document(table: str, name: str) -> bool:
    column = metadata().tables[table].columns.get(name)
    return column is not None and isinstance(column.type, Document)


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
                if kind == "jsonb" or _is_document(table, name)
                else "x"
            )
        values[name] = plain
    named = ", ".join(values)
    marks = ", ".join(f":{name}" for name in values)
    connection.execute(text(f"INSERT INTO {table} ({named}) VALUES ({marks})"), values)
