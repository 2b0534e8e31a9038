"""Reading JWTs that others made: sizes and headers are checked before a library looks at them."""

from __future__ import annotations

import base64
import binascii
import json
from functools import lru_cache
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

LONGEST = 8192
FORMS: dict[str, tuple[str, str | None, frozenset[str]]] = {
    "ES256": ("EC", "P-256", frozenset({"kty", "crv", "x", "y"})),
    "Ed25519": ("OKP", "Ed25519", frozenset({"kty", "crv", "x"})),
    "PS256": ("RSA", None, frozenset({"kty", "n", "e"})),
}
"""Algorithm of a signature: type and curve of its key, and the members that are its key and nothing else."""
ALGORITHMS = tuple(FORMS)
SMALLEST_RSA_BITS, LARGEST_RSA_BITS = 2048, 4096
Key = ECKey | OKPKey | RSAKey
KINDS: dict[str, type[ECKey] | type[OKPKey] | type[RSAKey]] = {"EC": ECKey, "OKP": OKPKey, "RSA": RSAKey}


class NotAcceptable(Exception):
    """A JWT, or a key, that is not what it should be; the message says what is wrong, without showing it."""


class Registry(JWSRegistry):
    """Takes a header that holds an RSA key, for which the library's 512 bytes are too few."""

    max_header_length = 2048


REGISTRIES = {alg: Registry(algorithms=[alg]) for alg in ALGORITHMS}


def header_of(token: str) -> dict[str, Any]:
    """The header, not verified. Raises ``NotAcceptable``."""
    return _segment(token, 0)


def unverified_claims(token: str) -> dict[str, Any]:
    """The claims, not verified: only to learn who it claims to be from. Raises ``NotAcceptable``."""
    return _segment(token, 1)


def verified(token: str, key: Key, alg: str) -> dict[str, Any]:
    """The claims of a token that ``key`` signed by ``alg``. Raises ``NotAcceptable``."""
    try:
        return dict(jwt.decode(token, key, registry=REGISTRIES[alg]).claims)
    except (JoseError, ValueError, KeyError, TypeError, RecursionError):
        raise NotAcceptable("its signature is not valid") from None


def public_key(jwk: Any, alg: str) -> tuple[Key, str]:
    """A public key for ``alg`` and its thumbprint (RFC 7638). Raises ``NotAcceptable``."""
    kty, curve, members = FORMS[alg]
    if not isinstance(jwk, dict) or jwk.get("kty") != kty or (curve and jwk.get("crv") != curve):
        raise NotAcceptable(f"its key cannot be used with {alg}")
    if {"d", "p", "q", "dp", "dq", "qi", "oth", "k"} & jwk.keys():
        raise NotAcceptable("its key is a private key: never send one")
    if not all(isinstance(jwk.get(name), str) for name in members):
        raise NotAcceptable("its key is incomplete")
    return _imported(tuple(sorted((name, jwk[name]) for name in members)))


@lru_cache(maxsize=2048)
def _imported(members: tuple[tuple[str, str], ...]) -> tuple[Key, str]:
    """Kept, because a client sends the same key with each request; a wrong point of a curve is found here."""
    row: dict[str, str | list[str]] = dict(members)
    try:
        key = KINDS[str(row["kty"])].import_key(row)
        thumbprint = key.thumbprint()
        bits = int(key.raw_value.key_size) if isinstance(key, RSAKey) else SMALLEST_RSA_BITS
    except (JoseError, ValueError, KeyError, TypeError):
        raise NotAcceptable("its key is not a valid JWK") from None
    if not SMALLEST_RSA_BITS <= bits <= LARGEST_RSA_BITS:
        raise NotAcceptable(f"its RSA key must have {SMALLEST_RSA_BITS} to {LARGEST_RSA_BITS} bits")
    return key, thumbprint


def _segment(token: str, index: int) -> dict[str, Any]:
    parts = token.split(".") if len(token) <= LONGEST and token.isascii() else []
    if len(parts) != 3:
        raise NotAcceptable("it is not a signed JWT")
    try:
        found = json.loads(base64.urlsafe_b64decode(parts[index] + "=" * (-len(parts[index]) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        raise NotAcceptable("it is not a signed JWT") from None
    if not isinstance(found, dict):
        raise NotAcceptable("it is not a signed JWT")
    return found
