"""What a person still owes or has owed, for the code that decides how long their data is kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from sqlmodel import col, func, select

from gateway.core.calendar import shanghai_date
from gateway.core.tenant import Tenant
from gateway.db.parts import in_parts
from gateway.db.transactions import Transaction
from gateway.loans.models import Loan, LoanInstalment
from gateway.loans.states import OPEN


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
