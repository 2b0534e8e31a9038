"""Port: a real-name check of name, ID number and phone by those who issue them; a simulator stands beside it.

``reference`` is ours and unique: a repeated question with it is the same question.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from gateway.core.tenant import Mode

MATCH, MISMATCH, UNKNOWN = "match", "mismatch", "unknown"
ANSWERS = (MATCH, MISMATCH, UNKNOWN)
"""All three belong to one person; they do not; the source does not know."""


class RealNameUnavailable(Exception):
    """Nothing is known of the outcome. A person decides then, as where the answer is ``unknown``."""


@dataclass(frozen=True, slots=True)
class Question:
    """Whether a name, an ID number and a phone (E.164) belong to one person.

    The answer is wanted within ``within_seconds``: later than that, it is looked up.
    """

    reference: str
    mode: Mode
    name: str = field(repr=False)
    id_number: str = field(repr=False)
    phone: str = field(repr=False)
    within_seconds: float


class RealName(Protocol):
    """A source that knows who has which ID number and which phone."""

    def serves(self, mode: Mode) -> bool:
        """Whether anybody can be asked in this mode; asks nobody."""
        ...

    def check(self, question: Question) -> str:
        """One of ``ANSWERS``. Raises ``RealNameUnavailable`` when nothing is known of the outcome."""
        ...

    def look_up(self, question: Question) -> str | None:
        """What an earlier question with this reference was answered; None when there was none.

        Raises ``RealNameUnavailable`` when it cannot be asked.
        """
        ...


PLAYS = {"+8613800000008": MISMATCH, "+8613800000009": UNKNOWN}
"""Test mode: what the simulator says about a phone in E.164; any other number matches."""


class SimulatedRealName:
    """SIMULATOR of a real-name check: every phone matches but for those of ``PLAYS``. It serves test mode only.

    It remembers nothing, so nothing is ever found again.
    """

    simulator = True

    def serves(self, mode: Mode) -> bool:
        """Test mode only."""
        return mode == "test"

    def check(self, question: Question) -> str:
        """A match, but for the phones of ``PLAYS``. Raises ``RealNameUnavailable`` in live mode."""
        if not self.serves(question.mode):
            raise RealNameUnavailable("the built-in check is a simulator and works in test mode only")
        return PLAYS.get(question.phone, MATCH)

    def look_up(self, question: Question) -> str | None:
        """Always None: it remembers nothing."""
        del question
        return None


class OneForEachMode:
    """The simulator for test mode, which never reaches a live source, and the connected source for live mode."""

    def __init__(self, live: RealName, test: RealName | None = None) -> None:
        self._sources: dict[Mode, RealName] = {"live": live, "test": test or SimulatedRealName()}

    def serves(self, mode: Mode) -> bool:
        """As the source of that mode says."""
        return self._sources[mode].serves(mode)

    def check(self, question: Question) -> str:
        """Ask the source of the question's mode, no other."""
        return self._sources[question.mode].check(question)

    def look_up(self, question: Question) -> str | None:
        """Look up where the question was asked."""
        return self._sources[question.mode].look_up(question)


def answer_of(connected: RealName, question: Question, *, again: bool) -> str:
    """What the source says; ``unknown`` when it gives no answer. Call it outside any transaction.

    What is unknown is looked up: first with ``again``, else when no answer came.
    """
    try:
        if again and (known := connected.look_up(question)) is not None:
            return known
        try:
            return connected.check(question)
        except RealNameUnavailable:
            return connected.look_up(question) or UNKNOWN
    except RealNameUnavailable:
        return UNKNOWN
