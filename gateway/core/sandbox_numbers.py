"""Test mode: the last digits of the phone number choose the outcome, so that a shop can try every page."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.core.money import MAX_AMOUNT_FEN


@dataclass(frozen=True, slots=True)
class Play:
    """What a sandbox number asks for: an outcome, the limit with it (fen) and a reason code."""

    outcome: str
    limit_fen: int
    reason: str | None


FIRST_UNPAID, PAYOUT_FAILS = "+8613800000006", "+8613800000007"
"""Approved; the first instalment is never collected, or the payout of the batch fails."""
PLAYS = {
    "+8613800000001": Play("approve", MAX_AMOUNT_FEN, None),
    "+8613800000002": Play("decline", 0, "sandbox_credit"),
    "+8613800000003": Play("review", 0, "sandbox_review"),
    "+8613800000004": Play("decline", 0, "sandbox_fraud"),
    "+8613800000005": Play("review", 0, "scorer_unavailable"),
    FIRST_UNPAID: Play("approve", MAX_AMOUNT_FEN, None),
    PAYOUT_FAILS: Play("approve", MAX_AMOUNT_FEN, None),
}
"""By phone in E.164. Any other number is scored for real."""
