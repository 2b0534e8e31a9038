"""What forbids erasing a person today, and until when. Days in Shanghai; the law's years are a setting."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from gateway.checkout import service as checkouts
from gateway.complaints import service as complaints
from gateway.core.calendar import shanghai_date
from gateway.db.transactions import Transaction
from gateway.loans import by_shopper as loans
from gateway.payments import by_shopper as payments

RETURN_TAKES = timedelta(days=7)
"""When a payment back to the shopper is looked at again; it has no day itself."""


@dataclass(frozen=True, slots=True)
class Obstacle:
    """A reason (code) why the data must be kept, and the first day on which the reason may be gone."""

    reason: str
    until: date


def obstacles(tx: Transaction, shopper_id: str, *, retention_years: int) -> list[Obstacle]:
    """Every obstacle of today, the longest first; empty when the person may be erased."""
    today = shanghai_date(tx.now)
    found = [Obstacle("open_application", day) for day in checkouts.open_of_shopper(tx, shopper_id)]
    found += [Obstacle("open_payment", day) for day in payments.open_payments(tx, shopper_id)]
    found += [Obstacle("open_dispute", day) for day in payments.open_disputes(tx, shopper_id)]
    found += [
        Obstacle("open_complaint", max(day, today + timedelta(days=1)))
        for day in complaints.open_of_shopper(tx, shopper_id)
    ]
    if payments.pending_returns(tx, shopper_id):
        found.append(Obstacle("pending_return", today + RETURN_TAKES))
    for lent in loans.loans_of(tx, shopper_id):
        kept = years_after(lent.ends_on, retention_years)
        if lent.live:
            found.append(Obstacle("live_loan", max(kept, lent.ends_on, today + timedelta(days=1))))
        elif kept > today:
            found.append(Obstacle("retention_law", kept))
    return in_order(found)


def in_order(obstacles: list[Obstacle]) -> list[Obstacle]:
    """What still runs is told before what only has to be kept, the longest first."""
    return sorted(obstacles, key=lambda row: (row.reason != "live_loan", -row.until.toordinal()))


def years_after(day: date, years: int) -> date:
    """The same day ``years`` later; 29 February becomes 1 March."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return date(day.year + years, 3, 1)
