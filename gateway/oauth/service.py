"""What happens to clients and their secrets: they are created, checked, and looked up."""

from __future__ import annotations

import hmac
import secrets
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import and_, bindparam
from sqlalchemy import select as select_columns
from sqlmodel import SQLModel, col, or_, select

from gateway.core.scopes import MERCHANT_SCOPES, PORTAL_SCOPES, SERVER_SCOPES, in_order
from gateway.core.tenant import Mode, Tenant
from gateway.db.transactions import Transaction
from gateway.errors import Conflict, NotFound, TooManySecrets, ValidationFailed
from gateway.merchants import service as merchants
from gateway.oauth.clients import assertions
from gateway.oauth.clients.machine_secrets import new_secret
from gateway.oauth.models import ClientSecret, OAuthClient
from gateway.oauth.tokens.jose import NotAcceptable
from gateway.privacy.vault import Vault

SECRET_PURPOSE = "client_secret"
SECRETS = SQLModel.metadata.tables["client_secret"]
CLIENTS = SQLModel.metadata.tables["oauth_client"]
VALID_SECRET = and_(
    SECRETS.c.client_id == CLIENTS.c.id,
    SECRETS.c.key_id == bindparam("key"),
    or_(SECRETS.c.expires_at.is_(None), SECRETS.c.expires_at > bindparam("now")),
)
WITH_SECRETS = merchants.read_agreement_along(
    select_columns(CLIENTS, SECRETS.c.secret_lookup)
    .select_from(CLIENTS.outerjoin(SECRETS, VALID_SECRET))
    .where(CLIENTS.c.id == bindparam("client")),
    CLIENTS.c.merchant_id,
)
"""Made once: every token asks for its client, its valid secrets and the agreement of its merchant."""
MOST_SECRETS = 5
"""Secrets of one client that are valid at the same time."""
LOOPBACK = ("localhost", "127.0.0.1", "::1")


def create_client(
    tx: Transaction, vault: Vault, *, merchant_id: str, mode: Mode, scopes: tuple[str, ...] = MERCHANT_SCOPES
) -> tuple[str, str]:
    """A client for a merchant's server; returns its id and its secret, which is shown this once.

    Raises ``NotFound`` for an unknown merchant, ``ValidationFailed`` for a scope that a server may not have or the
    merchant has not agreed.
    """
    client = _new_server(tx, merchant_id=merchant_id, mode=mode, scopes=scopes)
    return client.id, add_secret(tx, vault, client)


def create_client_with_keys(
    tx: Transaction,
    *,
    merchant_id: str,
    mode: Mode,
    jwks: Any,
    alg: str | None = None,
    scopes: tuple[str, ...] = MERCHANT_SCOPES,
) -> OAuthClient:
    """A client that proves itself by its own key (``private_key_jwt``) and has no secret.

    Raises ``NotFound``, and ``ValidationFailed`` for a scope it may not have or keys that cannot be used.
    """
    client = _new_server(tx, merchant_id=merchant_id, mode=mode, scopes=scopes)
    return set_keys(tx, client.id, jwks, alg)


def set_keys(tx: Transaction, client_id: str, jwks: Any, alg: str | None = None) -> OAuthClient:
    """Replace the public keys of a server's client; from now on it has these and no secret.

    Raises ``NotFound``, ``ValidationFailed``.
    """
    client = server_client(tx, client_id)
    try:
        client.jwks, client.assertion_alg = assertions.checked_keys(jwks, alg)
    except NotAcceptable as error:
        raise _invalid("jwks", f"The key set cannot be used: {error}.") from None
    for secret in valid_secrets(tx, client_id):
        secret.expires_at = tx.now
        tx.add(secret)
    tx.add(client)
    return client


def _new_server(tx: Transaction, *, merchant_id: str, mode: Mode, scopes: tuple[str, ...]) -> OAuthClient:
    refused = [scope for scope in scopes if scope not in SERVER_SCOPES]
    if refused or not scopes:
        raise _invalid("scopes", f"A server's scopes must be among: {' '.join(SERVER_SCOPES)}.")
    missing = set(scopes) - set(merchants.agreement(tx, merchant_id))
    if missing:
        names = " ".join(in_order(missing))
        raise _invalid(
            "scopes",
            f"{merchant_id} has not been granted {names}. Run: fenqi-gateway merchant grant {merchant_id} {names}",
        )
    client = OAuthClient(
        id=f"ci_{mode}_{secrets.token_hex(12)}",
        kind="server",
        merchant_id=merchant_id,
        mode=mode,
        scopes=in_order(scopes),
        redirect_uris=[],
        created_at=tx.now,
    )
    tx.add(client)
    tx.flush()
    return client


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
    """A new secret, shown this once; the one before it ends after ``overlap``, older ones keep the end they have.

    Raises ``NotFound`` for a client that is not this merchant's in this mode, ``Conflict`` for one that has keys
    instead, ``TooManySecrets`` when more than ``MOST_SECRETS`` would be valid.
    """
    client = tx.exec(select(OAuthClient).where(OAuthClient.id == client_id).with_for_update()).first()
    if client is None or (client.merchant_id, client.mode) != (tenant.merchant_id, tenant.mode):
        raise NotFound(f"There is no client {client_id!r}.")
    if client.assertion_alg is not None:
        raise Conflict(f"{client_id} authenticates with its own key and has no secret.")
    valid = valid_secrets(tx, client_id)
    staying = [row for row in valid if row.expires_at is not None or overlap]
    if len(staying) >= MOST_SECRETS:
        raise TooManySecrets(
            f"{len(staying)} secrets of {client_id} would stay valid beside the new one, but only "
            f"{MOST_SECRETS} may be valid in total: wait until one expires, or revoke one."
        )
    for row in valid:
        if row.expires_at is None:
            row.expires_at = tx.now + overlap
            tx.add(row)
    return add_secret(tx, vault, client)


def revoke_secret(tx: Transaction, *, client_id: str, secret_id: str) -> None:
    """End a secret at once. Raises ``NotFound`` when the client has none of this id that is valid."""
    for row in valid_secrets(tx, client_id):
        if row.id == secret_id:
            row.expires_at = tx.now
            tx.add(row)
            return
    raise NotFound(f"{client_id!r} has no valid secret {secret_id!r}.")


def server_client(tx: Transaction, client_id: str) -> OAuthClient:
    """The client of a merchant's server. Raises ``NotFound``."""
    client = tx.get(OAuthClient, client_id)
    if client is None or client.kind != "server":
        raise NotFound(f"There is no client {client_id!r} of a merchant's server.")
    return client


def require(
    tx: Transaction, client_id: str, *, par: bool | None = None, dpop: bool | None = None
) -> OAuthClient:
    """Say whether a client must push its requests, and bind its tokens; None leaves it. Raises ``NotFound``."""
    client = tx.get(OAuthClient, client_id)
    if client is None:
        raise NotFound(f"There is no client {client_id!r}.")
    client.require_par = client.require_par if par is None else par
    client.require_dpop = client.require_dpop if dpop is None else dpop
    tx.add(client)
    return client


def clients(tx: Transaction, merchant_id: str | None = None) -> list[tuple[OAuthClient, list[ClientSecret]]]:
    """Every client, or those of a merchant, each with its secrets that are valid."""
    query = select(OAuthClient).order_by(col(OAuthClient.created_at), col(OAuthClient.id))
    if merchant_id is not None:
        query = query.where(OAuthClient.merchant_id == merchant_id)
    return [(client, valid_secrets(tx, client.id)) for client in tx.exec(query)]


def by_secret(tx: Transaction, vault: Vault, client_id: str, secret: str) -> OAuthClient | None:
    """The client as a row to look at, if ``secret`` is one of its valid ones; an unknown client takes as long."""
    given = vault.lookup(secret, SECRET_PURPOSE)
    parameters = {
        "client": client_id if is_usable(client_id) else "",
        "key": vault.lookup_key_id,
        "now": tx.now,
    }
    rows = tx.connection().execute(WITH_SECRETS, parameters).all()
    # A sum looks at every secret, where ``any`` would stop at the right one.
    known = [row.secret_lookup or "" for row in rows] or [""]
    if not sum(hmac.compare_digest(lookup, given) for lookup in known):
        return None
    client: Any = rows[0]
    if client.merchant_id is not None:
        merchants.note_agreement(tx, client.merchant_id, client.agreement)
    return client  # type: ignore[no-any-return]


def is_usable(client_id: str) -> bool:
    """Whether this can be the id of a client at all."""
    return client_id.isascii() and client_id.isprintable()


def portal_client(tx: Transaction, *, redirect_uris: list[str], mode: Mode) -> OAuthClient:
    """The portal's own client of a mode, made when first asked for.

    Its redirect addresses follow the settings, its scopes what the portal's pages need.

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
            scopes=list(PORTAL_SCOPES),
            redirect_uris=redirect_uris,
            created_at=tx.now,
        )
    client.scopes, client.redirect_uris = list(PORTAL_SCOPES), list(redirect_uris)
    tx.add(client)
    tx.flush()
    return client


def has_clients(tx: Transaction, mode: Mode) -> bool:
    """Whether any program can speak in this mode."""
    return tx.exec(select(OAuthClient.id).where(OAuthClient.mode == mode).limit(1)).first() is not None


def valid_secrets(tx: Transaction, client_id: str) -> list[ClientSecret]:
    """The secrets of a client that have not ended, the oldest first."""
    query = select(ClientSecret).where(
        ClientSecret.client_id == client_id,
        or_(col(ClientSecret.expires_at).is_(None), col(ClientSecret.expires_at) > tx.now),
    )
    return list(tx.exec(query.order_by(col(ClientSecret.created_at), col(ClientSecret.id))))


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
