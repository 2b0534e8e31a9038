"""Verifying deliveries: Standard Webhooks signatures, HMAC-SHA256 over ``id.timestamp.body``.

Source: the Standard Webhooks specification, sections on headers, signature scheme and replay.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
import json
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ._errors import ConfigurationError, WebhookVerificationError
from ._models import Event

_ID, _TIMESTAMP, _SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
_WANTED = frozenset({_ID, _TIMESTAMP, _SIGNATURE})
_MOST_SIGNATURES = 16
_LONGEST_ID = 256
_DIGEST_SIZE = 32


class Webhook:
    """Verifies and signs deliveries with one secret, or several while a secret is being rotated.

    A secret is ``whsec_`` and base64. ``tolerance`` is the greatest distance of the delivery's timestamp
    from now, in seconds, both ways. Raises ConfigurationError for a malformed secret.
    """

    __slots__ = ("_keys", "_tolerance")

    def __init__(self, secret: str | Sequence[str], *, tolerance: int = 300) -> None:
        secrets = [secret] if isinstance(secret, str) else list(secret)
        if not secrets:
            raise ConfigurationError("no webhook secret was given")
        self._keys = [_key(one) for one in secrets]
        self._tolerance = tolerance

    def verify(self, payload: bytes | str, headers: Any, *, now: float | None = None) -> Event:
        """The event of a delivery proven genuine: pass the raw request body and the request's headers.

        ``headers`` may be any mapping or list of pairs: Flask's, Django's ``request.headers`` or ``META``,
        a WSGI environ. ``now`` is seconds since 1970, the present when left out. Store
        ``headers["webhook-id"]`` to drop repeats. Whatever is wrong, the error is WebhookVerificationError
        and nothing else.
        """
        body = _raw(payload)
        message_id, timestamp, signatures = _signed_headers(headers)
        self._check_time(timestamp, time.time() if now is None else now)
        content = b"%b.%b.%b" % (message_id.encode("ascii"), timestamp.encode("ascii"), body)
        offered = _offered(signatures)
        matched = False
        for key in self._keys:
            expected = hmac.digest(key, content, hashlib.sha256)
            for signature in offered:
                matched |= hmac.compare_digest(expected, signature)
        if not matched:
            raise WebhookVerificationError(
                "no signature matches: check the secret, and pass the raw bytes of the body, not re-serialised JSON",
                reason="no_match",
            )
        return _event(body)

    def sign(self, id: str, timestamp: int, payload: bytes | str) -> str:
        """The ``webhook-signature`` value of a delivery: one ``v1,…`` part for each secret, the first secret first."""
        if (
            not _is_good_id(id)
            or isinstance(timestamp, bool)
            or not isinstance(timestamp, int)
            or timestamp < 0
        ):
            raise ValueError("id must be printable ASCII without a dot, timestamp a non-negative int")
        content = b"%b.%d.%b" % (id.encode("ascii"), timestamp, _raw(payload))
        digests = (hmac.digest(key, content, hashlib.sha256) for key in self._keys)
        return " ".join(
            "v1," + binascii.b2a_base64(digest, newline=False).decode("ascii") for digest in digests
        )

    def __repr__(self) -> str:
        return f"<Webhook {len(self._keys)} secret(s), tolerance {self._tolerance} s>"

    def _check_time(self, timestamp: str, now: float) -> None:
        age = now - int(timestamp)
        if age > self._tolerance:
            raise WebhookVerificationError(
                f"the delivery is {age:.0f} s old, more than the {self._tolerance} s allowed",
                reason="too_old",
            )
        if -age > self._tolerance:
            raise WebhookVerificationError(
                f"the delivery is {-age:.0f} s ahead of this machine's clock", reason="too_new"
            )


def _key(secret: object) -> bytes:
    if isinstance(secret, str):
        try:
            key = binascii.a2b_base64(secret.removeprefix("whsec_"), strict_mode=True)
        except ValueError:
            key = b""
        if key:
            return key
    raise ConfigurationError(
        "a webhook secret must be whsec_ followed by base64: check webhook_secret or FENQI_WEBHOOK_SECRET"
    )


def _raw(payload: object) -> bytes:
    if isinstance(payload, bytes):
        return payload
    if isinstance(payload, bytearray | memoryview):
        return bytes(payload)
    if isinstance(payload, str):
        try:
            return payload.encode()
        except UnicodeEncodeError:
            raise _bad("bad_payload", "the body is a str with lone surrogates: pass the raw bytes") from None
    raise _bad(
        "bad_payload", f"the body is a {type(payload).__name__}: pass the raw bytes, not the parsed JSON"
    )


def _signed_headers(headers: Any) -> tuple[str, str, str]:
    found: dict[str, str] = {}
    try:
        for name, value in _pairs(headers):
            key = _header_name(name)
            if key is None:
                continue
            text = value.decode("latin-1") if isinstance(value, bytes) else value
            if not isinstance(text, str) or found.setdefault(key, text) != text:
                raise _bad("bad_header", f"{key} is given twice or is not a string")
    except WebhookVerificationError:
        raise
    except Exception:  # a mapping of someone else may raise anything, and the promise is one error
        raise _bad("missing_header", "the headers must be a mapping of strings") from None
    missing = sorted(_WANTED - found.keys())
    if missing:
        raise _bad("missing_header", f"missing {', '.join(missing)}")
    message_id, timestamp = found[_ID], found[_TIMESTAMP]
    if not _is_good_id(message_id):
        raise _bad("bad_header", f"{_ID} must be printable ASCII without a dot")
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        raise _bad("bad_header", f"{_TIMESTAMP} must be whole seconds since 1970")
    return message_id, timestamp, found[_SIGNATURE]


def _pairs(headers: Any) -> Iterable[tuple[Any, Any]]:
    items = getattr(headers, "items", None)
    pairs: Iterable[tuple[Any, Any]] = items() if items is not None else headers
    return pairs


def _header_name(name: object) -> str | None:
    """One of the three names however a framework spells it (``Webhook-Id``, ``HTTP_WEBHOOK_ID``, bytes), else None."""
    if isinstance(name, bytes):
        name = name.decode("latin-1")
    if not isinstance(name, str) or len(name) > 22:
        return None
    plain = name.lower().replace("_", "-").removeprefix("http-")
    return plain if plain in _WANTED else None


def _is_good_id(value: object) -> bool:
    return (
        isinstance(value, str)
        and 0 < len(value) <= _LONGEST_ID
        and value.isascii()
        and value.isprintable()
        and "." not in value
        and " " not in value
    )


def _offered(header: str) -> list[bytes]:
    """The well-formed ``v1`` signatures of the header; other versions and empty parts are ignored."""
    parts = header.split(" ", _MOST_SIGNATURES + 1) if len(header) <= 4096 else []
    if not parts or len(parts) > _MOST_SIGNATURES:
        raise _bad("bad_header", f"{_SIGNATURE} has more than {_MOST_SIGNATURES} parts or is too long")
    offered = []
    for part in parts:
        version, comma, encoded = part.partition(",")
        if version != "v1" or not comma:
            continue
        try:
            digest = binascii.a2b_base64(encoded.encode("ascii"), strict_mode=True)
        except ValueError:
            continue
        if len(digest) == _DIGEST_SIZE:
            offered.append(digest)
    if not offered:
        raise _bad("bad_header", f"{_SIGNATURE} contains no well-formed v1 signature")
    return offered


def _event(body: bytes) -> Event:
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError):
        raise _bad("bad_payload", "the signature is valid but the body is not JSON") from None
    if not isinstance(fields, Mapping) or not isinstance(fields.get("type"), str):
        raise _bad("bad_payload", "the signature is valid but the body is not an event")
    return Event(dict(fields))


def _bad(reason: str, message: str) -> WebhookVerificationError:
    return WebhookVerificationError(message, reason=reason)
