"""Who owns an object: a merchant, in test or in live mode. The two modes never meet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

Mode = Literal["test", "live"]
MODES: tuple[Mode, ...] = ("test", "live")


class Owned(Protocol):
    """A stored object that says whose it is and in which mode."""

    merchant_id: str
    mode: str


def mode_of(text: str) -> Mode:
    """A stored mode as the type that services take; the tables hold no third word."""
    return "live" if text == "live" else "test"


@dataclass(frozen=True, slots=True)
class Tenant:
    """Owner of every object a merchant can see; part of every query, so another's object is simply not found."""

    merchant_id: str
    mode: Mode

    @classmethod
    def of(cls, thing: Owned) -> Tenant:
        """Whose object it is."""
        return cls(thing.merchant_id, mode_of(thing.mode))

    def owns(self, thing: Owned) -> bool:
        """Whether the object is this merchant's, in this mode: the one place that decides it."""
        return (thing.merchant_id, thing.mode) == (self.merchant_id, self.mode)
