"""Loans are found and shown; their lifecycle is in the sibling modules: drawdown, billing, repayment and others."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import date
from typing import Any

from sqlalchemy import ScalarSelect, insert
from sqlmodel import SQLModel, col, func, select
from sqlmodel.sql.expression import SelectOfScalar

from gateway.core import late_interest, schedule
from gateway.core.calendar import shanghai_date
from gateway.core.tenant import Tenant
from gateway.db.ownership import owned
from gateway.db.parts import in_parts
from gateway.db.row_locks import held
from gateway.db.transactions import Transaction
from gateway.errors import WrongState
from gateway.loans.models import Loan, LoanBill, LoanInstalment
from gateway.loans.schemas import LoanAnswer
from gateway.loans.states import LOAN, OPEN, bucket
from gateway.plans.pricing import presented

ANSWER = LoanAnswer()
NEW_ROWS = insert(SQLModel.metadata.tables["loan_instalment"])


def get(tx: Transaction, tenant: Tenant, loan_id: str) -> Loan:
    """The merchant's loan. Raises ``NotFound``."""
    return owned(tx.get(Loan, loan_id), tenant, "loan", loan_id)


def locked(tx: Transaction, tenant: Tenant, loan_id: str) -> Loan:
    """The merchant's loan, locked until the transaction ends. Raises ``NotFound``."""
    query = select(Loan).where(Loan.id == loan_id).with_for_update()
    return owned(held(tx, Loan, loan_id) or tx.exec(query).first(), tenant, "loan", loan_id)


def of_payment(tx: Transaction, tenant: Tenant, payment_id: str) -> list[Loan]:
    """The merchant's loans of a payment, one for each capture, oldest first."""
    query = select(Loan).where(
        Loan.payment_id == payment_id, Loan.merchant_id == tenant.merchant_id, Loan.mode == tenant.mode
    )
    return list(tx.exec(query.order_by(col(Loan.id))))


def ended_of_payment(payment_id: Any) -> ScalarSelect[int]:
    """How many loans of a payment were paid or returned in full, as a question inside of another."""
    ended = select(func.count()).where(
        col(Loan.payment_id) == payment_id, col(Loan.status).in_(("settled", "refunded"))
    )
    return ended.scalar_subquery()


def lock(tx: Transaction, loan_ids: Collection[str]) -> None:
    """Lock several loans until the transaction ends, in the order of their ids; then they are not asked for again."""
    query = select(Loan).where(col(Loan.id).in_(loan_ids)).order_by(col(Loan.id)).with_for_update()
    locked: list[Loan] = list(tx.exec(query))
    tx.kept.extend(locked)


def shoppers_of(tx: Transaction, loan_ids: Collection[str]) -> dict[str, str]:
    """Whose each of some loans is."""
    found: dict[str, str] = {}
    for part in in_parts(loan_ids):
        found |= dict(tx.exec(select(Loan.id, Loan.shopper_id).where(col(Loan.id).in_(part))).all())
    return found


def captures_of(loan_ids: Sequence[str]) -> SelectOfScalar[str]:
    """The captures behind some loans, as a question inside of another."""
    return select(Loan.capture_id).where(col(Loan.id).in_(loan_ids))


def move(loan: Loan, status: str) -> None:
    """Move along the table of states; a no-op when unchanged. Raises ``AssertionError`` for a move not in it."""
    if loan.status != status:
        assert LOAN.allows(loan.status, status), f"{loan.id} is {loan.status} and cannot become {status}"
        loan.status = status


def outstanding_fen(loan: Loan) -> int:
    """Principal still owed, in fen."""
    if loan.status == "unwound":
        return 0
    return loan.principal_fen - loan.refunded_fen - loan.repaid_fen - loan.written_off_fen


def lost_fen(loan: Loan) -> int:
    """What the lender has given up and not recovered, charges included, in fen."""
    return max(0, loan.written_off_fen + loan.written_off_charges_fen - loan.recovered_fen)


def freed_by_recovery_fen(loan: Loan, amount_fen: int) -> int:
    """The principal that may be borrowed again once ``amount_fen`` of what was given up has come, in fen."""
    return min(amount_fen, max(0, loan.written_off_fen - loan.recovered_fen))


def note_recovered(tx: Transaction, loan: Loan, amount_fen: int) -> int:
    """``amount_fen`` of what was given up has come after all; returns the principal so freed of the limit (fen)."""
    freed = freed_by_recovery_fen(loan, amount_fen)
    loan.recovered_fen += amount_fen
    tx.add(loan)
    tx.flush()
    return freed


def play_missed(tx: Transaction, loan: Loan, instalments: int) -> None:
    """Test mode: let the collections of the next instalments fail. Raises ``WrongState`` when none is to come."""
    if loan.status not in OPEN or loan.next_due_date is None:
        raise WrongState(f"The loan is {loan.status}: no more instalments fall due.", param="loan")
    loan.missed_through = loan.billed_periods + instalments
    tx.add(loan)


def unearned_subsidy_fen(loan: Loan) -> int:
    """What of the merchant's subsidy is neither earned nor returned, in fen."""
    return loan.subsidy_fen - loan.subsidy_earned_fen - loan.subsidy_returned_fen


def rows_of(tx: Transaction, loan: Loan, version: int | None = None) -> list[schedule.Instalment]:
    """The rows of one version of the schedule that have not fallen due; the current one unless another is named."""
    query = select(LoanInstalment).where(
        LoanInstalment.loan_id == loan.id,
        LoanInstalment.version == (version or loan.schedule_version),
        LoanInstalment.period > loan.billed_periods,
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


def write_rows(tx: Transaction, loan: Loan, rows: Sequence[schedule.Instalment]) -> None:
    """Write the rows of the loan's current version, and the loan before them."""
    tx.add(loan)
    tx.flush()
    written = [
        {
            "loan_id": loan.id,
            "version": loan.schedule_version,
            "period": row.period,
            "due_date": row.due_date,
            "principal_fen": row.principal,
            "interest_fen": row.interest,
            "fee_fen": row.fee,
            "payment_fen": row.payment,
            "balance_fen": row.balance,
        }
        for row in rows
    ]
    if written:
        tx.connection().execute(NEW_ROWS, written)


def bills_of(tx: Transaction, loan_id: str) -> list[LoanBill]:
    """What has fallen due, oldest first."""
    query = select(LoanBill).where(LoanBill.loan_id == loan_id)
    return list(tx.exec(query.order_by(col(LoanBill.period))))


def owed_fen(bill: LoanBill) -> int:
    """What is left to pay of a bill, late interest included, in fen."""
    return (
        bill.principal_fen
        - bill.returned_fen
        - bill.paid_principal_fen
        + bill.interest_fen
        - bill.waived_interest_fen
        - bill.paid_interest_fen
        + bill.fee_fen
        - bill.waived_fee_fen
        - bill.paid_fee_fen
        + bill.late_fen
        - bill.paid_late_fen
    )


def owed_of_bill_fen(tx: Transaction, loan_id: str, period: int) -> int:
    """What is left to pay of one bill, in fen; 0 when the loan has ended."""
    bill, loan = tx.get_one(LoanBill, (loan_id, period)), tx.get_one(Loan, loan_id)
    return owed_fen(bill) if loan.status in OPEN else 0


def due_date_of_bill(tx: Transaction, loan_id: str, period: int) -> date:
    """The due date of one bill."""
    return tx.get_one(LoanBill, (loan_id, period)).due_date


def open_bills(tx: Transaction, tenant: Tenant, *, due_before: date) -> Iterator[tuple[str, int, date, int]]:
    """Bills of running loans that were due before a day and are not paid: loan, period, due date, what is owed."""
    query = (
        select(LoanBill)
        .join(Loan, col(Loan.id) == LoanBill.loan_id)
        .where(
            Loan.merchant_id == tenant.merchant_id,
            Loan.mode == tenant.mode,
            col(Loan.status).in_(OPEN),
            col(LoanBill.paid_on).is_(None),
            LoanBill.due_date < due_before,
        )
        .order_by(LoanBill.loan_id, col(LoanBill.period))
    )
    for bill in tx.exec(query).all():
        yield bill.loan_id, bill.period, bill.due_date, owed_fen(bill)


def days_overdue(loan: Loan, today: date) -> int:
    """Days since the due date of the oldest bill that is open beyond its grace; 0 when there is none."""
    if loan.overdue_since is None:
        return 0
    return late_interest.overdue_days(
        due_date=loan.overdue_since, as_of=today, grace_days=loan.late_grace_days
    )


def prior_loans(shopper_id: Any) -> ScalarSelect[int]:
    """How many loans the shopper has had, as a question inside of another. Loans that never were do not count."""
    loans = select(func.count()).where(col(Loan.shopper_id) == shopper_id, Loan.status != "unwound")
    return loans.scalar_subquery()


def history(tx: Transaction, shopper_id: str, *, loans: int | None = None) -> dict[str, int]:
    """What the books say of a shopper's earlier loans, by the scorer's names; ``loans`` is how many those are."""
    if loans is None:
        loans = tx.exec(select(prior_loans(shopper_id))).one()
    query = (
        select(LoanBill, Loan.late_grace_days)
        .join(Loan, col(Loan.id) == LoanBill.loan_id)
        .where(Loan.shopper_id == shopper_id, Loan.status != "unwound")
    )
    on_time, late, longest, today = 0, 0, 0, shanghai_date(tx.now)
    for bill, grace in tx.exec(query) if loans else ():
        days = late_interest.overdue_days(
            due_date=bill.due_date, as_of=bill.paid_on or today, grace_days=grace
        )
        late += days > 0
        on_time += days == 0 and bill.paid_on is not None
        longest = max(longest, days)
    return {
        "prior_loans": loans,
        "prior_on_time_instalments": on_time,
        "prior_late_instalments": late,
        "max_delinquency_days": longest,
    }


def view(tx: Transaction, loan: Loan) -> dict[str, Any]:
    """The loan as the API shows it: its schedule (what fell due as billed, then the rows to come) and its bills."""
    bills = bills_of(tx, loan.id) if loan.status != "unwound" else []
    shown = shown_schedule(bills, rows_of(tx, loan))
    return {
        "id": loan.id,
        "mode": loan.mode,
        "status": loan.status,
        "bucket": bucket(days_overdue(loan, shanghai_date(tx.now))),
        "payment": loan.payment_id,
        "capture": loan.capture_id,
        "funder": loan.funder,
        "principal": loan.principal_fen,
        "refunded_principal": loan.refunded_fen,
        "repaid_principal": loan.repaid_fen,
        "written_off_principal": loan.written_off_fen,
        "written_off_charges": loan.written_off_charges_fen,
        "recovered": loan.recovered_fen,
        "left_to_recover": lost_fen(loan),
        "outstanding_principal": outstanding_fen(loan),
        "amount_due": sum(owed_fen(bill) for bill in bills) if loan.status in OPEN else 0,
        "shopper_credit": loan.credit_fen,
        "contract_date": loan.contract_date.isoformat(),
        "next_due_date": loan.next_due_date.isoformat() if loan.next_due_date else None,
        "schedule": shown,
        "bills": [
            {
                "period": bill.period,
                "status": "open" if bill.paid_on is None else "paid",
                "late_interest": bill.late_fen,
                "amount_due": owed_fen(bill) if loan.status in OPEN else 0,
                "paid_on": bill.paid_on.isoformat() if bill.paid_on else None,
            }
            for bill in bills
        ],
        "total_payment": sum(row["payment"] for row in shown),
        "total_interest": sum(row["interest"] for row in shown),
        "total_fee": sum(row["fee"] for row in shown),
        "total_late_interest": sum(bill.late_fen for bill in bills),
        "created_at": loan.created_at,
    }


def shown_schedule(bills: Sequence[LoanBill], rows: Sequence[schedule.Instalment]) -> list[dict[str, Any]]:
    """What fell due as billed, then the rows to come, as the API shows them."""
    shown = [*map(_billed_row, bills), *map(presented, rows)]
    left = sum(row["principal"] for row in shown)
    for row in shown:
        left -= row["principal"]
        row["balance"] = left
    return shown


def _billed_row(bill: LoanBill) -> dict[str, Any]:
    interest, fee = bill.interest_fen - bill.waived_interest_fen, bill.fee_fen - bill.waived_fee_fen
    return {
        "period": bill.period,
        "due_date": bill.due_date.isoformat(),
        "principal": bill.principal_fen,
        "interest": interest,
        "fee": fee,
        "payment": bill.principal_fen + interest + fee,
    }
