"""Port: the licensed lender, who alone decides; a simulated lender stands beside it for test mode.

``reference`` is ours and unique: a repeated submission with it is the same application, which is decided once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from gateway.core.tenant import Mode
from gateway.errors import FunderUnavailable


@dataclass(frozen=True, slots=True)
class Submission:
    """What the lender is asked to decide: amounts in fen, the recommendation, nothing that names the person.

    The answer is wanted within ``within_seconds``: later than that, it is looked up.
    """

    reference: str
    mode: Mode
    shopper_id: str
    amount_fen: int
    recommended: str
    limit_fen: int
    within_seconds: float


@dataclass(frozen=True, slots=True)
class Ruling:
    """The lender's decision: ``approve``, ``review`` or ``decline``, with the limit it grants in fen.

    ``reasons`` are its own, for the shopper; without them, those of the recommendation are shown.
    """

    outcome: str
    limit_fen: int
    decided_by: str
    reasons: Sequence[dict[str, str]] = ()


class Funder(Protocol):
    """A licensed lender."""

    def check(self, mode: Mode) -> None:
        """Raise ``FunderUnavailable`` when no application is taken in this mode; asks nobody."""
        ...

    def decide(self, submission: Submission) -> Ruling:
        """The final decision, once per reference.

        Raises ``FunderUnavailable`` when it is not known: that is neither an approval nor a decline, and nothing is
        sent again before ``look_up`` has been asked.
        """
        ...

    def look_up(self, submission: Submission) -> Ruling | None:
        """What was decided on an earlier submission with this reference; None when the lender never got it.

        Raises ``FunderUnavailable`` when it cannot be asked or has not decided yet.
        """
        ...


class SimulatedFunder:
    """SIMULATOR of a lender that follows every recommendation. It refuses live mode: approval stays with a real one.

    It remembers nothing, and answers the same submission in the same way.
    """

    simulator = True

    def __init__(self, name: str) -> None:
        self.name = name

    def check(self, mode: Mode) -> None:
        """Raise ``FunderUnavailable`` in live mode."""
        if mode != "test":
            raise FunderUnavailable(
                "No lender is connected: the built-in one is a simulator and works in test mode only."
            )

    def decide(self, submission: Submission) -> Ruling:
        """Follow the recommendation and grant the whole limit."""
        self.check(submission.mode)
        return Ruling(submission.recommended, submission.limit_fen, self.name)

    def look_up(self, submission: Submission) -> Ruling | None:
        """Always None: it remembers nothing."""
        self.check(submission.mode)
        return None
