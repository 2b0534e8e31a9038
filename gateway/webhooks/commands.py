"""What ``fenqi-gateway delivery …`` and ``outbox …`` do. Each returns the exit code.

Addresses are shown without path and query, which may hold a token, and payloads of the outbox not at all.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from sqlmodel import col, select

from gateway.core.tables import listed
from gateway.core.tenant import Mode
from gateway.db.transactions import Database
from gateway.webhooks.models import OutboxItem, WebhookDelivery, WebhookEndpoint

IDENTIFIER = re.compile(r"[a-z]{2,4}_[0-9A-Za-z]{10,40}")
LONGEST_ERROR = 80


def show_deliveries(
    db: Database, *, merchant: str | None, mode: Mode | None, status: str | None, limit: int, as_json: bool
) -> int:
    """Print the newest deliveries of webhooks, of all merchants or of one."""
    query = (
        select(WebhookDelivery, WebhookEndpoint.url)
        .join(WebhookEndpoint, col(WebhookEndpoint.id) == WebhookDelivery.endpoint_id)
        .order_by(col(WebhookDelivery.id).desc())
        .limit(limit)
    )
    if merchant:
        query = query.where(WebhookDelivery.merchant_id == merchant)
    if mode:
        query = query.where(WebhookDelivery.mode == mode)
    if status:
        query = query.where(WebhookDelivery.status == status)
    with db.read() as tx:
        rows = [_delivery(delivery, url) for delivery, url in tx.exec(query)]
    print(listed(rows, as_json=as_json))
    return 0


def show_outbox(db: Database, *, everything: bool, limit: int, as_json: bool) -> int:
    """Print what waits to leave the gateway, the next first; ``everything``: also what is done, newest first."""
    query = select(OutboxItem).limit(limit)
    if everything:
        query = query.order_by(col(OutboxItem.id).desc())
    else:
        query = query.where(col(OutboxItem.done_at).is_(None)).order_by(col(OutboxItem.next_at))
    with db.read() as tx:
        rows = [_item(item) for item in tx.exec(query)]
    print(listed(rows, as_json=as_json))
    return 0


def _delivery(delivery: WebhookDelivery, url: str) -> dict[str, Any]:
    parts = urlsplit(url)
    return {
        "id": delivery.id,
        "merchant": delivery.merchant_id,
        "mode": delivery.mode,
        "status": delivery.status,
        "type": delivery.type,
        "object": delivery.object_id,
        "endpoint": delivery.endpoint_id,
        "to": f"{parts.scheme}://{parts.hostname}",
        "attempts": delivery.attempts,
        "created_at": delivery.created_at.isoformat(),
    }


def _item(item: OutboxItem) -> dict[str, Any]:
    about = [
        value for value in item.payload.values() if isinstance(value, str) and IDENTIFIER.fullmatch(value)
    ]
    return {
        "id": item.id,
        "topic": item.topic,
        "about": about[0] if about else None,
        "attempts": item.attempts,
        "created_at": item.created_at.isoformat(),
        "next_at": item.next_at.isoformat(),
        "done_at": item.done_at.isoformat() if item.done_at else None,
        "last_error": item.last_error[:LONGEST_ERROR] if item.last_error else None,
    }
