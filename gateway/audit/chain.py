"""The chain's arithmetic: what is hashed, in one canonical form."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, date, datetime
from typing import Any

BEGINNING = "0" * 64
"""The hash before the first entry."""
HASHED = (
    "number",
    "at",
    "actor_kind",
    "actor_id",
    "action",
    "about",
    "merchant_id",
    "mode",
    "facts",
    "before_sha256",
    "after_sha256",
    "previous_hash",
)


def entry_hash(row: dict[str, Any]) -> str:
    """SHA-256 (hex) of an entry's columns but its own hash."""
    return digest({name: row[name] for name in HASHED})


def digest(content: Any) -> str:
    """SHA-256 (hex) of ``content`` as canonical JSON: sorted names, no spaces, UTC times, UTF-8."""
    text = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=_plain)
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: Any) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no canonical form")
