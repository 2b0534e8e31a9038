"""Secrets of machines: 256 random bits, prefixed by what they are for, with a checksum that finds typing errors."""

from __future__ import annotations

import secrets
import zlib

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def new_secret(prefix: str) -> str:
    """A secret such as ``sk_test_…``: shown once, stored as a keyed hash."""
    body = _base62(secrets.randbits(256), 43)
    return f"{prefix}_{body}{_checksum(prefix + body)}"


def is_well_formed(secret: str) -> bool:
    """Whether the checksum fits, so that a mistyped secret is told from a wrong one without the database."""
    prefix, _, body = secret.rpartition("_")
    return len(body) == 49 and body[43:] == _checksum(prefix + body[:43])


def _checksum(text: str) -> str:
    return _base62(zlib.crc32(text.encode()), 6)


def _base62(number: int, length: int) -> str:
    digits = []
    for _ in range(length):
        number, digit = divmod(number, 62)
        digits.append(ALPHABET[digit])
    return "".join(reversed(digits))
