"""Recording events and reading them back; every recorded event is queued for the merchant's endpoints."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func
from sqlmodel import col, select

from gateway.core.tenant import Tenant
from gateway.db.transactions import Transaction
from gateway.errors import NotFound
from gateway.privacy.vault import Vault
from gateway.webhooks import outbox, signatures
from gateway.webhooks.models import Event, WebhookEndpoint

DELIVERY = "webhook.delivery"


def record(tx: Transaction, tenant: Tenant, type: str, *, object_id: str, data: dict[str, Any]) -> Event:
    """Note a change of state and queue it for every enabled endpoint, in the caller's transaction."""
    last = tx.exec(select(func.max(Event.sequence)).where(Event.object_id == object_id)).one()
    event = Event(
        id=tx.new_id("evt"),
        merchant_id=tenant.merchant_id,
        mode=tenant.mode,
        type=type,
        object_id=object_id,
        sequence=(last or 0) + 1,
        data=data,
        created_at=tx.now,
    )
    tx.add(event)
    for endpoint_id in tx.exec(
        select(WebhookEndpoint.id).where(
            WebhookEndpoint.merchant_id == tenant.merchant_id,
            WebhookEndpoint.mode == tenant.mode,
            WebhookEndpoint.enabled == True,  # noqa: E712
        )
    ):
        outbox.put(tx, DELIVERY, {"event": event.id, "endpoint": endpoint_id})
    return event


def get_event(tx: Transaction, tenant: Tenant, event_id: str) -> Event:
    """The merchant's event. Raises ``NotFound``."""
    event = tx.get(Event, event_id)
    if event is None or not tenant.owns(event):
        raise NotFound(f"There is no event {event_id!r}.")
    return event


def create_endpoint(
    tx: Transaction, tenant: Tenant, vault: Vault, *, url: str
) -> tuple[WebhookEndpoint, str]:
    """A new endpoint and its secret (``whsec_…``), which is shown this once and stored sealed."""
    secret = signatures.new_secret()
    endpoint_id = tx.new_id("we")
    endpoint = WebhookEndpoint(
        id=endpoint_id,
        merchant_id=tenant.merchant_id,
        mode=tenant.mode,
        url=url,
        secret=vault.seal(secret, table="webhook_endpoint", row=endpoint_id, column="secret"),
        enabled=True,
        created_at=tx.now,
    )
    tx.add(endpoint)
    return endpoint, secret


def move_endpoints(tx: Transaction, tenant: Tenant, *, url: str, enabled: bool) -> None:
    """Point the merchant's endpoints to another address, or switch them off."""
    query = select(WebhookEndpoint).where(
        WebhookEndpoint.merchant_id == tenant.merchant_id, WebhookEndpoint.mode == tenant.mode
    )
    for endpoint in tx.exec(query):
        endpoint.url, endpoint.enabled = url, enabled
        tx.add(endpoint)


def reseal(tx: Transaction, vault: Vault, *, after: str, limit: int) -> str | None:
    """Seal some secrets anew with the newest master key, from the id ``after`` on; returns where to go on, or None."""
    query = select(WebhookEndpoint).where(WebhookEndpoint.id > after).order_by(col(WebhookEndpoint.id))
    rows = list(tx.exec(query.limit(limit).with_for_update()))
    for row in rows:
        if not vault.is_current(row.secret):
            place = {"table": "webhook_endpoint", "row": row.id, "column": "secret"}
            row.secret = vault.seal(vault.open(row.secret, **place), **place)
            tx.add(row)
    return rows[-1].id if rows else None
