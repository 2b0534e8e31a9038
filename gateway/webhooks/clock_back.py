"""The machine's clock was ahead and went back: what was due at once when it was written does not wait for that time."""

from __future__ import annotations

from sqlalchemy import text, update
from sqlmodel import col

from gateway.core.identifiers import first_id
from gateway.db.transactions import Transaction
from gateway.webhooks.models import WAITS, OutboxItem, WebhookDelivery


def bring_forward(tx: Transaction) -> int:
    """Let rows from a time that has not come be due now, unless they were to wait; returns how many.

    Their identifiers tell the time, so that nearly always an empty end of an index is read. They leave in the order of
    their sequence, which no clock decides.
    """
    now = int(tx.wall.timestamp() * 1000)
    items = update(OutboxItem).where(
        col(OutboxItem.id) > first_id("out", now),
        text(WAITS),
        col(OutboxItem.next_at) > tx.wall,
        col(OutboxItem.next_at) == col(OutboxItem.created_at),
        col(OutboxItem.attempts) == 0,
    )
    deliveries = update(WebhookDelivery).where(
        col(WebhookDelivery.id) > first_id("whd", now),
        col(WebhookDelivery.status) == "pending",
        col(WebhookDelivery.next_at) > tx.wall,
        col(WebhookDelivery.next_at) == col(WebhookDelivery.created_at),
        col(WebhookDelivery.attempts) == 0,
    )
    connection = tx.connection()
    return sum(
        connection.execute(waiting.values(next_at=tx.wall)).rowcount for waiting in (items, deliveries)
    )
