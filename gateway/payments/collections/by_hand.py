"""Payments that the shopper asks for: what is due, or everything that is left.

Each is a collection like those of the jobs: instructed with a reference through the outbox, booked when the institution
has confirmed, looked up while its outcome is unknown. While one is undecided nothing else is collected of the loan.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sqlmodel import col, func, select

from gateway.core.calendar import shanghai_date
from gateway.core.tenant import Tenant
from gateway.db.transactions import Transaction
from gateway.errors import QuoteChanged, TooManyRequests, WrongState
from gateway.loans import repayment, standing
from gateway.loans import service as loans
from gateway.loans.repayment import Repaid
from gateway.payments.collections import service
from gateway.payments.models import Collection

if TYPE_CHECKING:
    from gateway.loans.models import Loan

MOST_A_DAY = 5
"""Attempts of one loan that its shopper may ask for within a day."""
DAY = timedelta(days=1)


def pay_due(tx: Transaction, tenant: Tenant, loan_id: str) -> int:
    """Instruct the collection of every open bill of a loan; returns how much that is (fen).

    Raises ``NotFound``; ``WrongState`` when nothing is due or a collection is undecided; ``TooManyRequests``.
    """
    loan = _locked(tx, tenant, loan_id)
    wanted = []
    for bill in loans.bills_of(tx, loan.id):
        owed = loans.owed_of_bill_fen(tx, loan.id, bill.period)
        if owed:
            wanted.append((loan.id, bill.period, _attempts(tx, loan.id, bill.period) + 1, owed))
    if not wanted:
        raise WrongState("Nothing is due on this loan.", param="loan")
    service.instruct(tx, tenant, wanted, by_shopper=True)
    return sum(amount for *_, amount in wanted)


def pay_off(tx: Transaction, tenant: Tenant, loan_id: str, *, amount_fen: int) -> int:
    """Instruct the collection of all that is left of a loan, as quoted today; returns how much that is (fen).

    Where the shopper's credit covers it, the loan ends at once. Raises ``NotFound``; ``QuoteChanged`` when
    ``amount_fen`` is not what ends the loan today; ``WrongState``; ``TooManyRequests``.
    """
    loan = _locked(tx, tenant, loan_id)
    quote = repayment.quote_now(tx, loan)
    if quote is None:
        raise WrongState(f"The loan is {loan.status} and cannot be settled early.", param="loan")
    if quote["amount"] != amount_fen:
        raise QuoteChanged(
            f"Paying off the loan takes {quote['amount']} fen today: look at the amount again.",
            param="amount",
        )
    attempt = _attempts(tx, loan.id, service.WHOLE) + 1
    if not amount_fen:
        done = repayment.settle_early(tx, tenant, loan_id=loan.id, reference=f"{loan.id}:{attempt}")
        service.free_limit(tx, done)
        return 0
    service.instruct(tx, tenant, [(loan.id, service.WHOLE, attempt, amount_fen)], by_shopper=True)
    return amount_fen


def newest(tx: Transaction, loan_id: str, *, limit: int) -> list[Collection]:
    """Up to ``limit`` collections of a loan, the newest first."""
    query = select(Collection).where(Collection.loan_id == loan_id)
    return list(tx.exec(query.order_by(col(Collection.id).desc()).limit(limit)))


def _locked(tx: Transaction, tenant: Tenant, loan_id: str) -> Loan:
    """The loan, locked and brought up to today, of which nothing is being collected."""
    loan = loans.locked(tx, tenant, loan_id)
    of_loan = select(func.count()).where(Collection.loan_id == loan.id)
    if tx.exec(of_loan.where(Collection.status == "pending")).one():
        raise WrongState(
            "A payment of this loan is being carried out: wait for its outcome.",
            param="loan",
            reason="being_paid",
        )
    if tx.exec(of_loan.where(Collection.created_at > tx.now - DAY)).one() >= MOST_A_DAY:
        raise TooManyRequests(
            "Too many payments of this loan were tried today.", retry_after=3600, reason="tried"
        )
    freed = repayment.bring_up_to(tx, loan, shanghai_date(tx.now))
    if loan.status in loans.OPEN:
        freed += standing.recompute(tx, loan).freed_fen
    if freed:
        service.free_limit(tx, Repaid(loan, freed, f"{loan.id}:brought:{tx.now.isoformat()}"))
    return loan


def _attempts(tx: Transaction, loan_id: str, period: int) -> int:
    query = select(func.count()).where(Collection.loan_id == loan_id, Collection.period == period)
    return tx.exec(query).one()
