"""What a loan's schedule must be: from its capture and what lowered it, every version, bill and part of the subsidy.

The walk follows the order in which things were recorded. Which rows had been billed when a refund came is read off the
version that it wrote, whose first period says so; every figure of it is then computed, and the bills with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from fractions import Fraction

from gateway.core import early_settlement, refunding, schedule
from gateway.core.money import half_up
from gateway.core.schedule import Instalment, Terms

Order = tuple[datetime, str]


@dataclass(slots=True)
class Lowering:
    """A refund or a lost dispute takes ``amount_fen`` of a loan; ``principal_fen`` is what the books say it lowered."""

    order: Order
    on: date
    amount_fen: int
    principal_fen: int
    name: str
    waives_late: bool | None
    """None where the kind of the refund was replaced afterwards."""
    returns_subsidy: bool
    billed_before: int = 0
    """How many instalments had been billed, as far as the books know."""
    from_bills_fen: int = 0
    """What of it the walk finds taken off bills."""
    empties: bool = False
    """Whether it left nothing to come."""


@dataclass(frozen=True, slots=True)
class Bill:
    """An instalment that must have fallen due; amounts in fen."""

    period: int
    on: date
    principal_fen: int
    interest_fen: int
    fee_fen: int
    version: int
    is_last: bool
    """Whether nothing was to come after it."""
    is_settlement: bool = False


@dataclass(slots=True)
class Walk:
    """The schedule of one loan as it must be after all that happened; amounts in fen."""

    terms: Terms
    contract_date: date
    rows: tuple[Instalment, ...]
    subsidy_fen: int
    versions: dict[int, tuple[Instalment, ...]] = field(default_factory=dict)
    version: int = 1
    base_version: int = 1
    base_rows: tuple[Instalment, ...] = ()
    base_subsidy_fen: int = 0
    billed: int = 0
    bills: list[Bill] = field(default_factory=list)
    earned_fen: int = 0
    returned_fen: int = 0
    lowered_to_come_fen: int = 0
    """Principal that was taken off before it fell due."""

    def __post_init__(self) -> None:
        self.versions[1] = self.base_rows = self.rows
        self.base_subsidy_fen = self.subsidy_fen

    @property
    def to_come(self) -> tuple[Instalment, ...]:
        """Rows that have not fallen due."""
        return tuple(row for row in self.rows if row.period > self.billed)

    @property
    def unearned_fen(self) -> int:
        """What of the merchant's subsidy is neither earned nor returned."""
        return self.subsidy_fen - self.earned_fen - self.returned_fen

    @property
    def next_due(self) -> date | None:
        """When the next row falls due; rows of nothing at the end never do."""
        if not any(row.payment for row in self.to_come):
            return None
        return schedule.due_date(self.contract_date, self.billed + 1)

    def bill_through(self, period: int) -> None:
        """Let the instalments up to ``period`` fall due."""
        for row in self.to_come:
            if row.period > period:
                break
            last = max((one.period for one in self.rows if one.payment), default=row.period)
            left, whole = self.unearned_fen, row.principal + row.balance
            part = left if not left or row.period == last else half_up(Fraction(left * row.principal, whole))
            self.earned_fen += part
            self.bills.append(
                Bill(
                    row.period,
                    row.due_date,
                    row.principal,
                    row.interest,
                    row.fee,
                    self.version,
                    is_last=row.period >= last,
                )
            )
            self.billed, self.base_version, self.base_rows = row.period, self.version, self.rows
            self.base_subsidy_fen = self.unearned_fen

    def settle(self, on: date, policy: str) -> None:
        """Let all that is left fall due at once, by an early settlement; the rest of the subsidy is earned."""
        rows = self.to_come
        if not rows:
            return
        running = rows[0].period
        start, end = (schedule.due_date(self.contract_date, period) for period in (running - 1, running))
        due = early_settlement.settle_rest(
            rows,
            start=start,
            end=end,
            settle_date=min(max(on, start), end),
            interest_policy=policy,
        )
        self.bills.append(
            Bill(
                running,
                on,
                due.outstanding_principal,
                due.interest_due,
                due.fee_due,
                self.version,
                is_last=True,
                is_settlement=True,
            )
        )
        self.billed = rows[-1].period
        self.earn_rest()
        self.base_subsidy_fen = 0

    def earn_rest(self) -> None:
        """Nothing of the subsidy will be earned with an instalment or returned any more."""
        self.earned_fen += self.unearned_fen

    def lower(self, event: Lowering, stored_first_period: int | None) -> None:
        """Take what a refund lowers off the rows to come, by the next version, and leave the rest to the bills."""
        billed = event.billed_before if stored_first_period is None else stored_first_period - 1
        self.bill_through(billed)
        left = sum(row.principal for row in self.to_come)
        applied = min(event.amount_fen, left)
        event.from_bills_fen = event.principal_fen - applied
        if not applied:
            return
        base = [row for row in self.base_rows if row.period > self.billed]
        at_base = sum(row.principal for row in base)
        lowered = refunding.lower(
            base,
            terms=self.terms,
            contract_date=self.contract_date,
            refund_fen=at_base - left + applied,
        )
        self.version += 1
        self.rows = self.versions[self.version] = lowered.rows
        self.lowered_to_come_fen += applied
        event.empties = not lowered.rows
        back = half_up(Fraction(self.base_subsidy_fen * (at_base - lowered.outstanding_after), at_base))
        back -= self.base_subsidy_fen - self.unearned_fen
        if event.returns_subsidy:
            self.returned_fen += back
        else:
            self.earned_fen += back


def first_periods(stored: Sequence[tuple[int, int]]) -> dict[int, int]:
    """By version, the first period that stored rows have; ``stored`` are pairs of version and period."""
    found: dict[int, int] = {}
    for version, period in stored:
        found[version] = min(period, found.get(version, period))
    return found
