"""Ending a loan other than by paying it: unwound as if it never was, written off, or lost in a dispute."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlmodel import col, func, select
from sqlmodel.sql.expression import SelectOfScalar

from gateway.core.calendar import shanghai_date
from gateway.core.tenant import Tenant
from gateway.db.transactions import Transaction
from gateway.errors import WrongState
from gateway.ledger import service as ledger
from gateway.ledger.booking import postings
from gateway.loans import credit, principal_reduction, service, standing
from gateway.loans.models import Loan, LoanBill, LoanRepayment
from gateway.loans.states import OPEN


@dataclass(frozen=True, slots=True)
class Unwound:
    """A loan that never was: what was held of the limit for it, and what the shopper has paid, in fen."""

    held_fen: int
    paid_fen: int


def unwind(tx: Transaction, tenant: Tenant, *, loan_id: str) -> Unwound:
    """Cancel the loan from its start: every entry about it is reversed, nothing of its schedule remains.

    What the shopper has paid is the caller's to return. Raises ``WrongState`` for a loan that was written off.
    """
    loan = service.locked(tx, tenant, loan_id)
    unwound, today = to_unwind(tx, loan), shanghai_date(tx.now)
    for entry in ledger.entries_about(tx, tenant, [loan.id]):
        ledger.reverse(tx, entry.id, key=f"unwound:{entry.id}", effective_date=today)
    for bill in service.bills_of(tx, loan.id):
        bill.paid_on = bill.paid_on or today
        tx.add(bill)
    loan.schedule_version += 1
    loan.credit_fen = loan.repaid_fen = loan.refunded_fen = 0
    loan.subsidy_earned_fen, loan.subsidy_returned_fen = 0, loan.subsidy_fen
    _end(tx, loan, "unwound")
    return unwound


def to_unwind(tx: Transaction, loan: Loan) -> Unwound:
    """What unwinding a loan gives back. Raises ``WrongState`` for a loan that was written off."""
    if loan.status in ("written_off", "unwound"):
        raise WrongState(f"The loan is {loan.status}: it cannot be unwound.", param="payment")
    return Unwound(service.outstanding_fen(loan), _paid_fen(tx, loan))


def write_off(tx: Transaction, tenant: Tenant, *, loan_id: str) -> Loan:
    """Give up what is owed: it is provided for and taken off the books; money that still comes is a recovery.

    Principal that has not fallen due is given up with the rest. Raises ``WrongState`` unless the loan is overdue.
    """
    loan = service.locked(tx, tenant, loan_id)
    if loan.status in OPEN:
        standing.recompute(tx, loan)
    if loan.status != "overdue":
        raise WrongState(f"The loan is {loan.status}: only an overdue loan can be written off.", param="loan")
    charges, principal = _charges_owed(service.bills_of(tx, loan.id)), service.outstanding_fen(loan)
    parts = postings.Parts(charges.late_interest_fen, charges.fee_fen, charges.interest_fen, principal)
    earn_subsidy(tx, loan, service.unearned_subsidy_fen(loan))
    ledger.book(
        tx,
        Tenant.of(loan),
        ledger.Event(
            "provision",
            ("loan", loan.id),
            postings.provision(loan=loan.id, funder=loan.funder, amount_fen=parts.total_fen),
        ),
    )
    ledger.book(
        tx,
        Tenant.of(loan),
        ledger.Event(
            "write_off", ("loan", loan.id), postings.write_off(loan=loan.id, funder=loan.funder, parts=parts)
        ),
    )
    loan.written_off_fen, loan.written_off_charges_fen = principal, charges.total_fen
    _end(tx, loan, "written_off")
    return loan


def write_off_due(tx: Transaction, *, tenant: Tenant, days: int, limit: int = 100) -> int:
    """Write off up to ``limit`` loans that are overdue for more than ``days`` days; returns how many."""
    due = list(tx.exec(_hopeless(tx, tenant, days).order_by(col(Loan.id)).limit(limit)))
    for loan_id in due:
        write_off(tx, tenant, loan_id=loan_id)
    return len(due)


def has_hopeless(tx: Transaction, tenant: Tenant, *, days: int) -> bool:
    """Whether a loan of the tenant is overdue for more than ``days`` days."""
    return tx.exec(_hopeless(tx, tenant, days).limit(1)).first() is not None


def _hopeless(tx: Transaction, tenant: Tenant, days: int) -> SelectOfScalar[str]:
    return select(Loan.id).where(
        Loan.merchant_id == tenant.merchant_id,
        Loan.mode == tenant.mode,
        Loan.status == "overdue",
        col(Loan.overdue_since) < shanghai_date(tx.now) - timedelta(days=days),
    )


def lose_dispute(
    tx: Transaction, tenant: Tenant, *, loan_id: str, dispute: str, amount_fen: int
) -> principal_reduction.Lowered:
    """The shopper was right about ``amount_fen``: what the merchant has set aside repays the loan.

    What is above the principal still owed, or above what was written off, becomes the shopper's credit; the subsidy
    that a refund would return is earned. When no principal is left, charges that are billed and not paid are waived,
    and the loan has ended.
    """
    loan = service.locked(tx, tenant, loan_id)
    lowered = principal_reduction.lower(tx, tenant, loan_id=loan.id, amount_fen=amount_fen)
    to_shopper = amount_fen - lowered.principal_fen - lowered.recovered_fen
    lines = postings.dispute_lost(
        dispute=dispute,
        loan=loan.id,
        merchant=loan.merchant_id,
        funder=loan.funder,
        principal_fen=lowered.principal_fen,
        recovered_fen=lowered.recovered_fen,
        to_shopper_fen=to_shopper,
    )
    ledger.book(
        tx,
        Tenant.of(loan),
        ledger.Event("dispute_lost", ("loan", loan.id), lines, part=dispute),
    )
    keep_subsidy(tx, tenant, loan_id=loan.id, amount_fen=lowered.subsidy_fen, about=dispute)
    if loan.status in OPEN and not service.outstanding_fen(loan):
        loan.charges_waived_on = shanghai_date(tx.now)
        standing.recompute(tx, loan, ends_as="refunded")
    if to_shopper:
        credit.owe(tx, loan, amount_fen=to_shopper, about=dispute)
    tx.add(loan)
    tx.flush()
    return lowered


def keep_subsidy(tx: Transaction, tenant: Tenant, *, loan_id: str, amount_fen: int, about: str) -> None:
    """Earn ``amount_fen`` of the merchant's subsidy that lowering would have returned; ``about`` names the reason."""
    loan = service.locked(tx, tenant, loan_id)
    loan.subsidy_returned_fen -= amount_fen
    earn_subsidy(tx, loan, amount_fen, about=about)
    tx.add(loan)
    tx.flush()


def earn_subsidy(tx: Transaction, loan: Loan, amount_fen: int, *, about: str = "") -> None:
    """Recognise the part of the merchant subsidy that can no longer be earned by instalments or returned."""
    loan.subsidy_earned_fen += amount_fen
    lines = postings.instalment_due(
        loan=loan.id, funder=loan.funder, interest_fen=0, fee_fen=0, subsidy_fen=amount_fen
    )
    if lines:
        ledger.book(
            tx,
            Tenant.of(loan),
            ledger.Event("subsidy_earned", ("loan", loan.id), lines, part=about),
        )


def _paid_fen(tx: Transaction, loan: Loan) -> int:
    query = select(func.coalesce(func.sum(LoanRepayment.amount_fen), 0))
    return int(tx.exec(query.where(LoanRepayment.loan_id == loan.id)).one())


def _charges_owed(bills: Sequence[LoanBill]) -> postings.Parts:
    return postings.Parts(
        late_interest_fen=sum(bill.late_fen - bill.paid_late_fen for bill in bills),
        fee_fen=sum(bill.fee_fen - bill.waived_fee_fen - bill.paid_fee_fen for bill in bills),
        interest_fen=sum(
            bill.interest_fen - bill.waived_interest_fen - bill.paid_interest_fen for bill in bills
        ),
    )


def _end(tx: Transaction, loan: Loan, status: str) -> None:
    service.move(loan, status)
    loan.next_due_date = loan.overdue_since = None
    loan.ended_on = shanghai_date(tx.now)
    tx.add(loan)
    tx.flush()
