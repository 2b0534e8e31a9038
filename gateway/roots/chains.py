"""What a room tells of its hash chain, so that its roots can be signed and checked here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gateway.db.transactions import Transaction


@dataclass(frozen=True, slots=True)
class Head:
    """The newest link of a chain; number 0 is a chain that has not begun."""

    number: int
    hash: str


@dataclass(frozen=True, slots=True)
class Chain:
    """A chain of hashes with numbers from 1 without gaps."""

    name: str
    title: str
    """As messages call it."""
    unit: str
    """As messages call one of its links."""
    head: Callable[[Transaction], Head]
    hash_at: Callable[[Transaction, int], str | None]
    """The hash that the database holds for a number; None when it is gone."""
