"""What happens to loans: they are drawn by a capture, lowered by a refund, and shown."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlmodel import col, func, select

from gateway.core import refunding, schedule
from gateway.core.tenant import Tenant
from gateway.db.transactions import Transaction
from gateway.errors import NotFound
from gateway.loans.models import Loan, LoanInstalment
from gateway.plans.pricing import Price, presented


def draw_down(
    tx: Transaction,
    tenant: Tenant,
    *,
    payment_id: str,
    capture_id: str,
    shopper_id: str,
    funder: str,
    price: dict[str, Any],
    captured_before_fen: int,
    amount_fen: int,
    contract_date: date,
) -> Loan:
    """Lend ``amount_fen`` for one capture.

    The schedule is the row-wise difference of the schedules of the captured total after and before, so that any split
    of captures sums exactly to the disclosed schedule.
    """
    terms = Price(**price).terms()
    after = schedule.build(captured_before_fen + amount_fen, terms, contract_date)
    if captured_before_fen:
        after = schedule.difference(after, schedule.build(captured_before_fen, terms, contract_date))
    loan = Loan(
        id=tx.new_id("loan"),
        merchant_id=tenant.merchant_id,
        mode=tenant.mode,
        shopper_id=shopper_id,
        payment_id=payment_id,
        capture_id=capture_id,
        funder=funder,
        status="active",
        principal_fen=amount_fen,
        refunded_fen=0,
        price=price,
        contract_date=contract_date,
        schedule_version=1,
        created_at=tx.now,
    )
    tx.add(loan)
    tx.flush()
    _write(tx, loan, after.rows)
    return loan


def lower_by_refund(tx: Transaction, loan_id: str, *, amount_fen: int) -> int:
    """Take ``amount_fen`` of principal off the loan and write its next schedule; returns what the loan could take.

    The rest (when the shopper has repaid) goes back to the shopper.
    """
    loan = tx.exec(select(Loan).where(Loan.id == loan_id).with_for_update()).one()
    lowered = refunding.lower(
        rows_of(tx, loan),
        terms=Price(**loan.price).terms(),
        contract_date=loan.contract_date,
        refund_fen=amount_fen,
    )
    loan.refunded_fen += lowered.applied_to_principal
    loan.schedule_version += 1
    if lowered.outstanding_after == 0:
        loan.status = "refunded"
    tx.add(loan)
    tx.flush()
    _write(tx, loan, lowered.rows)
    return lowered.applied_to_principal


def outstanding_fen(loan: Loan) -> int:
    """Principal still owed, in fen."""
    if loan.status in ("settled", "unwound", "written_off"):
        return 0
    return loan.principal_fen - loan.refunded_fen


def history(tx: Transaction, shopper_id: str) -> dict[str, int]:
    """What the books say of a shopper's earlier loans, by the scorer's names.

    Collections come with the loan's life; until then no instalment has been paid or missed here.
    """
    count = tx.exec(select(func.count()).where(Loan.shopper_id == shopper_id)).one()
    return {
        "prior_loans": count,
        "prior_on_time_instalments": 0,
        "prior_late_instalments": 0,
        "max_delinquency_days": 0,
    }


def get(tx: Transaction, tenant: Tenant, loan_id: str) -> Loan:
    """The merchant's loan. Raises ``NotFound``."""
    loan = tx.get(Loan, loan_id)
    if loan is None or not tenant.owns(loan):
        raise NotFound(f"There is no loan {loan_id!r}.")
    return loan


def rows_of(tx: Transaction, loan: Loan, version: int | None = None) -> list[schedule.Instalment]:
    """The rows of a schedule; the current version unless another is named."""
    query = select(LoanInstalment).where(
        LoanInstalment.loan_id == loan.id, LoanInstalment.version == (version or loan.schedule_version)
    )
    return [
        schedule.Instalment(
            period=row.period,
            due_date=row.due_date,
            principal=row.principal_fen,
            interest=row.interest_fen,
            fee=row.fee_fen,
            payment=row.payment_fen,
            balance=row.balance_fen,
        )
        for row in tx.exec(query.order_by(col(LoanInstalment.period)))
    ]


def view(tx: Transaction, loan: Loan) -> dict[str, Any]:
    """The loan as the API shows it."""
    rows = rows_of(tx, loan)
    return {
        "id": loan.id,
        "mode": loan.mode,
        "status": loan.status,
        "bucket": None,
        "payment": loan.payment_id,
        "capture": loan.capture_id,
        "funder": loan.funder,
        "principal": loan.principal_fen,
        "refunded_principal": loan.refunded_fen,
        "outstanding_principal": outstanding_fen(loan),
        "contract_date": loan.contract_date.isoformat(),
        "schedule": [presented(row) for row in rows],
        "total_payment": sum(row.payment for row in rows),
        "total_interest": sum(row.interest for row in rows),
        "total_fee": sum(row.fee for row in rows),
        "created_at": loan.created_at,
    }


def _write(tx: Transaction, loan: Loan, rows: Sequence[schedule.Instalment]) -> None:
    for row in rows:
        tx.add(
            LoanInstalment(
                loan_id=loan.id,
                version=loan.schedule_version,
                period=row.period,
                due_date=row.due_date,
                principal_fen=row.principal,
                interest_fen=row.interest,
                fee_fen=row.fee,
                payment_fen=row.payment,
                balance_fen=row.balance,
            )
        )
