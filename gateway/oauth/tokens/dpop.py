"""DPoP (RFC 9449): a proof of possession that binds a token to the key of its client.

A proof is taken once, within a minute of its making, for one method and address, and only with a nonce of ours: a
stolen token is worth nothing without the key, and a proof made ahead is worth nothing at all. One that is sent is
checked, never ignored.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import unquote, urlsplit

from authlib.oauth2 import OAuth2Error
from flask import Request, g

from gateway.oauth.tokens import jose, replay_guard
from gateway.oauth.tokens.jose import NotAcceptable
from gateway.privacy.vault import Vault

TYPE = "dpop+jwt"
HEADER = {"alg", "jwk", "typ"}
AGE_SECONDS = 60
"""How far the making of a proof may lie back, or ahead."""
NONCE_SECONDS = 60
"""A nonce is valid in the minute it is made for and in the next."""
LONGEST_JTI = 255
DEFAULT_PORTS = {"http": 80, "https": 443}


class NonceMissing(Exception):
    """The proof lacks a nonce of ours, or has an old one; the answer brings a fresh one."""


class InvalidProofError(OAuth2Error):  # type: ignore[misc,unused-ignore]
    """The proof is refused (RFC 9449, section 12.2)."""

    error = "invalid_dpop_proof"


class UseNonceError(OAuth2Error):  # type: ignore[misc,unused-ignore]
    """The request is to be sent again with a nonce (RFC 9449, section 8)."""

    error = "use_dpop_nonce"
    description = "Send the request again with a proof that includes the nonce from the DPoP-Nonce header."


@dataclass(frozen=True, slots=True)
class Proof:
    """A proof that is right, but may have been used: whose key made it, its name, and until when to remember it."""

    jkt: str
    key: bytes
    expires_at: datetime


def at_endpoint(request: Request, *, vault: Vault, issuer: str, now: datetime) -> Proof | None:
    """The proof of a request to the OAuth server, or None without one. Raises ``OAuth2Error``."""
    try:
        return read(request, vault=vault, issuer=issuer, now=now)
    except NonceMissing:
        raise UseNonceError from None
    except NotAcceptable as error:
        raise InvalidProofError(f"The DPoP proof was refused: {error}.") from None


def read(
    request: Request, *, vault: Vault, issuer: str, now: datetime, token: str | None = None
) -> Proof | None:
    """The proof of a request, with ``token`` when it must name one. Raises ``NotAcceptable``, ``NonceMissing``."""
    sent = request.headers.getlist("DPoP")
    if not sent:
        return None
    g.dpop_nonce = nonce(vault, now)
    if len(sent) > 1:
        raise NotAcceptable("more than one was sent")
    header = jose.header_of(sent[0])
    alg = header.get("alg")
    if header.keys() != HEADER or header["typ"] != TYPE:
        raise NotAcceptable(f"its header must have typ {TYPE}, alg and jwk, and nothing else")
    if not isinstance(alg, str) or alg not in jose.ALGORITHMS:
        raise NotAcceptable(f"its alg must be one of {', '.join(jose.ALGORITHMS)}")
    key, thumbprint = jose.public_key(header["jwk"], alg)
    claims = jose.verified(sent[0], key, alg)
    made, jti = claims.get("iat"), claims.get("jti")
    if claims.get("htm") != request.method:
        raise NotAcceptable("its htm does not match the request's method")
    if not _is_address(claims.get("htu"), issuer, request.path):
        raise NotAcceptable("its htu does not match the request's URL")
    if not isinstance(jti, str) or not 1 <= len(jti) <= LONGEST_JTI or not jti.isprintable():
        raise NotAcceptable(f"its jti must be 1 to {LONGEST_JTI} printable characters")
    if type(made) is not int or abs(now.timestamp() - made) > AGE_SECONDS:
        raise NotAcceptable(f"its iat must be within {AGE_SECONDS} seconds of the server's clock")
    if token is not None and not _same(claims.get("ath"), token_hash(token)):
        raise NotAcceptable("its ath does not match the hash of the access token")
    if not _is_ours(claims.get("nonce"), vault, now):
        raise NonceMissing
    expires_at = datetime.fromtimestamp(made + AGE_SECONDS + 1, UTC)
    return Proof(thumbprint, replay_guard.key_of("dpop", thumbprint, jti), expires_at)


def nonce(vault: Vault, now: datetime) -> str:
    """The nonce of this minute, the same in every process; nobody can know one before its time."""
    return _nonce(vault, int(now.timestamp()) // NONCE_SECONDS)


def token_hash(token: str) -> str:
    """What ``ath`` must be (RFC 9449, section 4.2)."""
    return base64.urlsafe_b64encode(hashlib.sha256(token.encode()).digest()).rstrip(b"=").decode()


def _is_ours(given: object, vault: Vault, now: datetime) -> bool:
    window = int(now.timestamp()) // NONCE_SECONDS
    return _same(given, _nonce(vault, window)) or _same(given, _nonce(vault, window - 1))


def _nonce(vault: Vault, window: int) -> str:
    return vault.lookup(str(window), "dpop_nonce")[:32]


def _same(given: object, wanted: str) -> bool:
    return isinstance(given, str) and given.isascii() and hmac.compare_digest(given.encode(), wanted.encode())


def _is_address(given: object, issuer: str, path: str) -> bool:
    """Whether ``given`` is our address, without query and fragment, normalised as RFC 3986 allows."""
    if not isinstance(given, str) or not given.isascii() or not given.isprintable():
        return False
    try:
        mine, theirs = urlsplit(issuer), urlsplit(given)
        ports = [parts.port or DEFAULT_PORTS.get(parts.scheme) for parts in (mine, theirs)]
    except ValueError:
        return False
    return (
        (mine.scheme, mine.hostname, ports[0]) == (theirs.scheme, theirs.hostname, ports[1])
        and "@" not in theirs.netloc
        and unquote(theirs.path) == path
    )
