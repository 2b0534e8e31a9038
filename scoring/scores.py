"""The scorer's answer for one application."""

from __future__ import annotations

from dataclasses import dataclass

from scoring.reasons import MOST_REASONS, Reason, first_of_each_code


@dataclass(frozen=True, slots=True)
class ModelIdentity:
    """Which bundle answered.

    ``sha256`` (hex) is that of its SHA256SUMS, which covers every file.
    """

    name: str
    version: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Scores:
    """Two calibrated scores with their reasons.

    ``fraud_probability``: that the applicant never means to pay. ``fraud_score``: 0.0 to 100.0, the percentage
    of the reference population with a lower probability. ``default_probability``: 90 days overdue within 12
    months, given no fraud. ``credit_score``: 300 to 850, 600 at odds of 20 to 1, 50 points double the odds.
    Reasons are what raised each risk, at most four, strongest first, and empty when the score was asked for
    without them. ``latency_us``: microseconds spent scoring.
    """

    fraud_probability: float
    fraud_score: float
    default_probability: float
    credit_score: int
    fraud_reasons: tuple[Reason, ...]
    credit_reasons: tuple[Reason, ...]
    model: ModelIdentity
    latency_us: int

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """At most four reasons of both models together, strongest first."""
        both = sorted((*self.fraud_reasons, *self.credit_reasons), key=lambda reason: -reason.contribution)
        return first_of_each_code(both)[:MOST_REASONS]
