"""Revocation (RFC 7009) and introspection (RFC 7662), each for the caller's own tokens only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from authlib.oauth2.rfc6749.errors import InvalidGrantError, InvalidRequestError
from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc7662 import IntrospectionEndpoint
from joserfc.errors import JoseError
from sqlmodel import select

from gateway.oauth.models import RefreshToken
from gateway.oauth.tokens.grants import METHODS, Client
from gateway.oauth.tokens.keys import TYPE
from gateway.oauth.tokens.revocation import is_revoked, revoke, revoke_family


@dataclass(frozen=True, slots=True)
class KnownToken:
    """A token somebody asks about: what it says, what ends it, and whether it is over."""

    claims: dict[str, Any]
    token_type: str
    is_family: bool
    over: bool

    def check_client(self, client: Client) -> bool:
        """Whether the token was issued to that client."""
        return bool(self.claims["client_id"] == client.row.id)

    def is_expired(self) -> bool:
        """Whether it has ended, by time or before."""
        return self.over

    def is_revoked(self) -> bool:
        """The same answer as ``is_expired``: to a stranger both are one."""
        return self.over


class Revocation(RevocationEndpoint):  # type: ignore[misc,unused-ignore]
    """A refresh token ends with all that descends from its login; an access token ends alone."""

    CLIENT_AUTH_METHODS = (*METHODS["server"], *METHODS["portal"])

    def authenticate_token(self, request: Any, client: Client) -> KnownToken | None:
        """The token named; another client's is refused, an unknown one is no error (RFC 7009)."""
        token = token_of(self.server, request.form.get("token"))
        if token is not None and not token.check_client(client):
            raise InvalidGrantError("The token was not issued to this client.")
        return token

    def revoke_token(self, token: KnownToken, request: Any) -> None:
        """End the login of a refresh token, or one access token."""
        if token.is_family:
            revoke_family(self.server.tx, token.claims["sid"])
        else:
            revoke(self.server.tx, token.claims["jti"])


class Introspection(IntrospectionEndpoint):  # type: ignore[misc,unused-ignore]
    """Of another client's token a client learns only that it is not active."""

    CLIENT_AUTH_METHODS = METHODS["server"]

    def authenticate_token(self, request: Any, client: Client) -> KnownToken | None:
        """The token named, or None for another client's."""
        token = token_of(self.server, request.form.get("token"))
        return token if token is not None and token.check_client(client) else None

    def introspect_token(self, token: KnownToken) -> dict[str, Any]:
        """What the token says, as RFC 7662 answers it."""
        return {"active": True, "token_type": token.token_type, **token.claims}


def token_of(server: Any, token: str | None) -> KnownToken | None:
    """What is known of a token. Raises ``InvalidRequestError`` when none is sent."""
    if not token:
        raise InvalidRequestError("The parameter token is missing.")
    return _refresh_token(server, token) if token.count(".") != 2 else _access_token(server, token)


def _access_token(server: Any, token: str) -> KnownToken | None:
    try:
        header, claims = server.keys.verified(token)
    except (JoseError, ValueError, KeyError, TypeError, RecursionError):
        return None
    if header.get("typ") != TYPE or claims.get("iss") != server.issuer:
        return None
    expired = datetime.fromtimestamp(claims["exp"], server.tx.now.tzinfo) <= server.tx.now
    over = expired or is_revoked(server.tx, claims["jti"], claims.get("sid"))
    return KnownToken(claims, "DPoP" if "cnf" in claims else "Bearer", is_family=False, over=over)


def _refresh_token(server: Any, token: str) -> KnownToken | None:
    lookup = server.vault.lookup(token, "refresh")
    row = server.tx.exec(select(RefreshToken).where(RefreshToken.token_lookup == lookup)).first()
    if row is None:
        return None
    claims = {
        "iss": server.issuer,
        "sub": row.member_id,
        "client_id": row.client_id,
        "mode": row.mode,
        "scope": row.scope,
        "sid": row.family,
        "exp": int(row.expires_at.timestamp()),
    }
    if row.jkt is not None:
        claims["cnf"] = {"jkt": row.jkt}
    over = row.used_at is not None or row.revoked_at is not None or row.expires_at <= server.tx.now
    return KnownToken(claims, "refresh_token", is_family=True, over=over)
