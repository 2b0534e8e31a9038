"""The states of a loan and of a shopper's delinquency."""

from __future__ import annotations

from gateway.core.transitions import Transitions

LOAN = Transitions(
    {
        "active": {"overdue", "settled", "refunded", "unwound", "written_off"},
        "overdue": {"active", "settled", "refunded", "unwound", "written_off"},
        "settled": {"unwound"},
        "refunded": {"unwound"},
    }
)
OPEN = ("active", "overdue")

DELINQUENCY = ((60, "M3+"), (30, "M2"), (0, "M1"))
"""Buckets by days overdue: 1-30, 31-60, 61 and more."""
NON_PERFORMING_DAYS = 90
"""The number of days overdue above which a loan counts as non-performing."""


def bucket(days_overdue: int) -> str | None:
    """The delinquency bucket for a number of days overdue; none within the grace period."""
    return next((name for above, name in DELINQUENCY if days_overdue > above), None)
