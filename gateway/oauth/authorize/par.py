"""Pushed authorisation requests (RFC 9126): a client sends its parameters ahead and gets a name for them.

The browser then carries only that name, so nobody on the way can read or change what is asked for. It is the name
of one client's request, opened within 90 seconds and answered once.
"""

from __future__ import annotations

import secrets
from datetime import timedelta

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749.errors import InvalidRequestError
from flask import Request
from sqlalchemy import delete, func
from sqlmodel import col, or_, select

from gateway.db.transactions import Transaction
from gateway.oauth.authorize import parameters
from gateway.oauth.models import OAuthClient, PushedRequest
from gateway.privacy.vault import Vault
from gateway.web.context import gateway

LIFE = timedelta(seconds=90)
FORGOTTEN_AFTER = timedelta(hours=1)
"""A person may take half an hour at the login; then nothing asks for the request any more."""
SWEPT = 100
"""Old requests that each new one deletes at most: more than one, so that none are left."""
PREFIX = "urn:ietf:params:oauth:request_uri:"
PARAMETERS = (
    "response_type",
    "client_id",
    "redirect_uri",
    "scope",
    "state",
    "code_challenge",
    "code_challenge_method",
    "resource",
    "dpop_jkt",
)
"""Parameters of a request; what else is sent has no meaning and is not kept."""
LONGEST = 4 * 1024
"""Bytes of one request that are kept."""
MOST_WAITING = 2_000
"""Requests of one client that wait to be opened. They wait for 90 seconds at most, so a flood is over as soon."""
REFUSED = "The request_uri is unknown, expired, already used, or belongs to another client: start again."


class TooManyWaitingError(OAuth2Error):  # type: ignore[misc,unused-ignore]
    """As RFC 9126, section 2.3, answers a client that pushes too much."""

    error, status_code = "temporarily_unavailable", 429
    description = "Too many pushed requests of this client are waiting to be used. Try again in a minute."


def new_uri() -> str:
    """A fresh name: 256 random bits."""
    return PREFIX + secrets.token_urlsafe(32)


def push(tx: Transaction, vault: Vault, client: OAuthClient, uri: str, values: dict[str, str]) -> None:
    """Keep a checked request under its name. Raises ``OAuth2Error`` when it is too long, or too many wait."""
    kept = {name: value for name, value in values.items() if name in PARAMETERS}
    if sum(len(name) + len(value.encode()) for name, value in kept.items()) > LONGEST:
        raise InvalidRequestError(f"The request exceeds {LONGEST} bytes.")
    forget_expired(tx, limit=SWEPT)
    waiting = select(func.count()).where(
        PushedRequest.client_id == client.id,
        col(PushedRequest.opened_at).is_(None),
        col(PushedRequest.expires_at) > tx.wall,
    )
    if tx.exec(waiting).one() >= MOST_WAITING:
        raise TooManyWaitingError
    tx.add(
        PushedRequest(
            uri_lookup=vault.lookup(uri, "pushed_request"),
            client_id=client.id,
            mode=client.mode,
            parameters={**kept, "client_id": client.id},
            expires_at=tx.wall + LIFE,
        )
    )


def authorization_of(request: Request) -> dict[str, str]:
    """What an authorisation request asks for, by its address or by what was pushed. Raises ``InvalidRequestError``.

    Of an address with a ``request_uri`` only the name and the client count, so that nothing can be added to it.
    """
    values = parameters.in_address(request)
    if "request" in values:
        raise InvalidRequestError("Request objects are not supported: push the request to /oauth/par.")
    if "request_uri" not in values:
        return values
    here, uri, client_id = gateway(), values["request_uri"], values.get("client_id", "")
    if request.method == "POST":
        with here.db.read() as tx:
            row = _open(tx, here.vault, uri, client_id)
            if row.opened_at is None:
                raise InvalidRequestError(REFUSED)
            found = dict(row.parameters)
    else:
        found = here.db.write(lambda tx: _opened(tx, here.vault, uri, client_id))
    return {**found, "request_uri": uri}


def address(authorization: dict[str, str]) -> dict[str, str]:
    """What the address of a form carries: all that was asked, or only the name of what was pushed."""
    if "request_uri" not in authorization:
        return authorization
    return {name: authorization[name] for name in ("client_id", "request_uri")}


def use(tx: Transaction, vault: Vault, uri: str, client_id: str) -> None:
    """The request is answered: its name is worth nothing any more. Raises ``InvalidRequestError``."""
    row = _open(tx, vault, uri, client_id)
    row.used_at = tx.wall
    tx.add(row)


def forget_expired(tx: Transaction, *, limit: int) -> None:
    """Drop requests that nobody opened in time, and those that were opened an hour ago."""
    over = or_(
        col(PushedRequest.opened_at).is_(None), col(PushedRequest.expires_at) <= tx.wall - FORGOTTEN_AFTER
    )
    old = (
        select(PushedRequest.uri_lookup)
        .where(col(PushedRequest.expires_at) <= tx.wall, over)
        .order_by(col(PushedRequest.expires_at))
        .limit(limit)
    )
    names = list(tx.exec(old))
    if names:
        tx.execute(delete(PushedRequest).where(col(PushedRequest.uri_lookup).in_(names)))


def _opened(tx: Transaction, vault: Vault, uri: str, client_id: str) -> dict[str, str]:
    """Opened by a browser in time; opened again, for a page that is loaded anew, in the same time."""
    row = _open(tx, vault, uri, client_id)
    if row.expires_at <= tx.wall:
        raise InvalidRequestError(REFUSED)
    row.opened_at = row.opened_at or tx.wall
    tx.add(row)
    return dict(row.parameters)


def _open(tx: Transaction, vault: Vault, uri: str, client_id: str) -> PushedRequest:
    row = tx.get(PushedRequest, vault.lookup(uri, "pushed_request"))
    late = row is not None and row.expires_at + FORGOTTEN_AFTER <= tx.wall
    if row is None or row.client_id != client_id or row.used_at is not None or late:
        raise InvalidRequestError(REFUSED)
    return row
