"""Replay: where a loan stands follows from its facts alone, each on its own day, whatever was reported first.

Facts are instalments that fell due, principal that refunds returned, money that came or went, and the day on which the
charges were waived. They are only ever added. ``replay`` walks through their days from the first on:

1. instalments fall due;
2. refunds take principal off them: it counts as never lent, so its late interest is waived from the due date on, or
   as paid on its day, as the kind of the refund decides;
3. late interest is computed from scratch (``core/late_interest.py``); what was paid above it is the shopper's again;
4. charges are waived, where that is the day for it;
5. all money of the shopper that is there pays all claims that are there (``core/allocation.py``).

So money and open claims never stand beside each other at the end of a day, and two reports of the same facts in any
order end alike. Pure: no tables, no clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date

from gateway.core import allocation, late_interest
from gateway.core.allocation import PARTS, Part
from gateway.core.money import Rate


@dataclass(frozen=True, slots=True)
class Instalment:
    """What fell due on ``on``; its figures never change. Amounts in fen."""

    period: int
    on: date
    principal_fen: int
    interest_fen: int
    fee_fen: int


@dataclass(frozen=True, slots=True)
class Returned:
    """Principal that a refund took off the instalment of ``period``, in fen."""

    period: int
    on: date
    amount_fen: int
    waives_late: bool = True
    """Whether it counts as never lent, or as paid on its day."""


@dataclass(frozen=True, slots=True)
class Money:
    """What the shopper paid or is owed since ``on`` (fen); below 0 what was paid back."""

    on: date
    amount_fen: int


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that decides where a loan stands; the order within each part does not matter."""

    late_daily_rate: Rate
    late_grace_days: int
    instalments: Sequence[Instalment] = ()
    returned: Sequence[Returned] = ()
    money: Sequence[Money] = ()
    charges_waived_on: date | None = None


@dataclass(slots=True)
class Bill:
    """An instalment that fell due, and what has become of its claims; amounts in fen."""

    instalment: Instalment
    late_fen: int = 0
    """Late interest minus the waived part."""
    returned_fen: int = 0
    """Principal that refunds took off."""
    never_lent_fen: int = 0
    """What of it was never late."""
    paid: dict[Part, int] = field(default_factory=lambda: dict.fromkeys(PARTS, 0))
    waived: dict[Part, int] = field(default_factory=lambda: dict.fromkeys(PARTS, 0))
    principal_payments: list[tuple[date, int]] = field(default_factory=list)
    """By day, what lowered the principal that may be late."""
    paid_on: date | None = None
    """The day since which nothing is owed; none while the bill is open."""

    def owed_fen(self, part: Part) -> int:
        """What is left to pay of one part."""
        if part == "late_interest":
            return self.late_fen - self.paid[part]
        if part == "principal":
            return self.instalment.principal_fen - self.returned_fen - self.paid[part]
        charge = self.instalment.fee_fen if part == "fee" else self.instalment.interest_fen
        return charge - self.waived[part] - self.paid[part]

    @property
    def open_fen(self) -> int:
        """What is still owed of it, all parts together."""
        return sum(self.owed_fen(part) for part in PARTS)


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a loan stands: its bills by period, and what is owed to the shopper (fen)."""

    bills: dict[int, Bill]
    credit_fen: int

    @property
    def is_paid(self) -> bool:
        """Whether nothing that fell due is open."""
        return all(bill.paid_on is not None for bill in self.bills.values())

    def overdue_since(self, today: date, *, grace_days: int) -> date | None:
        """Due date of the oldest bill that is open beyond its grace."""
        due = (bill.instalment.on for bill in self.bills.values() if bill.paid_on is None)
        late = [
            day for day in due if late_interest.overdue_days(due_date=day, as_of=today, grace_days=grace_days)
        ]
        return min(late, default=None)


def replay(facts: Facts, *, as_of: date) -> Standing:
    """Where the loan stands at the end of ``as_of``; facts of later days do not count."""
    bills: dict[int, Bill] = {}
    credit = 0
    for day in _days(facts, as_of):
        bills |= {due.period: Bill(due) for due in facts.instalments if due.on == day}
        credit += sum(money.amount_fen for money in facts.money if money.on == day)
        credit += sum(_take_off(bills, each) for each in facts.returned if each.on == day)
        in_order = [bills[period] for period in sorted(bills)]
        credit += sum(_accrue(bill, facts, day) for bill in in_order if bill.paid_on is None)
        if day == facts.charges_waived_on:
            _waive(in_order)
        credit = _pay(in_order, credit, day)
    return Standing(bills, credit)


def _days(facts: Facts, as_of: date) -> list[date]:
    """The days on which something changes, ``as_of`` the last."""
    dated: Iterable[Instalment | Returned | Money] = (*facts.instalments, *facts.returned, *facts.money)
    days = {fact.on for fact in dated} | {as_of}
    if facts.charges_waived_on is not None:
        days.add(facts.charges_waived_on)
    return sorted(day for day in days if day <= as_of)


def _take_off(bills: dict[int, Bill], returned: Returned) -> int:
    """Lower the principal of the bill it was meant for, else of the oldest; what finds none is the shopper's (fen).

    It finds none when a payment is reported later than the refund and was received before it.
    """
    left = returned.amount_fen
    for period in sorted(bills, key=lambda period: (period != returned.period, period)):
        bill = bills[period]
        part = min(left, bill.owed_fen("principal"))
        bill.returned_fen += part
        if returned.waives_late:
            bill.never_lent_fen += part
        elif part:
            bill.principal_payments.append((returned.on, part))
        left -= part
    return left


def _accrue(bill: Bill, facts: Facts, day: date) -> int:
    """Set the bill's late interest to what is right on ``day``; returns what was paid above it (fen)."""
    due = bill.instalment
    right = late_interest.of_instalment(
        due.principal_fen - bill.never_lent_fen,
        bill.principal_payments,
        due_date=due.on,
        as_of=day,
        daily_rate=facts.late_daily_rate,
        grace_days=facts.late_grace_days,
    )
    bill.late_fen = right - bill.waived["late_interest"]
    overpaid = max(0, bill.paid["late_interest"] - bill.late_fen)
    bill.paid["late_interest"] -= overpaid
    return overpaid


def _waive(bills: Sequence[Bill]) -> None:
    """Give up all charges that are open."""
    for bill in bills:
        bill.waived |= {part: bill.owed_fen(part) for part in PARTS if part != "principal"}
        bill.late_fen -= bill.waived["late_interest"]


def _pay(bills: Sequence[Bill], amount_fen: int, day: date) -> int:
    """Pay the claims that are open on ``day``; returns what is left over (fen)."""
    timings: dict[bool, allocation.Timing] = {True: "past_due", False: "due"}
    by_period = {bill.instalment.period: bill for bill in bills if bill.paid_on is None}
    claims = [
        allocation.Claim(period, timings[bill.instalment.on < day], part, owed)
        for period, bill in by_period.items()
        for part in PARTS
        if (owed := bill.owed_fen(part))
    ]
    paid, left = allocation.allocate(max(0, amount_fen), claims)
    for each in paid:
        bill = by_period[each.period]
        bill.paid[each.part] += each.amount_fen
        if each.part == "principal":
            bill.principal_payments.append((day, each.amount_fen))
    for bill in by_period.values():
        if not bill.open_fen:
            bill.paid_on = day
    return left + min(0, amount_fen)
