"""What ``fenqi-gateway delivery …`` does. Returns the exit code.

Addresses are shown without path and query, which may hold a token.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from sqlmodel import col, select

from gateway.core.tables import listed
from gateway.core.tenant import Mode
from gateway.db.transactions import Database
from gateway.webhooks.models import WebhookDelivery, WebhookEndpoint


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
