"""``private_key_jwt`` (RFC 7523, section 3): a client proves itself by a JWT that its registered key signed.

The algorithm is pinned per client, an assertion lives at most five minutes, names us as its audience, and is taken
once. A client that does not exist costs as long as one that does.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from gateway.db.transactions import Transaction
from gateway.oauth.models import OAuthClient
from gateway.oauth.tokens import jose, replay_guard
from gateway.oauth.tokens.jose import Key, NotAcceptable

TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
TYPES = (None, "JWT", "jwt", "client-authentication+jwt")
HEADER = frozenset({"alg", "kid", "typ"})
LONGEST_LIFE_SECONDS = 300
CLOCK_SKEW_SECONDS = 5
LONGEST_JTI = 255
MOST_KEYS = 5
DECOY: dict[str, dict[str, str]] = {
    "ES256": {
        "kty": "EC",
        "crv": "P-256",
        "x": "axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY",
        "y": "T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU",
    },
    "Ed25519": {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
    "PS256": {"kty": "RSA", "n": "w" + "A" * 340 + "Q", "e": "AQAB"},
}
"""Public keys of nobody, to verify with when the client has none: the refusal then takes as long."""


def claimed_client(assertion: str) -> str:
    """Whom an assertion claims to be from; empty when it cannot be read."""
    try:
        subject = jose.unverified_claims(assertion).get("sub")
    except NotAcceptable:
        return ""
    return subject if isinstance(subject, str) else ""


def is_right(tx: Transaction, client: OAuthClient | None, assertion: str, audiences: tuple[str, ...]) -> bool:
    """Whether ``assertion`` is the client's, for us, alive, and used for the first time (it is used up by this)."""
    try:
        claims = _verified(client, assertion)
        now = int(tx.wall.timestamp())
        if client is None or not _fits(claims, client.id, audiences, now):
            return False
    except NotAcceptable:
        return False
    key = replay_guard.key_of("assertion", client.id, claims["jti"])
    return replay_guard.spend(tx, key, datetime.fromtimestamp(claims["exp"] + CLOCK_SKEW_SECONDS, UTC))


def checked_keys(document: Any, alg: str | None) -> tuple[dict[str, Any], str]:
    """A client's key set as it is kept, and its one algorithm. Raises ``NotAcceptable`` with what is wrong."""
    rows = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(rows, list) or not 1 <= len(rows) <= MOST_KEYS:
        raise NotAcceptable(f'expected {{"keys": [...]}} with 1 to {MOST_KEYS} public keys')
    kept, named = [], set()
    for row in rows:
        used = alg or _algorithm_of(row)
        if used not in jose.FORMS:
            raise NotAcceptable(f"the algorithm must be one of {', '.join(jose.FORMS)}")
        _, thumbprint = jose.public_key(row, used)
        kid = row.get("kid", thumbprint)
        if not isinstance(kid, str) or not 1 <= len(kid) <= LONGEST_JTI or not kid.isprintable():
            raise NotAcceptable("a kid must be 1 to 255 printable characters")
        named.add(used)
        kept.append({"kid": kid, **{name: row[name] for name in sorted(jose.FORMS[used][2])}})
    if len(named) > 1 or len({row["kid"] for row in kept}) < len(kept):
        raise NotAcceptable("all keys must have the same algorithm, and each its own kid")
    return {"keys": kept}, named.pop()


def _algorithm_of(row: Any) -> str:
    """The algorithm a key is for: what it says, else the one we take for its type."""
    if not isinstance(row, dict):
        raise NotAcceptable("a key must be an object")
    for alg, (kty, curve, _) in jose.FORMS.items():
        if row.get("kty") == kty and (curve is None or row.get("crv") == curve):
            said = row.get("alg", alg)
            return "Ed25519" if said == "EdDSA" else str(said)
    raise NotAcceptable("a key must be EC on P-256, OKP Ed25519, or RSA")


def _verified(client: OAuthClient | None, assertion: str) -> dict[str, Any]:
    header = jose.header_of(assertion)
    alg = header.get("alg")
    if not header.keys() <= HEADER or header.get("typ") not in TYPES:
        raise NotAcceptable("its header contains unexpected members")
    known = client.jwks if client is not None and alg == client.assertion_alg else None
    if not isinstance(alg, str) or alg not in DECOY:
        raise NotAcceptable("its algorithm is not supported")
    key = _chosen(
        known["keys"] if known else [{**DECOY[alg], "kid": header.get("kid")}], header.get("kid"), alg
    )
    claims = jose.verified(assertion, key, alg)
    if known is None:
        raise NotAcceptable("there is no such client, or it uses another algorithm")
    return claims


def _chosen(rows: list[dict[str, Any]], kid: Any, alg: str) -> Key:
    fitting = [row for row in rows if kid is None or row["kid"] == kid]
    if len(fitting) != 1:
        raise NotAcceptable("its kid does not match any of the client's keys")
    return jose.public_key(fitting[0], alg)[0]


def _fits(claims: dict[str, Any], client_id: str, audiences: tuple[str, ...], now: int) -> bool:
    audience = claims.get("aud")
    named = audience if isinstance(audience, list) else [audience]
    times = [claims.get(name, now) for name in ("iat", "nbf")]
    exp, jti = claims.get("exp"), claims.get("jti")
    return (
        claims.get("iss") == claims.get("sub") == client_id
        and bool(named)
        and all(isinstance(name, str) and name in audiences for name in named)
        and isinstance(jti, str)
        and 1 <= len(jti) <= LONGEST_JTI
        and jti.isprintable()
        and type(exp) is int
        and now < exp <= now + LONGEST_LIFE_SECONDS + CLOCK_SKEW_SECONDS
        and all(type(at) is int and at <= now + CLOCK_SKEW_SECONDS for at in times)
    )
