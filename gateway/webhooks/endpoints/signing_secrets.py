"""The secrets that sign an endpoint's deliveries: one is current, and each earlier one has its own end."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete
from sqlmodel import col, or_, select

from gateway.db.transactions import Transaction
from gateway.errors import NotFound, TooManySecrets, WrongState
from gateway.webhooks.delivery import signatures
from gateway.webhooks.models import WebhookSecret

if TYPE_CHECKING:
    from gateway.privacy.vault import Vault

OVERLAP = timedelta(hours=24)
"""How long a secret goes on signing after a rotation."""
MOST = 5
"""Secrets of one endpoint that sign at the same time."""


def live(tx: Transaction, endpoint_id: str) -> list[WebhookSecret]:
    """The secrets that sign now, the current one first."""
    query = select(WebhookSecret).where(
        WebhookSecret.endpoint_id == endpoint_id,
        or_(col(WebhookSecret.expires_at).is_(None), col(WebhookSecret.expires_at) > tx.wall),
    )
    return sorted(tx.exec(query), key=lambda row: (row.created_at, row.id), reverse=True)


def add(tx: Transaction, vault: Vault, endpoint_id: str) -> str:
    """A fresh current secret, stored sealed; the caller shows it this once."""
    secret = signatures.new_secret()
    row = WebhookSecret(id=tx.new_id("whs"), endpoint_id=endpoint_id, secret=b"", created_at=tx.wall)
    _seal(vault, row, secret)
    tx.add(row)
    return secret


def rotate(tx: Transaction, vault: Vault, endpoint_id: str) -> str:
    """Make a new secret current; the one it replaces ends in 24 hours, and older ones keep the end they have.

    The caller holds the lock of the endpoint. Raises ``TooManySecrets``.
    """
    rows = live(tx, endpoint_id)
    if len(rows) >= MOST:
        first = min(row.expires_at for row in rows if row.expires_at is not None)
        raise TooManySecrets(
            f"{MOST} secrets are in use and the next one expires at {first.isoformat()}: wait until then, or "
            "revoke one with revoke_secret."
        )
    for row in rows:
        if row.expires_at is None:
            row.expires_at = tx.wall + OVERLAP
            tx.add(row)
    _forget(tx, col(WebhookSecret.endpoint_id) == endpoint_id)
    return add(tx, vault, endpoint_id)


def revoke(tx: Transaction, endpoint_id: str, secret_id: str) -> None:
    """End a secret now. Raises ``NotFound``, and ``WrongState`` for the current one."""
    row = next((row for row in live(tx, endpoint_id) if row.id == secret_id), None)
    if row is None:
        raise NotFound(f"The endpoint has no secret {secret_id!r} in use.")
    if row.expires_at is None:
        raise WrongState("This secret is the current one: rotate it first, then revoke it.", param="secret")
    tx.delete(row)


def keys(rows: Iterable[WebhookSecret], vault: Vault, *, at: datetime) -> list[str]:
    """The secrets among ``rows`` that sign at a moment, in clear and in their order."""
    return [_open(vault, row) for row in rows if row.expires_at is None or row.expires_at > at]


def views(rows: Iterable[WebhookSecret]) -> list[dict[str, Any]]:
    """The secrets as the API lists them: never their values."""
    return [{"id": row.id, "created_at": row.created_at, "expires_at": row.expires_at} for row in rows]


def forget_all(tx: Transaction, endpoint_id: str) -> None:
    """Delete every secret of an endpoint."""
    tx.flush()
    tx.execute(delete(WebhookSecret).where(col(WebhookSecret.endpoint_id) == endpoint_id))


def forget_ended(tx: Transaction) -> None:
    """Delete the secrets that have ended."""
    _forget(tx)


def reseal(tx: Transaction, vault: Vault, *, after: str, limit: int) -> str | None:
    """Reseal some secrets with the newest master key, from the id ``after`` on; returns where to go on, or None."""
    query = select(WebhookSecret).where(WebhookSecret.id > after).order_by(col(WebhookSecret.id))
    rows = list(tx.exec(query.limit(limit).with_for_update()))
    for row in rows:
        if not vault.is_current(row.secret):
            _seal(vault, row, _open(vault, row))
            tx.add(row)
    return rows[-1].id if rows else None


def _forget(tx: Transaction, *among: Any) -> None:
    tx.flush()
    tx.execute(delete(WebhookSecret).where(col(WebhookSecret.expires_at) <= tx.wall, *among))


def _seal(vault: Vault, row: WebhookSecret, secret: str) -> None:
    row.secret = vault.seal(secret, table="webhook_secret", row=row.id, column="secret")
    row.sealed_as = None


def _open(vault: Vault, row: WebhookSecret) -> str:
    if row.sealed_as is not None:
        return vault.open(row.secret, table="webhook_endpoint", row=row.endpoint_id, column=row.sealed_as)
    return vault.open(row.secret, table="webhook_secret", row=row.id, column="secret")
