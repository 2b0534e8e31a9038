"""Standard Webhooks signatures (standardwebhooks.com, version 1): HMAC-SHA256 over id, timestamp and body."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence

PREFIX = "whsec_"


def new_secret() -> str:
    """A secret of 256 random bits in the specification's spelling."""
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def sign(keys: Sequence[str], *, message_id: str, timestamp: int, body: bytes) -> str:
    """The value of the ``webhook-signature`` header, one signature a secret; ``timestamp`` is in seconds since 1970."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    return " ".join("v1," + _hmac(key, signed) for key in keys)


def _hmac(secret: str, signed: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(PREFIX))
    return base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
