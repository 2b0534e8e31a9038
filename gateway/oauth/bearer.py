"""Who calls: an access token is verified locally (RFC 9068), a publishable key is looked up."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from flask import Request
from joserfc.errors import JoseError

from gateway.core.tenant import Tenant, mode_of
from gateway.db.transactions import Transaction
from gateway.errors import Unauthenticated
from gateway.merchants.service import owner_of_key
from gateway.oauth.keys import TYPE, SigningKeys
from gateway.oauth.revocation import RevokedTokens
from gateway.web.context import Caller, gateway

LONGEST_TOKEN = 4096
HEADER = frozenset({"alg", "kid", "typ"})
WORDS = ("iss", "aud", "sub", "client_id", "jti", "scope", "merchant_id", "mode")
TIMES = ("exp", "iat")
CLOCK_SKEW_SECONDS = 5
"""How far ahead another process's clock may be when it issues a token; an expiry has no such grace."""
HOW = "Get one from POST /oauth/token."


class Bearer:
    """Verifies callers for one issuer, by the gateway's clock."""

    def __init__(self, keys: SigningKeys, issuer: str, clock: Callable[[], datetime]) -> None:
        self._keys = keys
        self._issuer = issuer
        self._clock = clock
        self.revoked = RevokedTokens()

    def bearer(self, request: Request) -> Caller:
        """The caller behind the Authorization header. Raises ``Unauthenticated`` with what to do."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise Unauthenticated(f"Send Authorization: Bearer with an access token. {HOW}")
        claims = self.claims(token.strip())
        if self.revoked.holds(gateway().db, self._clock(), claims["jti"], claims.get("sid")):
            raise Unauthenticated(f"The access token was revoked. {HOW}")
        return Caller(
            tenant=Tenant(claims["merchant_id"], mode_of(claims["mode"])),
            client_id=claims["client_id"],
            scopes=frozenset(claims["scope"].split()),
            user_id=claims["sub"] if claims["sub"] != claims["client_id"] else None,
            token_id=claims["jti"],
            session_id=claims.get("sid"),
            role=claims.get("role"),
            auth_time=claims.get("auth_time"),
            second_factor=claims.get("acr") == "2",
        )

    def publishable_key(self, tx: Transaction, key: str) -> Caller:
        """The merchant behind a publishable key, allowed to quote. Raises ``Unauthenticated``."""
        return Caller(tenant=owner_of_key(tx, key), client_id=key, scopes=frozenset({"checkouts:read"}))

    def claims(self, token: str) -> dict[str, Any]:
        """The claims of a token that is ours, of the right kind, and not expired. Raises ``Unauthenticated``.

        Whether it was revoked is not asked here.
        """
        if len(token) > LONGEST_TOKEN or not token.isascii():
            raise Unauthenticated(f"This is no access token of this gateway. {HOW}")
        try:
            header, claims = self._keys.verified(token)
        except (JoseError, ValueError, KeyError, TypeError, RecursionError):
            raise Unauthenticated(
                f"The access token is malformed or was not signed by this gateway. {HOW}"
            ) from None
        # Without typ, any other JWT that we sign one day would pass as an access token (RFC 9068 section 4).
        if header.keys() != HEADER or header["typ"] != TYPE or not _is_complete(claims):
            raise Unauthenticated(f"This is no access token of this gateway. {HOW}")
        now = int(self._clock().timestamp())
        if claims["iss"] != self._issuer or claims["aud"] != self._issuer:
            raise Unauthenticated(f"The access token was issued for another gateway. {HOW}")
        if claims["exp"] <= now:
            raise Unauthenticated(f"The access token has expired. {HOW}")
        if claims["iat"] > now + CLOCK_SKEW_SECONDS:
            raise Unauthenticated(f"The access token is from the future. {HOW}")
        return claims


def _is_complete(claims: dict[str, Any]) -> bool:
    return (
        all(isinstance(claims.get(name), str) for name in WORDS)
        and all(type(claims.get(name)) is int for name in TIMES)
        and claims["mode"] in ("test", "live")
    )
