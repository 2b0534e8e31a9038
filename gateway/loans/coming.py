"""Instalments that are still to fall due: which come next, and what one of them amounts to."""

from __future__ import annotations

from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import exists
from sqlmodel import SQLModel, col, func, select

from gateway.core.tenant import Tenant
from gateway.db.transactions import Transaction
from gateway.loans.models import Loan, LoanBill, LoanInstalment
from gateway.loans.states import OPEN

LOAN = SQLModel.metadata.tables["loan"]
BILL = SQLModel.metadata.tables["loan_bill"]


class Coming(NamedTuple):
    """The next instalment of a running loan."""

    loan_id: str
    shopper_id: str
    period: int
    due_date: date
    grace_days: int


def coming(
    tx: Transaction, tenant: Tenant, *, after: date, until: date, after_id: str, limit: int
) -> list[Coming]:
    """Running loans whose next instalment falls due after a day and until another, in the order of their ids."""
    query = (
        select(Loan)
        .where(
            Loan.merchant_id == tenant.merchant_id,
            Loan.mode == tenant.mode,
            col(Loan.status).in_(OPEN),
            col(Loan.next_due_date) > after,
            col(Loan.next_due_date) <= until,
            Loan.id > after_id,
        )
        .order_by(col(Loan.id))
        .limit(limit)
    )
    return [
        Coming(loan.id, loan.shopper_id, loan.billed_periods + 1, loan.next_due_date, loan.late_grace_days)
        for loan in tx.exec(query)
        if loan.next_due_date is not None
    ]


def next_after(tx: Transaction, tenant: Tenant, day: date) -> date | None:
    """The first day after another on which something of the merchant's falls due."""
    query = select(func.min(Loan.next_due_date)).where(
        Loan.merchant_id == tenant.merchant_id,
        Loan.mode == tenant.mode,
        col(Loan.status).in_(OPEN),
        col(Loan.next_due_date) > day,
    )
    return tx.exec(query).one()


def has_coming(merchant_id: Any, mode: Any, *, after: Any, until: date) -> Any:
    """Whether an instalment falls due after a day and until another, inside of another question."""
    return exists().where(
        LOAN.c.merchant_id == merchant_id,
        LOAN.c.mode == mode,
        LOAN.c.status.in_(OPEN),
        LOAN.c.next_due_date > after,
        LOAN.c.next_due_date <= until,
    )


def fallen_due(
    tx: Transaction, tenant: Tenant, *, after: date, until: date, after_id: str, limit: int
) -> list[Coming]:
    """Open bills of running loans that fell due after a day and until another, in the order of their loans."""
    query = (
        select(Loan, LoanBill)
        .join(LoanBill, col(LoanBill.loan_id) == Loan.id)
        .where(
            Loan.merchant_id == tenant.merchant_id,
            Loan.mode == tenant.mode,
            col(Loan.status).in_(OPEN),
            col(LoanBill.paid_on).is_(None),
            LoanBill.due_date > after,
            LoanBill.due_date <= until,
            Loan.id > after_id,
        )
        .order_by(col(Loan.id), col(LoanBill.period))
        .limit(limit)
    )
    return [
        Coming(loan.id, loan.shopper_id, bill.period, bill.due_date, loan.late_grace_days)
        for loan, bill in tx.exec(query)
    ]


def has_overdue(merchant_id: Any, mode: Any, *, after: Any, since: date) -> Any:
    """Whether an overdue loan has an open bill due after a day and since another, inside of another question."""
    return exists().where(
        LOAN.c.merchant_id == merchant_id,
        LOAN.c.mode == mode,
        LOAN.c.overdue_since.is_not(None),
        LOAN.c.status.in_(OPEN),
        exists().where(
            BILL.c.loan_id == LOAN.c.id,
            BILL.c.paid_on.is_(None),
            BILL.c.due_date > after,
            BILL.c.due_date > since,
        ),
    )


def amount_of(tx: Transaction, loan: Loan, period: int) -> int:
    """What an instalment that has not fallen due amounts to now, in fen; 0 when the schedule has none any more."""
    if loan.status not in OPEN or period <= loan.billed_periods:
        return 0
    row = tx.get(LoanInstalment, (loan.id, loan.schedule_version, period))
    return row.payment_fen if row is not None else 0
