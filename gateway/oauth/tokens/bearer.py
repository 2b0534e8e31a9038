"""Who calls: an access token is verified locally (RFC 9068), a publishable key is looked up."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from flask import Request, g
from joserfc.errors import JoseError

from gateway.core.tenant import Tenant, mode_of
from gateway.db.transactions import Transaction
from gateway.errors import NonceRequired, ProofRefused, Unauthenticated
from gateway.merchants.service import owner_of_key
from gateway.oauth import discovery
from gateway.oauth.tokens import dpop, replay_guard
from gateway.oauth.tokens.dpop import NonceMissing, Proof
from gateway.oauth.tokens.jose import NotAcceptable
from gateway.oauth.tokens.keys import TYPE, SigningKeys
from gateway.oauth.tokens.revocation import RevokedTokens
from gateway.web.context import UNSPENT, Caller, gateway
from gateway.web.line import WHOSE

LONGEST_TOKEN = 4096
HEADER = frozenset({"alg", "kid", "typ"})
WORDS = ("iss", "aud", "sub", "client_id", "jti", "scope", "merchant_id", "mode")
TIMES = ("exp", "iat")
CLOCK_SKEW_SECONDS = 5
"""How far ahead another process's clock may be when it issues a token; an expiry has no such grace."""
HOW = "Get one from POST /oauth/token."
READING = ("GET", "HEAD")
USED = "The DPoP proof has already been used."
REMEMBERED_SECONDS = 2 * dpop.AGE_SECONDS + CLOCK_SKEW_SECONDS


class Bearer:
    """Verifies callers for one issuer, by the gateway's clock."""

    def __init__(self, keys: SigningKeys, issuer: str, clock: Callable[[], datetime]) -> None:
        self._keys = keys
        self._issuer = issuer
        self._clock = clock
        self.revoked = RevokedTokens()
        self.proofs = replay_guard.RecentProofs(REMEMBERED_SECONDS)

    def bearer(self, request: Request) -> Caller:
        """The caller behind the Authorization header. Raises ``Unauthenticated`` with what to do."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        try:
            caller = self._caller(request, scheme.lower(), token.strip())
            request.environ[WHOSE] = f"{caller.merchant_id} {caller.mode}"
            return caller
        except Unauthenticated as error:
            sent = error.code if isinstance(error, ProofRefused) else "invalid_token" if token.strip() else ""
            used = "dpop" if scheme.lower() == "dpop" or isinstance(error, ProofRefused) else "bearer"
            error.challenges = discovery.challenges(self._issuer, error=sent, scheme=used)
            raise

    def _caller(self, request: Request, scheme: str, token: str) -> Caller:
        if scheme not in ("bearer", "dpop") or not token:
            raise _refusal("missing", f"Send Authorization: Bearer with an access token. {HOW}")
        claims = self.claims(token)
        self._check_binding(request, scheme, token, claims)
        if self.revoked.holds(gateway().db, self._clock(), claims["jti"], claims.get("sid")):
            raise _refusal("revoked", f"The access token was revoked. {HOW}")
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

    def _check_binding(self, request: Request, scheme: str, token: str, claims: dict[str, Any]) -> None:
        """A bound token comes with a proof of its key, and a proof with a bound token. Raises ``Unauthenticated``."""
        confirmation = claims.get("cnf")
        if confirmation is None:
            if scheme == "dpop" or "DPoP" in request.headers:
                raise ProofRefused(
                    "The access token is not bound to a key: request one with a DPoP proof, or send no proof."
                )
            return
        if scheme != "dpop":
            raise _refusal(
                "unproven", "The access token is bound to a key: send Authorization: DPoP and a proof."
            )
        here, now = gateway(), self._clock()
        try:
            proof = dpop.read(request, vault=here.vault, issuer=self._issuer, now=now, token=token)
        except NonceMissing:
            raise NonceRequired from None
        except NotAcceptable as error:
            raise ProofRefused(f"The DPoP proof was refused: {error}.") from None
        if proof is None:
            raise ProofRefused("The access token is bound to a key: send a proof in the DPoP header.")
        if confirmation != {"jkt": proof.jkt}:
            raise ProofRefused(
                "The DPoP proof was made with a different key from the one the access token is bound to."
            )
        # What changes something is remembered by the database; a look by this process, and by all where Redis counts.
        new = self.proofs.spend(proof.key, int(now.timestamp()))
        if new and request.method in READING:
            new = here.counter.is_first(proof.key.hex(), REMEMBERED_SECONDS)
        elif new:
            g.setdefault(UNSPENT, proof)
        if not new:
            raise ProofRefused(USED)

    def spend(self, tx: Transaction) -> None:
        """Remember the proof of a request that writes, in its own transaction. Raises ``ProofRefused``."""
        proof: Proof | None = g.get(UNSPENT)
        if proof is not None and not replay_guard.spend(tx, proof.key, proof.expires_at):
            error = ProofRefused(USED)
            error.challenges = discovery.challenges(self._issuer, error=error.code, scheme="dpop")
            raise error

    def publishable_key(self, tx: Transaction, key: str) -> Caller:
        """The merchant behind a publishable key, allowed to quote. Raises ``Unauthenticated``."""
        return Caller(tenant=owner_of_key(tx, key), client_id=key, scopes=frozenset({"checkouts:read"}))

    def claims(self, token: str) -> dict[str, Any]:
        """The claims of a token that is ours, of the right kind, and not expired. Raises ``Unauthenticated``.

        Whether it was revoked is not asked here.
        """
        if len(token) > LONGEST_TOKEN or not token.isascii():
            raise _refusal("malformed", f"This is not an access token of this gateway. {HOW}")
        try:
            header, claims = self._keys.verified(token)
        except (JoseError, ValueError, KeyError, TypeError, RecursionError):
            raise _refusal(
                "forged", f"The access token is malformed or was not signed by this gateway. {HOW}"
            ) from None
        # Without typ, any other JWT that we sign one day would pass as an access token (RFC 9068 section 4).
        if header.keys() != HEADER or header["typ"] != TYPE or not _is_complete(claims):
            raise _refusal("other_kind", f"This is not an access token of this gateway. {HOW}")
        now = int(self._clock().timestamp())
        if claims["iss"] != self._issuer or claims["aud"] != self._issuer:
            raise _refusal("other_gateway", f"The access token was issued for another gateway. {HOW}")
        if claims["exp"] <= now:
            raise _refusal("expired", f"The access token has expired. {HOW}")
        if max(claims["iat"], claims.get("nbf", 0)) > now + CLOCK_SKEW_SECONDS:
            raise _refusal("from_the_future", f"The access token is not valid yet. {HOW}")
        return claims


def _refusal(reason: str, text: str) -> Unauthenticated:
    error = Unauthenticated(text)
    error.reason = reason
    return error


def _is_complete(claims: dict[str, Any]) -> bool:
    return (
        all(isinstance(claims.get(name), str) for name in WORDS)
        and all(type(claims.get(name)) is int for name in TIMES)
        and claims["mode"] in ("test", "live")
        and type(claims.get("nbf", 0)) is int
        and isinstance(claims.get("cnf", {}), dict)
    )
