"""Billing: instalments fall due, and day by day each overdue loan is recomputed from its facts.

Every job is safe to run twice, late or in parallel: an instalment becomes one bill, and late interest is posted as the
difference between what is right today and what is in the books.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, func, insert, update
from sqlalchemy import select as columns
from sqlmodel import SQLModel, col, select
from sqlmodel.sql.expression import SelectOfScalar

from gateway.core import schedule
from gateway.core.money import half_up
from gateway.core.tenant import Tenant, mode_of
from gateway.db.transactions import Transaction
from gateway.ledger import service as ledger
from gateway.ledger.booking import postings
from gateway.loans import standing
from gateway.loans.models import Loan, LoanBill
from gateway.loans.states import OPEN

LOAN, ROW, BILL = (SQLModel.metadata.tables[name] for name in ("loan", "loan_instalment", "loan_bill"))
LOAN_ID = LOAN.c.id
NEW_BILLS = insert(BILL)
BILLED = (
    update(LOAN)
    .where(LOAN.c.id == bindparam("loan"))
    .values(
        {
            name: bindparam(f"new_{name}")
            for name in (
                "billed_periods",
                "base_version",
                "next_due_date",
                "subsidy_earned_fen",
                "subsidy_base_fen",
            )
        }
    )
)


@dataclass(frozen=True, slots=True)
class Billed:
    """An instalment that has just fallen due; ``amount_fen`` is to be collected."""

    loan_id: str
    shopper_id: str
    funder: str
    period: int
    due_date: date
    amount_fen: int
    has_credit: bool


def tenants_with_work(tx: Transaction, *, today: date) -> list[Tenant]:
    """Merchants with loans that have something due by ``today`` or overdue."""
    queries = (
        select(Loan.merchant_id, Loan.mode).where(col(Loan.next_due_date) <= today),
        select(Loan.merchant_id, Loan.mode)
        .join(LoanBill, col(LoanBill.loan_id) == Loan.id)
        .where(col(LoanBill.paid_on).is_(None), LoanBill.due_date < today, col(Loan.status).in_(OPEN)),
    )
    # Without DISTINCT, for which SQLite would walk over every loan of every merchant.
    found = {pair for query in queries for pair in tx.exec(query)}
    return [Tenant(merchant, mode_of(mode)) for merchant, mode in sorted(found)]


def next_work(tx: Transaction, tenant: Tenant, *, today: date) -> date | None:
    """The next day after ``today`` on which the tenant's loans need a job: tomorrow while a bill is open."""
    open_bill = (
        select(LoanBill.loan_id)
        .join(Loan, col(Loan.id) == LoanBill.loan_id)
        .where(
            Loan.merchant_id == tenant.merchant_id,
            Loan.mode == tenant.mode,
            col(Loan.status).in_(OPEN),
            col(LoanBill.paid_on).is_(None),
        )
        .limit(1)
    )
    if tx.exec(open_bill).first() is not None:
        return today + timedelta(days=1)
    due = select(func.min(Loan.next_due_date)).where(
        Loan.merchant_id == tenant.merchant_id, Loan.mode == tenant.mode, col(Loan.status).in_(OPEN)
    )
    return tx.exec(due).one()


def has_due(tx: Transaction, tenant: Tenant, *, today: date) -> bool:
    """Whether an instalment of the tenant's loans is due by ``today`` and not billed."""
    query = select(Loan.id).where(
        Loan.merchant_id == tenant.merchant_id,
        Loan.mode == tenant.mode,
        col(Loan.next_due_date) <= today,
        col(Loan.status).in_(OPEN),
    )
    return tx.exec(query.limit(1)).first() is not None


def has_late(tx: Transaction, tenant: Tenant, *, today: date) -> bool:
    """Whether a bill of the tenant's running loans was due before ``today`` and is not paid."""
    return tx.exec(_late_loans(tenant, today).limit(1)).first() is not None


def _late_loans(tenant: Tenant, today: date) -> SelectOfScalar[str]:
    """The tenant's running loans, once for each bill that was due before ``today`` and is not paid."""
    return (
        select(Loan.id)
        .join(LoanBill, col(LoanBill.loan_id) == Loan.id)
        .where(
            Loan.merchant_id == tenant.merchant_id,
            Loan.mode == tenant.mode,
            col(Loan.status).in_(OPEN),
            col(LoanBill.paid_on).is_(None),
            LoanBill.due_date < today,
        )
    )


def fall_due(
    tx: Transaction,
    tenant: Tenant,
    *,
    today: date,
    limit: int = 500,
    loan_id: str | None = None,
    but: ColumnElement[bool] | None = None,
) -> list[Billed]:
    """Bill the next instalment of up to ``limit`` loans for which it is due by ``today``; one period a loan and call.

    ``but``: a condition on the loan's id (``LOAN_ID``) of loans that wait.
    Call it again until nothing comes back. Interest and fee are earned and owed from the due date on; so is the part
    of the merchant's subsidy that goes with the instalment's principal.
    """
    found = tx.connection().execute(_due_rows(tenant, today, limit, loan_id, but)).all()
    if not found:
        return []
    earned = {row.id: _subsidy_earned(row) for row in found}
    tx.connection().execute(NEW_BILLS, [_bill(row) for row in found])
    tx.connection().execute(BILLED, [_billed_loan(row, earned[row.id]) for row in found])
    events = [event for row in found if (event := _event(row, earned[row.id])) is not None]
    ledger.book_many(tx, tenant, events)
    # The rows were changed behind the session's back.
    tx.expire_all()
    return [
        Billed(
            loan_id=row.id,
            shopper_id=row.shopper_id,
            funder=row.funder,
            period=row.period,
            due_date=row.due_date,
            amount_fen=_amount_fen(row),
            has_credit=row.credit_fen > 0,
        )
        for row in found
    ]


@dataclass(frozen=True, slots=True)
class Freed:
    """Principal that a recomputation found repaid, in fen."""

    loan: Loan
    principal_fen: int


def accrue_late(
    tx: Transaction, tenant: Tenant, *, today: date, after: str = "", limit: int = 200
) -> tuple[str | None, list[Freed]]:
    """Recompute up to ``limit`` loans with open bills, in the order of their ids: late interest and state.

    Returns the id to go on ``after``, or None when all are done; and what was freed, which is nothing but where the
    books were kept by other rules before.
    """
    query = _late_loans(tenant, today).where(Loan.id > after).distinct().order_by(col(Loan.id)).limit(limit)
    ids = list(tx.exec(query))
    if not ids:
        return None, []
    locked = select(Loan).where(col(Loan.id).in_(ids)).order_by(col(Loan.id)).with_for_update()
    loans = list(tx.exec(locked))
    facts = standing.facts_of(tx, loans)
    events, freed = [], []
    for loan in loans:
        bills, of_loan = facts[loan.id]
        moved = standing.bring(loan, bills, of_loan, today=today)
        events += standing.events(loan, moved, today=today, on=today)
        if moved.freed_fen:
            freed.append(Freed(loan, moved.freed_fen))
        tx.add(loan)
        tx.add_all(bills)
    ledger.book_many(tx, tenant, events)
    tx.flush()
    return ids[-1], freed


def _due_rows(
    tenant: Tenant, today: date, limit: int, loan_id: str | None, but: ColumnElement[bool] | None
) -> Select[Any]:
    of_version = (ROW.c.loan_id == LOAN.c.id) & (ROW.c.version == LOAN.c.schedule_version)
    other = ROW.alias()
    # Rows of nothing at the end of a schedule never fall due: the loan ends with the last row above 0.
    last = (
        columns(func.max(other.c.period))
        .where(
            other.c.loan_id == LOAN.c.id,
            other.c.version == LOAN.c.schedule_version,
            other.c.payment_fen > 0,
        )
        .correlate(LOAN)
        .scalar_subquery()
    )
    query = (
        columns(
            LOAN.c.id,
            LOAN.c.shopper_id,
            LOAN.c.funder,
            LOAN.c.contract_date,
            LOAN.c.schedule_version,
            LOAN.c.credit_fen,
            LOAN.c.subsidy_fen,
            LOAN.c.subsidy_earned_fen,
            LOAN.c.subsidy_returned_fen,
            ROW.c.period,
            ROW.c.due_date,
            ROW.c.principal_fen,
            ROW.c.interest_fen,
            ROW.c.fee_fen,
            ROW.c.balance_fen,
            last.label("last_period"),
        )
        .join(ROW, of_version & (ROW.c.period == LOAN.c.billed_periods + 1))
        .where(
            LOAN.c.next_due_date <= today,
            LOAN.c.merchant_id == tenant.merchant_id,
            LOAN.c.mode == tenant.mode,
            LOAN.c.status.in_(OPEN),
        )
        .order_by(LOAN.c.next_due_date, LOAN.c.id)
        .limit(limit)
        .with_for_update(of=LOAN, skip_locked=loan_id is None)
    )
    if but is not None:
        query = query.where(~but)
    return query if loan_id is None else query.where(LOAN.c.id == loan_id)


def _amount_fen(row: Any) -> int:
    """What falls due with an instalment."""
    return int(row.principal_fen + row.interest_fen + row.fee_fen)


def _bill(row: Any) -> dict[str, Any]:
    """The bill of an instalment that falls due; one of nothing is paid."""
    nothing = (
        "late_fen",
        "returned_fen",
        "waived_interest_fen",
        "waived_fee_fen",
        "paid_principal_fen",
        "paid_interest_fen",
        "paid_fee_fen",
        "paid_late_fen",
    )
    return {
        "loan_id": row.id,
        "period": row.period,
        "due_date": row.due_date,
        "principal_fen": row.principal_fen,
        "interest_fen": row.interest_fen,
        "fee_fen": row.fee_fen,
        "paid_on": None if _amount_fen(row) else row.due_date,
        **dict.fromkeys(nothing, 0),
    }


def _billed_loan(row: Any, earned_fen: int) -> dict[str, Any]:
    """What a loan says once an instalment of it has fallen due, as parameters of ``BILLED``."""
    more = row.period < row.last_period
    return {
        "loan": row.id,
        "new_billed_periods": row.period,
        "new_base_version": row.schedule_version,
        "new_next_due_date": schedule.due_date(row.contract_date, row.period + 1) if more else None,
        "new_subsidy_earned_fen": row.subsidy_earned_fen + earned_fen,
        "new_subsidy_base_fen": row.subsidy_fen
        - row.subsidy_earned_fen
        - row.subsidy_returned_fen
        - earned_fen,
    }


def _event(row: Any, earned_fen: int) -> ledger.Event | None:
    """What is earned and owed from the due date on; None when nothing is."""
    lines = postings.instalment_due(
        loan=row.id,
        funder=row.funder,
        interest_fen=row.interest_fen,
        fee_fen=row.fee_fen,
        subsidy_fen=earned_fen,
    )
    if not lines:
        return None
    return ledger.Event("instalment_due", ("loan", row.id), lines, part=str(row.period), on=row.due_date)


def _subsidy_earned(row: Any) -> int:
    """The part of what is left of the subsidy that goes with this instalment's principal; the last takes the rest."""
    left: int = row.subsidy_fen - row.subsidy_earned_fen - row.subsidy_returned_fen
    if not left or row.period == row.last_period:
        return left
    return half_up(Fraction(left * row.principal_fen, row.principal_fen + row.balance_fen))
