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
from gateway.loans import service, standing
from gateway.loans.models import Loan, PrincipalReduction
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


def lower(
    tx: Transaction, tenant: Tenant, *, loan_id: str, amount_fen: int, waives_late: bool = True
) -> Lowered:
    """Take up to ``amount_fen`` of principal off the loan; number of periods and due dates stay.

    What is paid or billed also stays, but the principal of an unpaid bill is lowered last. Refunds between two
    due dates are computed together, so splitting one changes nothing. With ``waives_late`` the part of a bill that is
    taken off was never late. Of a loan that was written off it recovers what was given up.
    """
    loan = service.locked(tx, tenant, loan_id)
    if loan.status == "written_off":
        recovered = min(amount_fen, service.lost_fen(loan))
        return Lowered(0, 0, service.note_recovered(tx, loan, recovered), recovered)
    if loan.status not in OPEN:
        return Lowered(0, 0)
    to_come, subsidy = _lower_rows(tx, loan, amount_fen)
    billed = _lower_bills(tx, loan, amount_fen - to_come, waives_late=waives_late)
    loan.refunded_fen += to_come + billed
    loan.subsidy_returned_fen += subsidy
    tx.add(loan)
    tx.flush()
    moved = standing.recompute(tx, loan, ends_as="refunded")
    return Lowered(to_come + billed, subsidy, moved.freed_fen)


def _lower_rows(tx: Transaction, loan: Loan, amount_fen: int) -> tuple[int, int]:
    """Principal taken off the rows to come, and the subsidy that goes back with it (fen)."""
    rows = service.rows_of(tx, loan)
    left = sum(row.principal for row in rows)
    applied = min(amount_fen, left)
    if not applied:
        return 0, 0
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
    service.write_rows(tx, loan, lowered.rows)
    return applied, _subsidy_back(loan, base, lowered.outstanding_after)


def _subsidy_back(loan: Loan, base: Sequence[schedule.Instalment], after_fen: int) -> int:
    at_base = sum(row.principal for row in base)
    returned = half_up(Fraction(loan.subsidy_base_fen * (at_base - after_fen), at_base))
    return returned - (loan.subsidy_base_fen - service.unearned_subsidy_fen(loan))


def _lower_bills(tx: Transaction, loan: Loan, amount_fen: int, *, waives_late: bool) -> int:
    """Take principal off what is billed and not paid, the oldest first; returns how much (fen)."""
    today, left = shanghai_date(tx.now), amount_fen
    if not left:
        return 0
    for bill in service.bills_of(tx, loan.id):
        part = min(left, bill.principal_fen - bill.returned_fen - bill.paid_principal_fen)
        if part:
            bill.returned_fen += part
            left -= part
            row = PrincipalReduction(
                id=tx.new_id("red"),
                loan_id=loan.id,
                period=bill.period,
                on=today,
                amount_fen=part,
                waives_late=waives_late,
            )
            tx.add_all([bill, row])
    tx.flush()
    return amount_fen - left
