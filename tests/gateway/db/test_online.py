"""Migrations of a PostgreSQL database in use: nobody waits for an index, and nobody waits long behind a lock."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from sqlalchemy import Connection, Engine, create_engine, text

from gateway.db import migrate, online
from gateway.db.engine import canonical_url
from tests.postgres import database

INDEXES = text(
    "SELECT c.relname, i.indisvalid FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"
    " WHERE c.relname IN ('outbox_leased', 'webhook_delivery_leased') ORDER BY c.relname"
)
WAITS = text("SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query ILIKE :query")


def waits(engine: Engine, query: str) -> None:
    """Wait until a statement waits for a lock."""
    for _ in range(400):
        with engine.connect() as connection:
            if connection.execute(WAITS, {"query": query}).first():
                return
            connection.execute(text("SELECT pg_sleep(0.05)"))
    raise AssertionError(f"{query} waits for nobody")


def put(connection: Connection, number: int) -> None:
    connection.execute(text("SET LOCAL lock_timeout = '2s'"))
    connection.execute(
        text(
            "INSERT INTO outbox (id, merchant_id, mode, topic, payload, created_at, next_at, attempts)"
            " VALUES (:id, 'mer_1', 'test', 'code.send', '{}', now(), now(), 0)"
        ),
        {"id": f"out_{number}"},
    )


def test_a_database_in_use_is_migrated(
    postgres_url: str, postgres_administrator: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(online, "LOCK_SECONDS", 1)
    monkeypatch.setattr(online, "PAUSE_SECONDS", 0.2)
    with (
        database(postgres_url, postgres_administrator) as url,
        ThreadPoolExecutor(1) as elsewhere,
        closing(create_engine(canonical_url(url)).connect()) as writer,
    ):
        engine = writer.engine
        migrate.upgrade(url, "0031")
        with engine.begin() as connection:
            put(connection, 1)
            put(connection, 2)
        _leave_half_an_index(engine)

        put(writer, 3)
        migration = elsewhere.submit(migrate.upgrade, url, "0032")
        waits(engine, "CREATE INDEX CONCURRENTLY%")
        with engine.begin() as another:
            put(another, 4)  # who waited behind the index would fail
        writer.commit()
        migration.result(30)
        with engine.connect() as connection:
            built = [tuple(row) for row in connection.execute(INDEXES)]
        assert built == [("outbox_leased", True), ("webhook_delivery_leased", True)]

        writer.execute(text("SELECT count(*) FROM payout"))  # holds its lock until the transaction ends
        migration = elsewhere.submit(migrate.upgrade, url, "0033")
        waits(engine, "ALTER TABLE%")
        with engine.begin() as another:
            another.execute(text("SET LOCAL lock_timeout = '5s'"))
            another.execute(text("SELECT count(*) FROM payout"))
        assert not migration.done()
        writer.commit()
        migration.result(30)


def _leave_half_an_index(engine: Engine) -> None:
    """What a build that was stopped leaves behind: an index of that name, not valid."""
    name = "webhook_delivery_leased"
    with engine.begin() as connection:
        connection.execute(text(f"CREATE INDEX {name} ON webhook_delivery (id)"))
        connection.execute(
            text(f"UPDATE pg_index SET indisvalid = false WHERE indexrelid = '{name}'::regclass")
        )
        assert [tuple(row) for row in connection.execute(INDEXES)] == [(name, False)]
