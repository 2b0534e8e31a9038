"""Webhook endpoints: making, changing and ending them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from sqlalchemy import func
from sqlmodel import col, select

from gateway.core.tenant import Tenant
from gateway.db.transactions import Transaction
from gateway.errors import NotFound, TooManyEndpoints
from gateway.web import paging
from gateway.web.operations import VERSION
from gateway.webhooks.delivery import queue
from gateway.webhooks.endpoints import rights, signing_secrets
from gateway.webhooks.models import WebhookEndpoint

if TYPE_CHECKING:
    from gateway.privacy.vault import Vault
    from gateway.web.context import Caller

MOST = 16
"""Endpoints of one merchant in one mode."""
ALL_EVENTS = ("*",)
SETS_UP = {"url", "enabled_events"}


def create_endpoint(
    tx: Transaction,
    tenant: Tenant,
    vault: Vault,
    *,
    url: str,
    enabled_events: list[str] | None = None,
    description: str | None = None,
    api_version: str = VERSION,
    client_id: str | None = None,
    member_id: str | None = None,
) -> tuple[WebhookEndpoint, str]:
    """A new endpoint and its secret (``whsec_…``), which is shown this once and stored sealed.

    It is told what the client, or the person by it, may read; without either, what the merchant has agreed.
    Raises ``TooManyEndpoints``.
    """
    count = tx.exec(of_tenant(tenant).with_only_columns(func.count())).one()
    if count >= MOST:
        raise TooManyEndpoints(f"There are already {MOST} endpoints: delete one first.")
    endpoint = WebhookEndpoint(
        id=tx.new_id("we"),
        merchant_id=tenant.merchant_id,
        mode=tenant.mode,
        client_id=client_id,
        member_id=member_id,
        url=url,
        description=description,
        enabled_events=enabled_events or list(ALL_EVENTS),
        api_version=api_version,
        enabled=True,
        slow=False,
        created_at=tx.wall,
    )
    tx.add(endpoint)
    tx.flush()
    return endpoint, signing_secrets.add(tx, vault, endpoint.id)


def of_tenant(tenant: Tenant) -> Any:
    """The merchant's endpoints that were not deleted, as a query."""
    return paging.of_tenant(WebhookEndpoint, tenant).where(col(WebhookEndpoint.deleted_at).is_(None))


def get(tx: Transaction, tenant: Tenant, endpoint_id: str) -> WebhookEndpoint:
    """The merchant's endpoint. Raises ``NotFound``, also for a deleted one."""
    return _owned(tx.get(WebhookEndpoint, endpoint_id), tenant, endpoint_id)


def locked(tx: Transaction, tenant: Tenant, endpoint_id: str) -> WebhookEndpoint:
    """The merchant's endpoint, to be changed. Raises ``NotFound``."""
    query = select(WebhookEndpoint).where(WebhookEndpoint.id == endpoint_id).with_for_update()
    return _owned(tx.exec(query).first(), tenant, endpoint_id)


def change(
    tx: Transaction,
    tenant: Tenant,
    endpoint_id: str,
    changes: dict[str, Any],
    *,
    by: Caller | None = None,
) -> WebhookEndpoint:
    """Set what ``changes`` names; ``status`` switches deliveries on or off.

    Whoever sets the address or the events sets the endpoint up: from now on it is told what ``by`` may read. Raises
    ``NotFound``, and ``RoleMissing`` or ``ScopeMissing`` when the endpoint then names what ``by`` may not read.
    """
    endpoint = locked(tx, tenant, endpoint_id)
    if by is not None and SETS_UP & changes.keys():
        rights.check(by, changes.get("enabled_events", endpoint.enabled_events))
        endpoint.client_id, endpoint.member_id = by.client_id, by.user_id
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
        queue.bring_forward(tx, endpoint.id)
    tx.add(endpoint)
    return endpoint


def disable(tx: Transaction, endpoint: WebhookEndpoint, reason: str) -> None:
    """Stop delivering; what waits is canceled, and a replay sends it once the endpoint is enabled again."""
    endpoint.enabled, endpoint.disabled_reason, endpoint.disabled_at = False, reason, tx.wall
    tx.add(endpoint)
    queue.cancel(tx, endpoint.id, tests=False)


def delete(tx: Transaction, tenant: Tenant, endpoint_id: str) -> WebhookEndpoint:
    """End an endpoint for good: its secrets are deleted, its deliveries no longer found. Raises ``NotFound``."""
    endpoint = locked(tx, tenant, endpoint_id)
    if endpoint.enabled:
        disable(tx, endpoint, "requested")
    queue.cancel(tx, endpoint.id, tests=True)
    signing_secrets.forget_all(tx, endpoint.id)
    endpoint.deleted_at = tx.wall
    tx.add(endpoint)
    return endpoint


def rotate_secret(
    tx: Transaction, tenant: Tenant, vault: Vault, endpoint_id: str
) -> tuple[WebhookEndpoint, str]:
    """A new secret, shown this once; the one before it signs for 24 hours more.

    Raises ``NotFound``, and ``TooManySecrets`` when as many are in use as there may be.
    """
    endpoint = locked(tx, tenant, endpoint_id)
    return endpoint, signing_secrets.rotate(tx, vault, endpoint.id)


def revoke_secret(tx: Transaction, tenant: Tenant, endpoint_id: str, secret_id: str) -> WebhookEndpoint:
    """End a replaced secret now. Raises ``NotFound``, and ``WrongState`` for the current one."""
    endpoint = locked(tx, tenant, endpoint_id)
    signing_secrets.revoke(tx, endpoint.id, secret_id)
    return endpoint


def view(tx: Transaction, endpoint: WebhookEndpoint, *, secret: str | None = None) -> dict[str, Any]:
    """The endpoint as the API shows it; ``secret`` only where it is new."""
    return {
        "id": endpoint.id,
        "mode": endpoint.mode,
        "url": endpoint.url,
        "description": endpoint.description,
        "enabled_events": endpoint.enabled_events,
        "withheld_events": rights.withheld(tx, endpoint),
        "api_version": endpoint.api_version,
        "status": "enabled" if endpoint.enabled else "disabled",
        "disabled_reason": endpoint.disabled_reason,
        "disabled_at": endpoint.disabled_at,
        "failing_since": endpoint.failing_since,
        "secrets": signing_secrets.views(signing_secrets.live(tx, endpoint.id)),
        "created_at": endpoint.created_at,
        **({"secret": secret} if secret is not None else {}),
    }


def move_endpoints(tx: Transaction, tenant: Tenant, *, url: str, enabled: bool) -> None:
    """Point the merchant's endpoints of the same path to another origin, or switch them off."""
    for endpoint in tx.exec(of_tenant(tenant)):
        if urlsplit(endpoint.url).path == urlsplit(url).path:
            change(tx, tenant, endpoint.id, {"url": url, "status": "enabled" if enabled else "disabled"})


def _owned(endpoint: WebhookEndpoint | None, tenant: Tenant, endpoint_id: str) -> WebhookEndpoint:
    if endpoint is None or endpoint.deleted_at is not None or not tenant.owns(endpoint):
        raise NotFound(f"There is no webhook endpoint {endpoint_id!r}.")
    return endpoint
