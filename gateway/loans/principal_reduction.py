"""Lowering: a refund takes principal off a loan, first what is still to come, then what is billed and not paid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from gateway.core import refunding, schedule
from gateway.core.calendar import shanghai_date
from gateway.core.money import half_up
from gateway.core.tenant import Tenant
from gateway.db.transactions import Transaction
from gateway.loans import replay, service, standing
from gateway.loans.models import Loan, LoanBill, PrincipalReduction
from gateway.loans.states import OPEN
from gateway.plans.pricing import Price


@dataclass(frozen=True, slots=True)
class Lowered:
    """What a refund did to a loan, in fen.

    The rest of it goes to the shopper, the unearned subsidy back to the merchant.
    """

    principal_fen: int
    subsidy_fen: int
    repaid_fen: int = 0
    """Principal that may be borrowed again besides: late interest that was paid on what came back pays something else
    now, or what was written off is recovered."""
    recovered_fen: int = 0
    """What had been written off, principal or charges, and is recovered by it."""


@dataclass(frozen=True, slots=True)
class Lowering:
    """A loan that is lowered in hand, and what ``write`` has to write of it."""

    loan: Loan
    lowered: Lowered
    rows: Sequence[schedule.Instalment] | None = None
    """The rows to come of the schedule's next version; None where the current one stays."""
    bills: Sequence[LoanBill] = ()
    reductions: Sequence[PrincipalReduction] = ()
    moved: standing.Moved | None = None
    """None for a loan that had ended: it stays as it is."""


def lower(
    tx: Transaction, tenant: Tenant, *, loan_id: str, amount_fen: int, waives_late: bool = True
) -> Lowered:
    """Work out what ``work_out`` says of a loan, and write it."""
    loan = service.locked(tx, tenant, loan_id)
    with tx.no_autoflush:
        lowering = work_out(tx, loan, amount_fen=amount_fen, waives_late=waives_late)
    write(tx, lowering)
    return lowering.lowered


def work_out(tx: Transaction, loan: Loan, *, amount_fen: int, waives_late: bool = True) -> Lowering:
    """Take up to ``amount_fen`` of principal off the loan; number of periods and due dates stay. Writes nothing.

    What is paid or billed also stays, but the principal of an unpaid bill is lowered last. Refunds between two
    due dates are computed together, so splitting one changes nothing. With ``waives_late`` the part of a bill that is
    taken off was never late. Of a loan that was written off it recovers what was given up.
    """
    if loan.status == "written_off":
        recovered = min(amount_fen, service.lost_fen(loan))
        return Lowering(loan, Lowered(0, 0, service.freed_by_recovery_fen(loan, recovered), recovered))
    if loan.status not in OPEN:
        return Lowering(loan, Lowered(0, 0))
    bills, facts = standing.facts_of(tx, [loan])[loan.id]
    bills.sort(key=lambda bill: bill.period)
    to_come, subsidy, rows = _lower_rows(tx, loan, amount_fen)
    reductions = _lower_bills(tx, bills, amount_fen - to_come, waives_late=waives_late)
    applied = to_come + sum(row.amount_fen for row in reductions)
    loan.refunded_fen += applied
    loan.subsidy_returned_fen += subsidy
    now_returned = [
        replay.Returned(row.period, row.on, row.amount_fen, row.waives_late) for row in reductions
    ]
    facts = replace(facts, returned=[*facts.returned, *now_returned])
    moved = standing.bring(loan, bills, facts, today=shanghai_date(tx.now), ends_as="refunded")
    return Lowering(loan, Lowered(applied, subsidy, moved.freed_fen), rows, bills, reductions, moved)


def write(tx: Transaction, lowering: Lowering) -> None:
    """Write a loan that was lowered in hand, and book what has moved by it."""
    loan = lowering.loan
    if lowering.lowered.recovered_fen:
        service.note_recovered(tx, loan, lowering.lowered.recovered_fen)
    if lowering.moved is None:
        return
    if lowering.rows is not None:
        service.write_rows(tx, loan, lowering.rows)
    tx.add_all([loan, *lowering.bills, *lowering.reductions])
    tx.flush()
    standing.write(tx, loan, lowering.bills, lowering.moved)


def _lower_rows(
    tx: Transaction, loan: Loan, amount_fen: int
) -> tuple[int, int, Sequence[schedule.Instalment] | None]:
    """Principal taken off the rows to come, the subsidy that goes back with it (fen), and the new rows."""
    rows = service.rows_of(tx, loan)
    left = sum(row.principal for row in rows)
    applied = min(amount_fen, left)
    if not applied:
        return 0, 0, None
    is_base = loan.base_version == loan.schedule_version
    base = rows if is_base else service.rows_of(tx, loan, loan.base_version)
    at_base = sum(row.principal for row in base)
    lowered = refunding.lower(
        base,
        terms=Price(**loan.price).terms(),
        contract_date=loan.contract_date,
        refund_fen=at_base - left + applied,
    )
    loan.schedule_version += 1
    if not lowered.rows:
        loan.next_due_date = None
    return applied, _subsidy_back(loan, base, lowered.outstanding_after), lowered.rows


def _subsidy_back(loan: Loan, base: Sequence[schedule.Instalment], after_fen: int) -> int:
    at_base = sum(row.principal for row in base)
    returned = half_up(Fraction(loan.subsidy_base_fen * (at_base - after_fen), at_base))
    return returned - (loan.subsidy_base_fen - service.unearned_subsidy_fen(loan))


def _lower_bills(
    tx: Transaction, bills: Sequence[LoanBill], amount_fen: int, *, waives_late: bool
) -> list[PrincipalReduction]:
    """Take principal off what is billed and not paid, the oldest first; returns by how much which bill."""
    today, left = shanghai_date(tx.now), amount_fen
    reductions = []
    for bill in bills:
        part = min(left, bill.principal_fen - bill.returned_fen - bill.paid_principal_fen)
        if part:
            bill.returned_fen += part
            left -= part
            row = PrincipalReduction(
                id=tx.new_id("red"),
                loan_id=bill.loan_id,
                period=bill.period,
                on=today,
                amount_fen=part,
                waives_late=waives_late,
            )
            reductions.append(row)
    return reductions
