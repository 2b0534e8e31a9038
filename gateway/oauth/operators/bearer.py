"""Which operator calls: the token's signature first, then the login that it belongs to, by the database."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from flask import Request
from joserfc.errors import JoseError

from gateway.db.transactions import Transaction
from gateway.errors import Unauthenticated
from gateway.oauth.operators import addresses
from gateway.oauth.tokens.bearer import CLOCK_SKEW_SECONDS, HEADER, LONGEST_TOKEN
from gateway.oauth.tokens.keys import TYPE, SigningKeys
from gateway.operators import sessions
from gateway.web.context import OperatorCaller

WORDS = ("iss", "aud", "sub", "client_id", "jti", "scope", "sid")
TIMES = ("exp", "iat", "auth_time")
HOW = "Log in as an operator: docs/operator-api.md says how."


class OperatorBearer:
    """Verifies operators, by the gateway's clock. A merchant's token has another issuer and is refused."""

    def __init__(self, keys: SigningKeys, public_url: str, clock: Callable[[], datetime]) -> None:
        self._keys, self._clock = keys, clock
        self._issuer, self._audience = addresses.issuer(public_url), addresses.audience(public_url)

    def claims(self, request: Request) -> dict[str, Any]:
        """What the request's access token says. Raises ``Unauthenticated`` with what to do."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token:
            raise _refusal("missing", f"Send Authorization: Bearer with an operator's access token. {HOW}")
        if "DPoP" in request.headers:
            raise _refusal("proof", "Operators' tokens are not bound to a key: send no DPoP proof.")
        if len(token) > LONGEST_TOKEN or not token.isascii():
            raise _refusal("malformed", f"This is not an access token of this gateway. {HOW}")
        try:
            header, claims = self._keys.verified(token)
        except (JoseError, ValueError, KeyError, TypeError, RecursionError):
            raise _refusal("forged", f"The access token was not signed by this gateway. {HOW}") from None
        if header.keys() != HEADER or header["typ"] != TYPE or not _is_complete(claims):
            raise _refusal("other_kind", f"This is not an operator's access token. {HOW}")
        if (claims["iss"], claims["aud"]) != (self._issuer, self._audience):
            raise _refusal("other_gateway", f"The access token was issued for something else. {HOW}")
        now = int(self._clock().timestamp())
        if claims["exp"] <= now:
            raise _refusal("expired", f"The access token has expired. {HOW}")
        if claims["iat"] > now + CLOCK_SKEW_SECONDS:
            raise _refusal("from_the_future", f"The access token is not valid yet. {HOW}")
        return claims

    def admitted(self, tx: Transaction, claims: dict[str, Any]) -> OperatorCaller:
        """The operator, unless the login is over or they may not act any more. Raises ``Unauthenticated``."""
        found = sessions.standing(tx, claims["sid"])
        if found is None or found[1].id != claims["sub"]:
            raise _refusal("revoked", f"The login is over. {HOW}")
        session, operator = found
        return OperatorCaller(
            id=operator.id,
            name=operator.name,
            scopes=frozenset(claims["scope"].split()),
            session_id=session.id,
            auth_time=int(session.authenticated_at.timestamp()),
        )


def _refusal(reason: str, text: str) -> Unauthenticated:
    error = Unauthenticated(text)
    error.reason = reason
    error.challenges = ('Bearer realm="fenqi operators"',)
    return error


def _is_complete(claims: dict[str, Any]) -> bool:
    return all(isinstance(claims.get(name), str) for name in WORDS) and all(
        type(claims.get(name)) is int for name in TIMES
    )
