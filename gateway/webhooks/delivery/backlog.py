"""How many deliveries wait, and since when, for monitoring."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func
from sqlmodel import col, select

from gateway.db.transactions import Transaction
from gateway.webhooks.models import WebhookDelivery, WebhookEndpoint


def of_deliveries(tx: Transaction) -> list[tuple[str, int, datetime]]:
    """Mode, number of deliveries that wait, and when the first of them is due."""
    query = select(WebhookDelivery.mode, func.count(), func.min(WebhookDelivery.next_at))
    found = tx.exec(query.where(WebhookDelivery.status == "pending").group_by(col(WebhookDelivery.mode)))
    return [(mode, count, first) for mode, count, first in found]


def failing_endpoints(tx: Transaction) -> dict[str, int]:
    """How many addresses of each mode have had no success since a failure, or were given up for that."""
    query = select(WebhookEndpoint.mode, func.count()).where(
        col(WebhookEndpoint.deleted_at).is_(None), col(WebhookEndpoint.failing_since).is_not(None)
    )
    return dict(tx.exec(query.group_by(col(WebhookEndpoint.mode))).all())
