"""A plan in one line, the same on card, button, result, portal and snippet.

``n × amount`` is written only where it is the total to the fen; else the first payment, the range of those between and
the last are said. The snippet's TypeScript (``terms.ts``) says the same: both are held by one file of golden cases.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Summary:
    """What the payments of a plan come to, in fen."""

    term: int
    total: int
    first: int | None
    """The first payment where it differs from the one in the middle."""
    low: int
    high: int
    """The least and the greatest of the payments between the first and the last."""
    last: int | None
    """The last payment where it differs from the one in the middle."""

    @property
    def even(self) -> bool:
        """Whether all payments are the same, so that term × payment is the total."""
        return self.low == self.high and self.first is None and self.last is None


def of(plan: Mapping[str, Any]) -> Summary:
    """The summary of a plan as the API shows it."""
    return of_payments([row["payment"] for row in plan["schedule"]])


def of_payments(payments: Sequence[int]) -> Summary:
    """The summary of the payments of a schedule, first to last, in fen."""
    regular = payments[len(payments) // 2]
    between = payments[1:-1] or payments
    return Summary(
        term=len(payments),
        total=sum(payments),
        first=payments[0] if payments[0] != regular else None,
        low=min(between),
        high=max(between),
        last=payments[-1] if payments[-1] != regular else None,
    )
