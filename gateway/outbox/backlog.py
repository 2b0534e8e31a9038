"""How much waits to leave the gateway, and since when, for monitoring."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, text
from sqlmodel import col, select

from gateway.db.transactions import Transaction
from gateway.outbox.models import WAITS, OutboxItem


def of_outbox(tx: Transaction) -> list[tuple[str, str | None, int, datetime]]:
    """Topic, mode, number of rows that wait, and when the first of them is due or its lease ends."""
    query = select(OutboxItem.topic, OutboxItem.mode, func.count(), func.min(OutboxItem.next_at))
    found = tx.exec(query.where(text(WAITS)).group_by(col(OutboxItem.topic), col(OutboxItem.mode)))
    return [(topic, mode, count, first) for topic, mode, count, first in found]
