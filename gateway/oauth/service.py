"""What happens to clients and their secrets: they are created, checked, and looked up."""

from __future__ import annotations

import hmac
import secrets
from datetime import timedelta
from urllib.parse import urlsplit

from sqlmodel import col, or_, select

from gateway.core.tenant import Mode, Tenant
from gateway.db.transactions import Transaction
from gateway.errors import NotFound, ValidationFailed
from gateway.merchants import service as merchants
from gateway.oauth.machine_secrets import new_secret
from gateway.oauth.models import ClientSecret, OAuthClient
from gateway.oauth.scopes import ALL_SCOPES, SERVER_SCOPES
from gateway.privacy.vault import Vault

SECRET_PURPOSE = "client_secret"
LOOPBACK = ("localhost", "127.0.0.1", "::1")


def create_client(
    tx: Transaction, vault: Vault, *, merchant_id: str, mode: Mode, scopes: tuple[str, ...] = SERVER_SCOPES
) -> tuple[str, str]:
    """A client for a merchant's server; returns its id and its secret, which is shown this once.

    Raises ``NotFound`` for an unknown merchant, ``ValidationFailed`` for a scope that a server may not have.
    """
    refused = [scope for scope in scopes if scope not in SERVER_SCOPES]
    if refused or not scopes:
        raise _invalid("scopes", f"A server's scopes are among: {' '.join(SERVER_SCOPES)}.")
    merchants.get(tx, merchant_id)
    client = OAuthClient(
        id=f"ci_{mode}_{secrets.token_hex(12)}",
        kind="server",
        merchant_id=merchant_id,
        mode=mode,
        scopes=[scope for scope in SERVER_SCOPES if scope in scopes],
        redirect_uris=[],
        created_at=tx.now,
    )
    tx.add(client)
    tx.flush()
    return client.id, add_secret(tx, vault, client)


def add_secret(tx: Transaction, vault: Vault, client: OAuthClient) -> str:
    """A further secret for a client; the older ones stay valid until they are ended."""
    secret = new_secret(f"sk_{client.mode}")
    tx.add(
        ClientSecret(
            id=tx.new_id("sec"),
            client_id=client.id,
            secret_lookup=vault.lookup(secret, SECRET_PURPOSE),
            key_id=vault.lookup_key_id,
            created_at=tx.now,
        )
    )
    return secret


def rotate_secret(
    tx: Transaction, vault: Vault, tenant: Tenant, *, client_id: str, overlap: timedelta = timedelta()
) -> str:
    """A new secret, shown this once; the ones before it end after ``overlap``, or earlier if they were to.

    Raises ``NotFound`` for a client that is not this merchant's in this mode.
    """
    client = tx.get(OAuthClient, client_id)
    if client is None or (client.merchant_id, client.mode) != (tenant.merchant_id, tenant.mode):
        raise NotFound(f"There is no client {client_id!r}.")
    end = tx.now + overlap
    for old in _valid_secrets(tx, client_id):
        old.expires_at = min(end, old.expires_at or end)
        tx.add(old)
    return add_secret(tx, vault, client)


def secret_is_right(tx: Transaction, vault: Vault, client_id: str, secret: str) -> bool:
    """Whether ``secret`` is one of the client's valid ones; an unknown client takes as long."""
    given = vault.lookup(secret, SECRET_PURPOSE)
    known = [row.secret_lookup for row in _valid_secrets(tx, client_id) if row.key_id == vault.lookup_key_id]
    # A sum looks at every secret, where ``any`` would stop at the right one.
    return sum(hmac.compare_digest(lookup, given) for lookup in known or [""]) > 0


def portal_client(tx: Transaction, *, redirect_uris: list[str], mode: Mode) -> OAuthClient:
    """The portal's own client of a mode, made when first asked for; its redirect addresses follow the settings.

    Raises ``ValidationFailed`` for an address that no code may be sent to.
    """
    for address in redirect_uris:
        _check_redirect_uri(address, mode)
    client = tx.get(OAuthClient, f"ci_{mode}_portal")
    if client is None:
        client = OAuthClient(
            id=f"ci_{mode}_portal",
            kind="portal",
            merchant_id=None,
            mode=mode,
            scopes=list(ALL_SCOPES),
            redirect_uris=redirect_uris,
            created_at=tx.now,
        )
    client.redirect_uris = list(redirect_uris)
    tx.add(client)
    tx.flush()
    return client


def _valid_secrets(tx: Transaction, client_id: str) -> list[ClientSecret]:
    query = select(ClientSecret).where(
        ClientSecret.client_id == client_id,
        or_(col(ClientSecret.expires_at).is_(None), col(ClientSecret.expires_at) > tx.now),
    )
    return list(tx.exec(query))


def _check_redirect_uri(address: str, mode: Mode) -> None:
    try:
        parts = urlsplit(address)
    except ValueError:
        parts = urlsplit("")
    plain_http = parts.scheme == "http" and (mode == "test" or parts.hostname in LOOPBACK)
    usable = parts.hostname and parts.username is None and "#" not in address and address.isascii()
    if not usable or not (parts.scheme == "https" or plain_http):
        raise _invalid("redirect_uris", f"{address!r} must be an https address without user or fragment.")


def _invalid(param: str, detail: str) -> ValidationFailed:
    return ValidationFailed([{"param": param, "code": "invalid", "detail": detail}])
