"""Who calls: an access token is verified locally (RFC 9068), a publishable key is looked up."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from flask import Request
from joserfc.errors import JoseError

from gateway.core.tenant import Tenant
from gateway.db.transactions import Transaction
from gateway.errors import Unauthenticated
from gateway.merchants.service import owner_of_key
from gateway.oauth.keys import TYPE, SigningKeys
from gateway.web.context import Caller

LONGEST_TOKEN = 4096
REQUIRED = ("iss", "aud", "exp", "iat", "sub", "client_id", "jti", "scope", "merchant_id", "mode")


class Bearer:
    """Verifies callers for one issuer, by the gateway's clock."""

    def __init__(self, keys: SigningKeys, issuer: str, clock: Callable[[], datetime]) -> None:
        self._keys = keys
        self._issuer = issuer
        self._clock = clock

    def bearer(self, request: Request) -> Caller:
        """The caller behind the Authorization header. Raises ``Unauthenticated`` with what to do."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Unauthenticated("Send Authorization: Bearer with an access token from POST /oauth/token.")
        claims = self.claims(token.strip())
        return Caller(
            tenant=Tenant(claims["merchant_id"], "live" if claims["mode"] == "live" else "test"),
            client_id=claims["client_id"],
            scopes=frozenset(claims["scope"].split()),
            user_id=claims["sub"] if claims["sub"] != claims["client_id"] else None,
            token_id=claims["jti"],
        )

    def publishable_key(self, tx: Transaction, key: str) -> Caller:
        """The merchant behind a publishable key, allowed to quote. Raises ``Unauthenticated``."""
        return Caller(tenant=owner_of_key(tx, key), client_id=key, scopes=frozenset({"checkouts:read"}))

    def claims(self, token: str) -> dict[str, Any]:
        """The claims of a token that is ours, of the right kind, and alive. Raises ``Unauthenticated``."""
        if len(token) > LONGEST_TOKEN or not token.isascii():
            raise Unauthenticated("This is no access token of this gateway.")
        try:
            header, claims = self._keys.verified(token)
        except (JoseError, ValueError, KeyError, TypeError):
            raise Unauthenticated("The access token is malformed or was not signed by this gateway.") from None
        # A missing typ would let an ID token or any other signed JWT pass as an access token.
        if header.get("typ") != TYPE or any(not isinstance(claims.get(name), (str, int)) for name in REQUIRED):
            raise Unauthenticated("This is no access token of this gateway.")
        now = int(self._clock().timestamp())
        if claims["iss"] != self._issuer or claims["aud"] != self._issuer or claims["iat"] > now + 5:
            raise Unauthenticated("The access token was issued for somewhere else.")
        if claims["exp"] <= now:
            raise Unauthenticated("The access token has expired: fetch a new one from POST /oauth/token.")
        return claims
