"""The outbox: what must leave the gateway is a row beside its cause, so it is neither lost nor sent for nothing.

Draining claims rows by a lease (their next time moves ahead, their attempt counts), works outside any transaction, and
marks them done. A crash between the two repeats the work, so receivers are idempotent.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import bindparam, insert
from sqlmodel import SQLModel, col, select

from gateway.db.transactions import Database, Transaction
from gateway.webhooks.models import OutboxItem

log = logging.getLogger("gateway.outbox")
BATCH = 100
LEASE = timedelta(seconds=60)
RETRY_AFTER_SECONDS = (5, 30, 120, 600, 3600, 4 * 3600, 12 * 3600, 24 * 3600)
"""Waits between attempts; after the last the row stays, undone and named in the log."""

ITEMS = SQLModel.metadata.tables["outbox"]
NEW_ITEMS = insert(ITEMS)
DONE = (
    ITEMS.update()
    .where(ITEMS.c.id == bindparam("item"), ITEMS.c.done_at.is_(None))
    .values(done_at=bindparam("now"))
)

Handler = Callable[[OutboxItem], None]


def put(tx: Transaction, topic: str, payload: dict[str, Any], *, at: datetime | None = None) -> OutboxItem:
    """Queue ``payload`` for the handler of ``topic``, not before ``at``."""
    item = OutboxItem(
        id=tx.new_id("out"),
        topic=topic,
        payload=payload,
        attempts=0,
        next_at=at or tx.wall,
        created_at=tx.wall,
    )
    tx.add(item)
    return item


def put_many(tx: Transaction, topic: str, payloads: Sequence[dict[str, Any]]) -> None:
    """Queue many payloads at once."""
    rows = [
        {
            "id": tx.new_id("out"),
            "topic": topic,
            "payload": payload,
            "attempts": 0,
            "next_at": tx.wall,
            "created_at": tx.wall,
        }
        for payload in payloads
    ]
    if rows:
        tx.connection().execute(NEW_ITEMS, rows)


def withdraw(tx: Transaction, item_id: str) -> None:
    """Mark an item as done that nobody needs to handle any more."""
    tx.execute(DONE, {"item": item_id, "now": tx.wall})


def drain(db: Database, handlers: Mapping[str, Handler], *, limit: int = BATCH) -> int:
    """Handle up to ``limit`` due rows; returns how many were claimed. A failing row is tried again later."""
    items = db.write(lambda tx: _claim(tx, sorted(handlers), limit))
    for item in items:
        try:
            handlers[item.topic](item)
        except Exception as error:  # a handler may fail in any way; the row remembers how
            log.warning("outbox %s %s failed at attempt %d: %s", item.topic, item.id, item.attempts, error)
            db.write(partial(_failed, item=item, error=error))
        else:
            db.write(partial(_done, item=item))
    return len(items)


def _claim(tx: Transaction, topics: list[str], limit: int) -> list[OutboxItem]:
    query = (
        select(OutboxItem)
        .where(
            col(OutboxItem.done_at).is_(None),
            OutboxItem.next_at <= tx.wall,
            col(OutboxItem.topic).in_(topics),
        )
        .order_by(col(OutboxItem.next_at), col(OutboxItem.id))
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    items = list(tx.exec(query))
    for item in items:
        item.attempts += 1
        item.next_at = tx.wall + LEASE
        tx.add(item)
    return items


def _done(tx: Transaction, item: OutboxItem) -> None:
    row = tx.get_one(OutboxItem, item.id)
    row.done_at, row.last_error = tx.wall, None
    tx.add(row)


def _failed(tx: Transaction, item: OutboxItem, error: Exception) -> None:
    row = tx.get_one(OutboxItem, item.id)
    wait = RETRY_AFTER_SECONDS[min(row.attempts, len(RETRY_AFTER_SECONDS)) - 1]
    row.last_error = f"{type(error).__name__}: {error}"[:500]
    row.next_at = tx.wall + timedelta(seconds=wait)
    tx.add(row)
