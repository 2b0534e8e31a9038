"""Texts without what is drawn at random: for listings of what a book holds."""

from __future__ import annotations

import re

ID = re.compile(r"\b([a-z]{2,7}(?:_test|_live)?)_(?:[0-9A-HJKMNP-TV-Z]{26}|[0-9a-f]{16,64})\b")
HASH = re.compile(r"[0-9a-f]{8,}|[A-Za-z0-9_-]{40,}")


def without_ids(text: str) -> str:
    """A text with identifiers by their prefix."""
    return ID.sub(r"<\1>", text)


def shape(text: str) -> str:
    """A text with identifiers by their prefix and numbers as #."""
    return re.sub(r"[0-9]+", "#", without_ids(text))
