"""Early settlement (提前结清): what is owed when everything left is paid at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Literal, get_args

from gateway.core.money import half_up
from gateway.core.schedule import Instalment, Schedule, due_date

InterestPolicy = Literal["pro_rata_day", "full_period"]


@dataclass(frozen=True, slots=True)
class Settlement:
    """The amount that ends a loan, and what the shopper saves; fen and calendar days."""

    outstanding_principal: int
    days_in_period: int
    days_elapsed: int
    interest_due: int
    fee_due: int
    settlement_amount: int
    saved_interest: int
    saved_fee: int


def settle(
    schedule: Schedule, *, contract_date: date, periods_paid: int, settle_date: date, interest_policy: str
) -> Settlement:
    """End a loan in the period after ``periods_paid``: its interest by days or in full, its fee, no later fees.

    Raises ``ValueError`` for a date outside that period or an unknown policy.
    """
    if not 0 <= periods_paid < len(schedule.rows):
        raise ValueError(f"periods_paid must be from 0 to {len(schedule.rows) - 1}")
    start, end = due_date(contract_date, periods_paid), due_date(contract_date, periods_paid + 1)
    return settle_rest(
        schedule.rows[periods_paid:],
        start=start,
        end=end,
        settle_date=settle_date,
        interest_policy=interest_policy,
    )


def settle_rest(
    rest: Sequence[Instalment], *, start: date, end: date, settle_date: date, interest_policy: str
) -> Settlement:
    """The same for the rows still to come, the first of which runs from ``start`` to ``end``."""
    if interest_policy not in get_args(InterestPolicy):
        raise ValueError(
            f"interest_policy {interest_policy!r} must be one of {', '.join(get_args(InterestPolicy))}"
        )
    if not start <= settle_date <= end:
        raise ValueError(f"the settlement date must be from {start} to {end}, not {settle_date}")
    running = rest[0]
    outstanding = running.balance + running.principal
    days, elapsed = (end - start).days, (settle_date - start).days
    if interest_policy == "full_period":
        interest = running.interest if elapsed else 0
    else:
        interest = half_up(Fraction(running.interest * elapsed, days))
    fee = running.fee if elapsed else 0
    return Settlement(
        outstanding_principal=outstanding,
        days_in_period=days,
        days_elapsed=elapsed,
        interest_due=interest,
        fee_due=fee,
        settlement_amount=outstanding + interest + fee,
        saved_interest=sum(row.interest for row in rest) - interest,
        saved_fee=sum(row.fee for row in rest) - fee,
    )
