"""Repayment: confirmed money pays what is owed in a fixed order; early settlement ends a loan at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlmodel import select

from gateway.core import early_settlement, schedule
from gateway.core.calendar import shanghai_date
from gateway.core.tenant import Tenant
from gateway.db.transactions import Transaction
from gateway.errors import RepaymentConflict, WrongState
from gateway.ledger import service as ledger
from gateway.ledger.booking import postings
from gateway.loans import billing, service, standing
from gateway.loans.models import Loan, LoanBill, LoanRepayment
from gateway.loans.states import OPEN


@dataclass(frozen=True, slots=True)
class Repaid:
    """Money was booked ``about`` a repayment or settlement; ``principal_fen`` is what it freed of the shopper's limit.

    Nothing is freed when it was known before.
    """

    loan: Loan
    principal_fen: int
    about: str
    new: bool = True


def repay(
    tx: Transaction, tenant: Tenant, *, loan_id: str, amount_fen: int, reference: str, received_on: date
) -> Repaid:
    """Book ``amount_fen`` that the institution received on ``received_on`` (Shanghai) under its ``reference``.

    The loan is recomputed from all its receipts, so the order of reports does not matter. The same reference again
    changes nothing. What is above the claims waits as the shopper's credit and pays what falls due next; on a loan that
    was written off it is a recovery, up to what was given up. Raises ``NotFound``; ``RepaymentConflict`` when the
    reference stands for other money; ``WrongState`` for a day before the loan or after today.
    """
    loan = service.locked(tx, tenant, loan_id)
    known = _known(tx, loan, amount_fen, reference)
    if known is not None:
        return Repaid(loan, 0, known.id, new=False)
    today = shanghai_date(tx.now)
    if not loan.contract_date <= received_on <= today:
        raise WrongState(
            f"The received_on date must lie between the drawdown on {loan.contract_date} and today, {today}; it is "
            f"{received_on}.",
            param="received_on",
        )
    freed = bring_up_to(tx, loan, today)
    row = LoanRepayment(
        id=tx.new_id("rpy"),
        loan_id=loan.id,
        mode=loan.mode,
        reference=reference,
        received_on=received_on,
        amount_fen=amount_fen,
        late_interest_fen=0,
        fee_fen=0,
        interest_fen=0,
        principal_fen=0,
        credit_fen=amount_fen,
        created_at=tx.now,
    )
    tx.add(row)
    tx.flush()
    if loan.status in ("written_off", "unwound"):
        return Repaid(loan, _receive_after_the_end(tx, loan, row), row.id)
    return Repaid(loan, freed + standing.recompute(tx, loan, receipt=row).freed_fen, row.id)


def bring_up_to(tx: Transaction, loan: Loan, today: date) -> int:
    """Bill what is due by ``today`` and pay it from the shopper's credit; returns the principal so paid (fen)."""
    freed = 0
    while loan.status in OPEN and loan.next_due_date is not None and loan.next_due_date <= today:
        on = loan.next_due_date
        billing.fall_due(tx, Tenant.of(loan), today=today, loan_id=loan.id)
        tx.refresh(loan)
        freed += apply_credit(tx, loan, on=on)
    return freed


def apply_credit(tx: Transaction, loan: Loan, *, on: date) -> int:
    """Pay what fell due ``on`` a day from the shopper's credit; returns the principal so paid (fen).

    Credit pays a bill on its due date, however late the bill was made: the money was there.
    """
    if not loan.credit_fen or loan.status not in OPEN:
        return 0
    return standing.recompute(tx, loan, on=on).freed_fen


def quote_settlement(tx: Transaction, loan: Loan, on: date) -> dict[str, Any] | None:
    """What ends the loan on a day, as the API shows it (fen); None when nothing runs any more.

    Everything billed, all principal to come, and of the running period the interest by the contract's policy and the
    fee; later interest and fees are saved. What is owed to the shopper counts against it.
    """
    if not can_settle(loan):
        return None
    rows = service.rows_of(tx, loan)
    # What fell due and is not billed yet, because the jobs of the day are late, is due all the same.
    rest = [row for row in rows if row.due_date >= on] or rows[-1:]
    due = sum(service.owed_fen(bill) for bill in service.bills_of(tx, loan.id))
    due += sum(row.payment for row in rows[: len(rows) - len(rest)])
    found = _settled(loan, rest, min(on, rest[-1].due_date))
    return {
        "on": on.isoformat(),
        "policy": loan.early_settlement_policy,
        "amount": max(0, due + found.settlement_amount - loan.credit_fen),
        "already_due": due,
        "principal": found.outstanding_principal,
        "interest": found.interest_due,
        "fee": found.fee_due,
        "saved_interest": found.saved_interest,
        "saved_fee": found.saved_fee,
    }


def quote_now(tx: Transaction, loan: Loan) -> dict[str, Any] | None:
    """What ends the loan today, with the late interest of today also where the jobs of the day are late."""
    quote = quote_settlement(tx, loan, shanghai_date(tx.now))
    if quote is None:
        return None
    booked = sum(bill.late_fen for bill in service.bills_of(tx, loan.id))
    more = standing.late_today_fen(tx, loan) - booked
    due = quote["already_due"] + more
    needed = due + quote["principal"] + quote["interest"] + quote["fee"] - loan.credit_fen
    return {**quote, "already_due": due, "amount": max(0, needed)}


def settle_paid(
    tx: Transaction, tenant: Tenant, *, loan_id: str, amount_fen: int, reference: str, on: date
) -> Repaid:
    """Book the ``amount_fen`` that was asked for on a day to end the loan, and end it as of that day.

    Later interest is not charged, however late the money is reported. Where something has fallen due or ended the loan
    since that day, the money is an ordinary repayment. The same reference again changes nothing. Raises as ``repay``.
    """
    loan = service.locked(tx, tenant, loan_id)
    known = _known(tx, loan, amount_fen, reference)
    if known is not None:
        return Repaid(loan, 0, known.id, new=False)
    if can_settle(loan):
        rows = service.rows_of(tx, loan)
        if schedule.due_date(loan.contract_date, rows[0].period - 1) <= on:
            _bill_the_rest(tx, loan, rows, _settled(loan, rows, on), on)
            loan.settlement_reference = reference
    return repay(tx, tenant, loan_id=loan.id, amount_fen=amount_fen, reference=reference, received_on=on)


def settle_early(tx: Transaction, tenant: Tenant, *, loan_id: str, reference: str) -> Repaid:
    """End the loan today: all that is left becomes one bill, which the shopper's credit and then ``reference`` pays.

    Where the credit covers it, no money is needed and the rest goes back. The same reference again changes nothing.
    Raises ``WrongState`` when nothing runs any more.
    """
    loan = service.locked(tx, tenant, loan_id)
    known = tx.exec(_with_reference(loan, reference)).first()
    if known is not None or loan.settlement_reference == reference:
        return Repaid(loan, 0, known.id if known else loan.id, new=False)
    today = shanghai_date(tx.now)
    freed = bring_up_to(tx, loan, today)
    if not can_settle(loan):
        raise WrongState(f"The loan is {loan.status} and cannot be settled early.", param="loan")
    rows = service.rows_of(tx, loan)
    _bill_the_rest(tx, loan, rows, _settled(loan, rows, today), today)
    loan.settlement_reference = reference
    freed += standing.recompute(tx, loan).freed_fen
    amount = sum(service.owed_fen(bill) for bill in service.bills_of(tx, loan.id))
    if not amount:
        return Repaid(loan, freed, f"{loan.id}:settled_early")
    done = repay(tx, tenant, loan_id=loan.id, amount_fen=amount, reference=reference, received_on=today)
    return Repaid(loan, done.principal_fen + freed, done.about)


def can_settle(loan: Loan) -> bool:
    """Whether something is still to come."""
    return loan.status in OPEN and loan.next_due_date is not None


def _settled(loan: Loan, rows: Sequence[schedule.Instalment], on: date) -> early_settlement.Settlement:
    running = rows[0].period
    return early_settlement.settle_rest(
        rows,
        start=schedule.due_date(loan.contract_date, running - 1),
        end=schedule.due_date(loan.contract_date, running),
        settle_date=on,
        interest_policy=loan.early_settlement_policy,
    )


def _bill_the_rest(
    tx: Transaction,
    loan: Loan,
    rows: Sequence[schedule.Instalment],
    settlement: early_settlement.Settlement,
    on: date,
) -> None:
    """One last bill for all that is left, due ``on`` a day; the rest of the merchant's subsidy is earned with it."""
    unearned = service.unearned_subsidy_fen(loan)
    tx.add(
        LoanBill(
            loan_id=loan.id,
            period=rows[0].period,
            due_date=on,
            principal_fen=settlement.outstanding_principal,
            interest_fen=settlement.interest_due,
            fee_fen=settlement.fee_due,
        )
    )
    loan.billed_periods, loan.next_due_date = rows[-1].period, None
    loan.subsidy_earned_fen += unearned
    loan.subsidy_base_fen = 0
    tx.add(loan)
    tx.flush()
    lines = postings.instalment_due(
        loan=loan.id,
        funder=loan.funder,
        interest_fen=settlement.interest_due,
        fee_fen=settlement.fee_due,
        subsidy_fen=unearned,
    )
    if lines:
        ledger.book(tx, Tenant.of(loan), ledger.Event("settled_early", ("loan", loan.id), lines, on=on))


def _receive_after_the_end(tx: Transaction, loan: Loan, row: LoanRepayment) -> int:
    """Money on a loan that was given up recovers what was given up; everything else is owed back to the shopper.

    Returns the principal that may be borrowed again (fen).
    """
    recovered = min(row.amount_fen, service.lost_fen(loan))
    freed = service.note_recovered(tx, loan, recovered)
    row.recovered_fen, row.credit_fen = recovered, row.amount_fen - recovered
    loan.credit_fen += row.credit_fen
    tx.add_all([row, loan])
    tx.flush()
    lines = postings.recovery(
        loan=loan.id, funder=loan.funder, amount_fen=recovered, credit_fen=row.credit_fen
    )
    kind = "recovery" if recovered else "repayment"
    ledger.book(
        tx,
        Tenant.of(loan),
        ledger.Event(kind, ("loan", loan.id), lines, key=f"{kind}:{row.id}", on=row.received_on),
    )
    return freed


def _known(tx: Transaction, loan: Loan, amount_fen: int, reference: str) -> LoanRepayment | None:
    known = tx.exec(_with_reference(loan, reference)).first()
    if known is not None and (known.loan_id, known.amount_fen) != (loan.id, amount_fen):
        raise RepaymentConflict(
            f"The reference {reference!r} was already used for {known.amount_fen} fen on the loan {known.loan_id}.",
            param="reference",
        )
    return known


def _with_reference(loan: Loan, reference: str) -> Any:
    return select(LoanRepayment).where(LoanRepayment.mode == loan.mode, LoanRepayment.reference == reference)
