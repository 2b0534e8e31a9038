"""How the fake bank plays one instruction: what it will move, and when. Amounts in fen, times in UTC."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

FAULTS = ("slow", "fail", "return", "twice", "less", "more", "unknown", "lost")
"""What can go wrong with a payout."""
PROMPT = "prompt"
BEHAVIOURS = (PROMPT, *FAULTS)
USUAL_DAYS = {"slow": 2, "return": 3}
UNANSWERED = 2
"""So many look-ups get no answer where the outcome is to be unknown."""


@dataclass(frozen=True, slots=True)
class Play:
    """A behaviour with its number of days, and the amount by which it errs."""

    behaviour: str
    days: int = 0
    off_by_fen: int = 100

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Play:
        """What somebody asks for. Raises ``ValueError`` with what to send."""
        behaviour = told.get("behaviour")
        if behaviour not in BEHAVIOURS:
            raise ValueError(f"behaviour must be one of {', '.join(BEHAVIOURS)}")
        days, off_by = told.get("days", USUAL_DAYS.get(behaviour, 0)), told.get("off_by", 100)
        for name, value, most in (("days", days, 365), ("off_by", off_by, 10**11)):
            if type(value) is not int or not 0 <= value <= most:
                raise ValueError(f"{name} must be a whole number from 0 to {most}")
        return cls(behaviour, days, off_by)

    @classmethod
    def by_chance(cls, seed: int, reference: str, share: float) -> Play:
        """The same for the same seed and reference; ``share`` of them go wrong."""
        chance = random.Random(f"{seed}:{reference}")
        if chance.random() >= share:
            return cls(PROMPT)
        behaviour = chance.choice(FAULTS)
        return cls(behaviour, USUAL_DAYS.get(behaviour, 0))


@dataclass(frozen=True, slots=True)
class Planned:
    """What the bank will do by itself: at a time it moves an amount, back where it is negative, or fails."""

    at: datetime
    amount_fen: int
    failure: str | None = None


def plan(play: Play, amount_fen: int, now: datetime, *, failure: str | None) -> list[Planned]:
    """The movements of an instruction; ``failure`` is one that the gateway's test mode asks for."""
    later = now + timedelta(days=play.days)
    paid = Planned(now, amount_fen)
    if failure is not None:
        return [Planned(now, 0, failure)]
    if play.behaviour == "slow":
        return [Planned(later, amount_fen)]
    if play.behaviour == "fail":
        return [Planned(later, 0, "account_closed")]
    if play.behaviour == "return":
        return [paid, Planned(later, -amount_fen, "account_closed")]
    if play.behaviour == "twice":
        return [paid, paid]
    off_by = {"less": -play.off_by_fen, "more": play.off_by_fen}.get(play.behaviour, 0)
    return [Planned(now, max(1, amount_fen + off_by))]
