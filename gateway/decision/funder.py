"""Port: the licensed lender, who alone decides; a simulated lender stands beside it for test mode."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from gateway.core.tenant import Mode
from gateway.errors import FunderUnavailable


@dataclass(frozen=True, slots=True)
class Submission:
    """What the lender is asked to decide: amounts in fen, the recommendation, nothing that names the person."""

    mode: Mode
    shopper_id: str
    amount_fen: int
    recommended: str
    limit_fen: int


@dataclass(frozen=True, slots=True)
class Ruling:
    """The lender's decision: ``approve``, ``review`` or ``decline``, with the limit it grants in fen."""

    outcome: str
    limit_fen: int
    decided_by: str


class Funder(Protocol):
    """A licensed lender."""

    def decide(self, submission: Submission) -> Ruling:
        """The final decision. Raises ``FunderUnavailable``; never guesses."""
        ...


class SimulatedFunder:
    """SIMULATOR of a lender that follows every recommendation. It refuses live mode: approval stays with a real one."""

    def __init__(self, name: str) -> None:
        self.name = name

    def decide(self, submission: Submission) -> Ruling:
        if submission.mode != "test":
            raise FunderUnavailable(
                "No lender is connected: the built-in one is a simulator and works in test mode only."
            )
        return Ruling(submission.recommended, submission.limit_fen, self.name)
