"""Long lists in questions: a statement with a parameter for each value ends at some length, so it is asked in parts."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import islice
from typing import TypeVar

T = TypeVar("T")
LONGEST = 500
"""Values in one question: far from what either database can take, and enough for one round trip to be worth it."""


def in_parts(values: Collection[T], longest: int = LONGEST) -> Iterator[list[T]]:
    """The values in lists of at most ``longest``."""
    rest = iter(values)
    while part := list(islice(rest, longest)):
        yield part
