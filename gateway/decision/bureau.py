"""Port: a licensed credit bureau, asked only with the shopper's consent; a simulator stands beside it for test mode.

Each question is seen on the person's file, so it carries a reference: a repeated one with it is the same question.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from gateway.core.tenant import Mode

FIELDS = ("bureau_queries_3m", "bureau_lenders", "utilisation", "monthly_obligations_fen")


class BureauUnavailable(Exception):
    """The bureau gives no answer now. What depends on it goes to a person."""


@dataclass(frozen=True, slots=True)
class BureauReport:
    """What a bureau knows of a person, in the scorer's terms; None where it knows nothing."""

    bureau_queries_3m: int | None
    """Queries by lenders in the last three months."""
    bureau_lenders: int | None
    """Lenders with an open account."""
    utilisation: float | None
    """Share of the revolving credit lines that is drawn; 1 is all."""
    monthly_obligations_fen: int | None
    """Instalments owed a month to other lenders, in fen."""

    def as_features(self) -> dict[str, Any]:
        """The scorer's fields."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Inquiry:
    """A question about a person, found by the keyed hash of the ID number; ``consent`` names the shopper's.

    The answer is wanted within ``within_seconds``: later than that, it is looked up.
    """

    reference: str
    mode: Mode
    subject: str
    consent: str
    within_seconds: float


class Bureau(Protocol):
    """A licensed credit bureau."""

    def report(self, inquiry: Inquiry) -> BureauReport:
        """The report on a person; an unknown person has one in which everything is None.

        Raises ``BureauUnavailable`` when nothing is known of the outcome.
        """
        ...

    def look_up(self, inquiry: Inquiry) -> BureauReport | None:
        """The report that an earlier inquiry with this reference was answered with; None when there is none.

        Raises ``BureauUnavailable`` when it cannot be asked.
        """
        ...


class SimulatedBureau:
    """SIMULATOR of a credit bureau: an invented report that is always the same for one person. It refuses live mode.

    One person in four is unknown; the others owe to 0-7 lenders, 0-1,200 yuan a month to each, with 0-9 queries.
    It remembers nothing, so nothing is ever found again.
    """

    simulator = True

    def look_up(self, inquiry: Inquiry) -> BureauReport | None:
        """Always None: nothing is remembered."""
        del inquiry
        return None

    def report(self, inquiry: Inquiry) -> BureauReport:
        """Invent from a hash of the person. Raises ``BureauUnavailable`` in live mode."""
        if inquiry.mode != "test":
            raise BureauUnavailable("the built-in credit bureau is a simulator and works in test mode only")
        subject = inquiry.subject
        chance = hashlib.sha256(f"bureau|{subject}".encode()).digest()
        if chance[0] < 64:
            return BureauReport(None, None, None, None)
        lenders = min(chance[1] % 8, chance[2] % 8)
        return BureauReport(
            bureau_queries_3m=min(chance[3] % 10, chance[4] % 10),
            bureau_lenders=lenders,
            utilisation=round(chance[5] * chance[6] / 255**2, 4) if lenders else None,
            monthly_obligations_fen=lenders * (chance[7] * 120_000 // 255),
        )
