"""Keyed hashes of rows: whoever can write all of the database, but has not the key, makes no hash that holds."""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

import orjson

ID_DIGITS = 8
DIGITS = 64
"""Of a keyed hash: the id of its key, and HMAC-SHA256 cut to what is left."""
EXACT = 2**53
"""Below it a float that is whole is that whole number."""
VARYING = re.compile(rb"[:,\[]-?(?:0\.0[,\]}]|[0-9]{16}|[0-9.]+e)")
"""Numbers that PostgreSQL gives back otherwise than they were written: zeros with a sign, and very large ones."""
AS_THEY_ARE = (str, int, float, bool, dict, list)


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
    """What of a row is hashed: its table and its columns by name, the same whichever database gives them back.

    A column without a value is left out, so that the hash of a row outlives a column that comes later.
    """
    content = {str(name): plain(value) for name, value in values.items() if value is not None}
    try:
        text = orjson.dumps([table, content], option=orjson.OPT_SORT_KEYS)
    except TypeError:  # a whole number of more than 64 bits
        text = None
    if text is None or VARYING.search(text):
        text = orjson.dumps([table, _steady(content)], option=orjson.OPT_SORT_KEYS)
    return text


def plain(value: Any) -> Any:
    """A value as JSON has it: times in UTC, bytes in hexadecimal."""
    if type(value) in AS_THEY_ARE:
        return value
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    if isinstance(value, date):
        return value.isoformat()
    return value.hex() if isinstance(value, bytes | memoryview) else value


def _steady(value: Any) -> Any:
    """A value with each number in the one form that it has however it was written."""
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return value
    if kind is int:
        return value if -EXACT < value < EXACT else float(value)
    if kind is float:
        return int(value) if -EXACT < value < EXACT and value == int(value) else value
    if kind is dict:
        return {name: _steady(inner) for name, inner in value.items()}
    if kind is list or kind is tuple:
        return [_steady(inner) for inner in value]
    return plain(value)
