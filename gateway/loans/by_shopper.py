"""What a person still owes or has owed, at whatever merchant: for the person, and for how long their data is kept."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from sqlmodel import col, func, select

from gateway.core.calendar import shanghai_date
from gateway.core.tenant import Tenant
from gateway.db.parts import in_parts
from gateway.db.transactions import Transaction
from gateway.errors import NotFound
from gateway.loans import service
from gateway.loans.models import Loan, LoanBill, LoanInstalment, LoanRepayment
from gateway.loans.states import OPEN

MOST_OPEN = 200
"""Running loans of a person that are shown at once; nobody's limit carries so many."""


@dataclass(frozen=True, slots=True)
class Lent:
    """One loan: whether it runs (or money is owed to the shopper), and the day it ended or is planned to end."""

    loan: str
    live: bool
    ends_on: date


def loans_of(tx: Transaction, shopper_id: str) -> list[Lent]:
    """Every loan of a person, whatever became of it; a loan that was written off counts as ended on that day."""
    return [_lent(tx, loan) for loan in tx.exec(select(Loan).where(Loan.shopper_id == shopper_id))]


def seriously_overdue(tx: Transaction, tenant: Tenant, *, days: int) -> list[str]:
    """Shoppers with a loan at this merchant that is at least ``days`` overdue today."""
    query = select(Loan.shopper_id).where(
        Loan.merchant_id == tenant.merchant_id,
        Loan.mode == tenant.mode,
        col(Loan.overdue_since) <= shanghai_date(tx.now) - timedelta(days=days),
    )
    return list(tx.exec(query.distinct()))


def in_default(tx: Transaction, shopper_ids: list[str]) -> set[str]:
    """Those of these shoppers with a loan that is overdue or was written off."""
    found: set[str] = set()
    for part in in_parts(shopper_ids):
        query = select(Loan.shopper_id).where(
            col(Loan.shopper_id).in_(part), col(Loan.status).in_(("overdue", "written_off"))
        )
        found |= set(tx.exec(query))
    return found


def _lent(tx: Transaction, loan: Loan) -> Lent:
    live = loan.status in OPEN or loan.credit_fen > 0
    query = select(func.max(LoanInstalment.due_date)).where(
        LoanInstalment.loan_id == loan.id, LoanInstalment.version == loan.schedule_version
    )
    planned: date = tx.exec(query).one() or loan.contract_date
    return Lent(loan.id, live, planned if live else loan.ended_on or planned)


@dataclass(frozen=True, slots=True)
class NextRow:
    """The next instalment that falls due; fen."""

    period: int
    due_date: date
    amount_fen: int


@dataclass(frozen=True, slots=True)
class Standing:
    """A loan as its shopper sees it in a list."""

    loan: Loan
    open_bills: list[LoanBill] = field(default_factory=list)
    next_row: NextRow | None = None

    @property
    def due_fen(self) -> int:
        """What has fallen due and is not paid."""
        return sum(service.owed_fen(bill) for bill in self.open_bills) if self.loan.status in OPEN else 0

    @property
    def outstanding_fen(self) -> int:
        """Principal still owed."""
        return service.outstanding_fen(self.loan)


def running(tx: Transaction, shopper_id: str) -> list[Standing]:
    """The running loans of a person, the newest first."""
    query = select(Loan).where(Loan.shopper_id == shopper_id, col(Loan.status).in_(OPEN))
    return standings(tx, list(tx.exec(query.order_by(col(Loan.id).desc()).limit(MOST_OPEN))))


def ended(tx: Transaction, shopper_id: str, *, before: str | None, limit: int) -> list[Standing]:
    """Up to ``limit`` loans of a person that have ended, the newest first, older than the loan ``before``."""
    query = select(Loan).where(Loan.shopper_id == shopper_id, col(Loan.status).not_in(OPEN))
    if before is not None:
        query = query.where(Loan.id < before)
    return standings(tx, list(tx.exec(query.order_by(col(Loan.id).desc()).limit(limit))))


def own(tx: Transaction, shopper_id: str, loan_id: str) -> Loan:
    """The person's loan. Raises ``NotFound`` for anybody else's."""
    loan = tx.get(Loan, loan_id)
    if loan is None or loan.shopper_id != shopper_id:
        raise NotFound("There is no such loan.")
    return loan


def version_of(tx: Transaction, loan: Loan, version: int) -> list[LoanInstalment]:
    """The rows of one version of the loan's schedule. Raises ``NotFound`` for a version that there is not."""
    query = select(LoanInstalment).where(LoanInstalment.loan_id == loan.id, LoanInstalment.version == version)
    rows = list(tx.exec(query.order_by(col(LoanInstalment.period))))
    if not rows:
        raise NotFound("There is no such version of the schedule.")
    return rows


def receipts_of(tx: Transaction, loan_id: str, *, limit: int) -> list[LoanRepayment]:
    """Up to ``limit`` repayments of a loan, the newest first."""
    query = select(LoanRepayment).where(LoanRepayment.loan_id == loan_id)
    return list(tx.exec(query.order_by(col(LoanRepayment.id).desc()).limit(limit)))


def receipt(tx: Transaction, shopper_id: str, receipt_id: str) -> tuple[LoanRepayment, Loan]:
    """A repayment of the person, and its loan. Raises ``NotFound`` for anybody else's."""
    row = tx.get(LoanRepayment, receipt_id)
    if row is None:
        raise NotFound("There is no such receipt.")
    return row, own(tx, shopper_id, row.loan_id)


def standings(tx: Transaction, loans: Sequence[Loan]) -> list[Standing]:
    """Loans with what is open and what comes next, in two questions however many they are."""
    ids = [loan.id for loan in loans]
    bills: dict[str, list[LoanBill]] = defaultdict(list)
    rows: dict[str, NextRow] = {}
    for part in in_parts(ids):
        unpaid = select(LoanBill).where(col(LoanBill.loan_id).in_(part), col(LoanBill.paid_on).is_(None))
        for bill in tx.exec(unpaid.order_by(LoanBill.loan_id, col(LoanBill.period))):
            bills[bill.loan_id].append(bill)
        following = (
            select(LoanInstalment)
            .join(Loan, col(Loan.id) == LoanInstalment.loan_id)
            .where(
                col(Loan.id).in_(part),
                LoanInstalment.version == Loan.schedule_version,
                LoanInstalment.period == Loan.billed_periods + 1,
            )
        )
        for row in tx.exec(following):
            rows[row.loan_id] = NextRow(row.period, row.due_date, row.payment_fen)
    return [Standing(loan, bills[loan.id], rows.get(loan.id)) for loan in loans]
