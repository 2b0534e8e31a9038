"""A machine's clock that was ahead and is put right: what was queued meanwhile must not wait until it is there again.

Events of one object leave in the order of their sequence, whatever the clock says; this is about when.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import text, update
from sqlmodel import col

from gateway.db.transactions import Transaction
from gateway.webhooks import outbox, waiting
from gateway.webhooks.models import WAITS, OutboxItem, WebhookDelivery

TOLERANCE = timedelta(seconds=2)
"""Machines that share a database differ by so much."""


def mend(tx: Transaction) -> None:
    """Let be due what was due at once in what is now the future, and end leases that are longer than a lease.

    What is to wait, and what has failed before the clock was put right, waits longer by as much as the clock was wrong.
    """
    _mend(tx, OutboxItem, text(WAITS), outbox.LEASE)
    _mend(tx, WebhookDelivery, col(WebhookDelivery.status) == "pending", waiting.LEASE)


def _mend(
    tx: Transaction, table: type[OutboxItem] | type[WebhookDelivery], waits: Any, lease: timedelta
) -> None:
    late, limit = tx.wall + TOLERANCE, tx.wall + lease
    due_at_once = col(table.next_at) == col(table.created_at)
    queued = update(table).where(waits, col(table.created_at) > late, due_at_once)
    tx.execute(queued.where(col(table.leased_until).is_(None)).values(next_at=tx.wall))
    held = update(table).where(waits, col(table.leased_until) > limit + TOLERANCE)
    tx.execute(
        held.values(leased_until=limit, next_at=limit)
        if table is OutboxItem
        else held.values(leased_until=limit)
    )
