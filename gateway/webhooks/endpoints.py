"""Webhook endpoints: making, changing and ending them, and the secrets their deliveries are signed with."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from sqlalchemy import func
from sqlmodel import col, select

from gateway.core.tenant import Tenant
from gateway.db.transactions import Transaction
from gateway.errors import NotFound, TooManyEndpoints
from gateway.web.operations import VERSION
from gateway.webhooks import signatures, waiting
from gateway.webhooks.models import WebhookEndpoint

if TYPE_CHECKING:
    from gateway.privacy.vault import Vault

MOST = 16
"""Endpoints of one merchant in one mode."""
OVERLAP = timedelta(hours=24)
"""How long the old secret signs beside the new one."""
ALL_EVENTS = ("*",)


def create_endpoint(
    tx: Transaction,
    tenant: Tenant,
    vault: Vault,
    *,
    url: str,
    enabled_events: list[str] | None = None,
    description: str | None = None,
    api_version: str = VERSION,
) -> tuple[WebhookEndpoint, str]:
    """A new endpoint and its secret (``whsec_…``), which is shown this once and stored sealed.

    Raises ``TooManyEndpoints``.
    """
    count = tx.exec(query_of(tenant).with_only_columns(func.count())).one()
    if count >= MOST:
        raise TooManyEndpoints(f"There are {MOST} endpoints already: delete one first.")
    secret = signatures.new_secret()
    endpoint_id = tx.new_id("we")
    endpoint = WebhookEndpoint(
        id=endpoint_id,
        merchant_id=tenant.merchant_id,
        mode=tenant.mode,
        url=url,
        description=description,
        enabled_events=enabled_events or list(ALL_EVENTS),
        api_version=api_version,
        secret=_sealed(vault, endpoint_id, secret),
        enabled=True,
        slow=False,
        created_at=tx.wall,
    )
    tx.add(endpoint)
    return endpoint, secret


def query_of(tenant: Tenant) -> Any:
    """The query of a merchant's endpoints."""
    return select(WebhookEndpoint).where(
        WebhookEndpoint.merchant_id == tenant.merchant_id,
        WebhookEndpoint.mode == tenant.mode,
        col(WebhookEndpoint.deleted_at).is_(None),
    )


def get(tx: Transaction, tenant: Tenant, endpoint_id: str) -> WebhookEndpoint:
    """The merchant's endpoint. Raises ``NotFound``, also for a deleted one."""
    return _owned(tx.get(WebhookEndpoint, endpoint_id), tenant, endpoint_id)


def locked(tx: Transaction, tenant: Tenant, endpoint_id: str) -> WebhookEndpoint:
    """The merchant's endpoint, to be changed. Raises ``NotFound``."""
    query = select(WebhookEndpoint).where(WebhookEndpoint.id == endpoint_id).with_for_update()
    return _owned(tx.exec(query).first(), tenant, endpoint_id)


def change(tx: Transaction, tenant: Tenant, endpoint_id: str, changes: dict[str, Any]) -> WebhookEndpoint:
    """Set what ``changes`` names; ``status`` switches deliveries on or off. Raises ``NotFound``."""
    endpoint = locked(tx, tenant, endpoint_id)
    for name in ("url", "description", "enabled_events", "api_version"):
        if name in changes:
            setattr(endpoint, name, changes[name])
    status = changes.get("status")
    if status == "disabled" and endpoint.enabled:
        disable(tx, endpoint, "requested")
    if status == "enabled" and not endpoint.enabled:
        endpoint.enabled, endpoint.disabled_reason, endpoint.disabled_at = True, None, None
    if status == "enabled" or "url" in changes:
        endpoint.failing_since, endpoint.slow = None, False
        waiting.bring_forward(tx, endpoint.id)
    tx.add(endpoint)
    return endpoint


def disable(tx: Transaction, endpoint: WebhookEndpoint, reason: str) -> None:
    """Stop delivering; what waits is canceled, and a replay sends it once the endpoint is enabled again."""
    endpoint.enabled, endpoint.disabled_reason, endpoint.disabled_at = False, reason, tx.wall
    tx.add(endpoint)
    waiting.cancel(tx, endpoint.id, tests=False)


def delete(tx: Transaction, tenant: Tenant, endpoint_id: str) -> WebhookEndpoint:
    """End an endpoint for good: its secrets are wiped, its deliveries are no longer found. Raises ``NotFound``."""
    endpoint = locked(tx, tenant, endpoint_id)
    if endpoint.enabled:
        disable(tx, endpoint, "requested")
    waiting.cancel(tx, endpoint.id, tests=True)
    endpoint.deleted_at, endpoint.secret, endpoint.old_secret = tx.wall, b"", None
    tx.add(endpoint)
    return endpoint


def rotate_secret(
    tx: Transaction, tenant: Tenant, vault: Vault, endpoint_id: str
) -> tuple[WebhookEndpoint, str]:
    """A new secret, shown this once; deliveries carry the signatures of both for 24 hours. Raises ``NotFound``."""
    endpoint = locked(tx, tenant, endpoint_id)
    old = vault.open(endpoint.secret, table="webhook_endpoint", row=endpoint.id, column="secret")
    secret = signatures.new_secret()
    endpoint.secret = _sealed(vault, endpoint.id, secret)
    endpoint.old_secret = _sealed(vault, endpoint.id, old, column="old_secret")
    endpoint.old_secret_expires_at = tx.wall + OVERLAP
    tx.add(endpoint)
    return endpoint, secret


def keys(endpoint: WebhookEndpoint, vault: Vault, *, at: datetime) -> list[str]:
    """The secrets that sign at a moment, the newest first; none of an endpoint that was deleted."""
    if not endpoint.secret:
        return []
    place = {"table": "webhook_endpoint", "row": endpoint.id}
    found = [vault.open(endpoint.secret, column="secret", **place)]
    if endpoint.old_secret and endpoint.old_secret_expires_at and endpoint.old_secret_expires_at > at:
        found.append(vault.open(endpoint.old_secret, column="old_secret", **place))
    return found


def view(endpoint: WebhookEndpoint, *, at: datetime, secret: str | None = None) -> dict[str, Any]:
    """The endpoint as the API shows it; ``secret`` only where it is new."""
    rotating = endpoint.old_secret_expires_at if endpoint.old_secret else None
    return {
        "id": endpoint.id,
        "mode": endpoint.mode,
        "url": endpoint.url,
        "description": endpoint.description,
        "enabled_events": endpoint.enabled_events,
        "api_version": endpoint.api_version,
        "status": "enabled" if endpoint.enabled else "disabled",
        "disabled_reason": endpoint.disabled_reason,
        "disabled_at": endpoint.disabled_at,
        "failing_since": endpoint.failing_since,
        "old_secret_expires_at": rotating if rotating and rotating > at else None,
        "created_at": endpoint.created_at,
        **({"secret": secret} if secret is not None else {}),
    }


def move_endpoints(tx: Transaction, tenant: Tenant, *, url: str, enabled: bool) -> None:
    """Point the merchant's endpoints of the same path to another origin, or switch them off."""
    for endpoint in tx.exec(query_of(tenant)):
        if urlsplit(endpoint.url).path == urlsplit(url).path:
            change(tx, tenant, endpoint.id, {"url": url, "status": "enabled" if enabled else "disabled"})


def reseal(tx: Transaction, vault: Vault, *, after: str, limit: int) -> str | None:
    """Seal some secrets anew with the newest master key, from the id ``after`` on; returns where to go on, or None."""
    query = select(WebhookEndpoint).where(WebhookEndpoint.id > after).order_by(col(WebhookEndpoint.id))
    rows = list(tx.exec(query.limit(limit).with_for_update()))
    for row in rows:
        for column in ("secret", "old_secret"):
            sealed = getattr(row, column)
            if sealed and not vault.is_current(sealed):
                text = vault.open(sealed, table="webhook_endpoint", row=row.id, column=column)
                setattr(row, column, _sealed(vault, row.id, text, column=column))
        tx.add(row)
    return rows[-1].id if rows else None


def _owned(endpoint: WebhookEndpoint | None, tenant: Tenant, endpoint_id: str) -> WebhookEndpoint:
    if endpoint is None or endpoint.deleted_at is not None or not tenant.owns(endpoint):
        raise NotFound(f"There is no webhook endpoint {endpoint_id!r}.")
    return endpoint


def _sealed(vault: Vault, endpoint_id: str, secret: str, *, column: str = "secret") -> bytes:
    return vault.seal(secret, table="webhook_endpoint", row=endpoint_id, column=column)
