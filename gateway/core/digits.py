"""Whole numbers that were typed or stand in an address: digits of ASCII alone, and not too many of them."""

from __future__ import annotations


def whole(text: str, *, most_digits: int) -> int | None:
    """The number that up to ``most_digits`` digits write; None for any other text, also for digits such as ²."""
    if not (text.isascii() and text.isdigit()) or len(text) > most_digits:
        return None
    return int(text)
