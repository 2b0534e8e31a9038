"""Keyed hashes of rows: whoever can write all of the database, but has not the key, makes no hash that holds."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

import orjson

ID_DIGITS = 8
DIGITS = 64
"""Of a keyed hash: the id of its key, and HMAC-SHA256 cut to what is left."""
EXACT = 2**53
"""Below it a float that is whole is that whole number."""


class RowKeys:
    """The keys that rows are hashed with, by id: the first one hashes, all of them check."""

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        self._keys = dict(keys)
        self._newest = next(iter(self._keys))

    def hash(self, content: bytes) -> str:
        """The hash of ``content`` by the newest key."""
        return self._by(self._newest, content)

    def problem(self, said: str, content: bytes) -> str | None:
        """What is wrong with the hash that a row has; None when it holds."""
        id = said[:ID_DIGITS]
        if id not in self._keys:
            return "its hash is of no key in keys/rows.json, so the gateway did not write it"
        if not hmac.compare_digest(said.encode(), self._by(id, content).encode()):
            return "it is not what the gateway wrote last"
        return None

    def made(self, said: str) -> bool:
        """Whether a hash names one of these keys; whether it holds is another question."""
        return said[:ID_DIGITS] in self._keys

    def _by(self, id: str, content: bytes) -> str:
        return id + hmac.digest(self._keys[id], content, "sha256").hex()[: DIGITS - ID_DIGITS]


def content_of(table: str, values: Mapping[str, Any]) -> bytes:
    """What of a row is hashed: its table and its columns by name, the same whichever database gives them back."""
    content = [table, {str(name): _steady(value) for name, value in values.items()}]
    return orjson.dumps(content, option=orjson.OPT_SORT_KEYS)


def plain(value: Any) -> Any:
    """A value as JSON has it: times in UTC, bytes in hexadecimal."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    if isinstance(value, date):
        return value.isoformat()
    return value.hex() if isinstance(value, bytes | memoryview) else value


def _steady(value: Any) -> Any:
    """The same for documents, in which PostgreSQL writes a number as it likes."""
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, int | float):
        return int(value) if abs(value) < EXACT and value == int(value) else float(value)
    if isinstance(value, dict):
        return {name: _steady(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_steady(inner) for inner in value]
    return plain(value)
