"""Lowering: a refund takes principal off a loan, first what is still to come, then what is billed and not paid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from gateway.core import refunding, schedule
from gateway.core.calendar import shanghai_date
from gateway.core.money import half_up
from gateway.core.tenant import Tenant
from gateway.db.transactions import Transaction
from gateway.loans import billing, repayment, service
from gateway.loans.models import Loan
from gateway.loans.states import OPEN
from gateway.plans.pricing import Price


@dataclass(frozen=True, slots=True)
class Lowered:
    """What a refund did to a loan, in fen: the rest of it goes to the shopper. The unearned subsidy goes back to the
    merchant."""

    principal_fen: int
    subsidy_fen: int


def lower(
    tx: Transaction, tenant: Tenant, *, loan_id: str, amount_fen: int, waives_late: bool = False
) -> Lowered:
    """Take up to ``amount_fen`` of principal off the loan; number of periods and due dates stay.

    What is paid or billed stays, too, but the principal of a bill that is not paid is lowered last. Refunds between two
    due dates are computed together, so splitting one changes nothing. With ``waives_late`` the part of a bill that is
    taken off was never late.
    """
    loan = service.locked(tx, tenant, loan_id)
    if loan.status not in OPEN:
        return Lowered(0, 0)
    today = shanghai_date(tx.now)
    to_come, subsidy = _lower_rows(tx, loan, amount_fen)
    bills = service.bills_of(tx, loan.id)
    billed = _lower_bills(tx, loan, amount_fen - to_come, waives_late=waives_late)
    loan.refunded_fen += to_come + billed
    loan.subsidy_returned_fen += subsidy
    billing.recompute_late(tx, loan, bills, as_of=today)
    repayment.mark_paid(bills, today)
    billing.note_delinquency(loan, bills, today)
    if repayment.is_done(loan, bills):
        service.move(loan, "refunded")
        loan.ended_on = today
    tx.add(loan)
    tx.flush()
    return Lowered(to_come + billed, subsidy)


def _lower_rows(tx: Transaction, loan: Loan, amount_fen: int) -> tuple[int, int]:
    """Principal taken off the rows to come, and the subsidy that goes back with it (fen)."""
    rows = service.rows_of(tx, loan)
    left = sum(row.principal for row in rows)
    applied = min(amount_fen, left)
    if not applied:
        return 0, 0
    base = service.rows_of(tx, loan, loan.base_version)
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
    service.write_rows(tx, loan, lowered.rows)
    return applied, _subsidy_back(loan, base, lowered.outstanding_after)


def _subsidy_back(loan: Loan, base: Sequence[schedule.Instalment], after_fen: int) -> int:
    at_base = sum(row.principal for row in base)
    returned = half_up(Fraction(loan.subsidy_base_fen * (at_base - after_fen), at_base))
    return returned - (loan.subsidy_base_fen - service.unearned_subsidy_fen(loan))


def _lower_bills(tx: Transaction, loan: Loan, amount_fen: int, *, waives_late: bool) -> int:
    today, left = shanghai_date(tx.now), amount_fen
    for bill in service.bills_of(tx, loan.id):
        part = min(left, bill.principal_fen - bill.paid_principal_fen)
        if part:
            repayment.reduce_principal(tx, bill, part, bill.due_date if waives_late else today)
            left -= part
            tx.add(bill)
    tx.flush()
    return amount_fen - left
