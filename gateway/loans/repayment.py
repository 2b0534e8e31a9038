"""Repayment: confirmed money pays what is owed in a fixed order; early settlement ends a loan at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlmodel import select

from gateway.core import allocation, early_settlement, schedule
from gateway.core.calendar import shanghai_date
from gateway.core.tenant import Tenant
from gateway.db.transactions import Transaction
from gateway.errors import RepaymentConflict, WrongState
from gateway.ledger import postings
from gateway.ledger import service as ledger
from gateway.loans import billing, service
from gateway.loans.models import Loan, LoanBill, LoanRepayment, PrincipalReduction
from gateway.loans.states import OPEN

OWED = {
    "late_interest": ("late_fen", "paid_late_fen"),
    "fee": ("fee_fen", "paid_fee_fen"),
    "interest": ("interest_fen", "paid_interest_fen"),
    "principal": ("principal_fen", "paid_principal_fen"),
}
"""By part of a claim, the columns of a bill: what is owed in all, and what of it is paid."""


@dataclass(frozen=True, slots=True)
class Repaid:
    """A booked repayment; ``principal_fen`` is what it freed of the shopper's limit; new unless it was known."""

    repayment: LoanRepayment
    loan: Loan
    principal_fen: int
    new: bool = True


def repay(
    tx: Transaction, tenant: Tenant, *, loan_id: str, amount_fen: int, reference: str, received_on: date
) -> Repaid:
    """Book ``amount_fen`` that the institution received on ``received_on`` (Shanghai) under its ``reference``.

    The same reference again changes nothing. What is above the claims waits as the shopper's credit and pays what falls
    due next; on a loan that was written off it is a recovery. Raises ``NotFound``; ``RepaymentConflict`` when the
    reference stands for other money; ``WrongState`` for a day before the loan or after today.
    """
    loan = service.locked(tx, tenant, loan_id)
    known = _known(tx, loan, amount_fen, reference)
    if known is not None:
        return Repaid(known, loan, 0, new=False)
    today = shanghai_date(tx.now)
    if not loan.contract_date <= received_on <= today:
        raise WrongState(
            f"Money is received between the drawdown on {loan.contract_date} and today, {today}; not on {received_on}.",
            param="received_on",
        )
    if loan.status == "written_off":
        return _recover(tx, loan, amount_fen, reference, received_on)
    bring_up_to(tx, loan, today)
    bills = service.bills_of(tx, loan.id) if loan.status in OPEN else []
    billing.recompute_late(tx, loan, bills, as_of=received_on)
    parts, left = _pay(tx, loan, bills, amount_fen, on=received_on)
    loan.credit_fen += left
    row = _stored(tx, loan, amount_fen, reference, received_on, parts, credit_fen=left)
    ledger.post(
        tx,
        kind="repayment",
        key=f"repayment:{row.id}",
        tenant=tenant,
        lines=postings.repayment(loan=loan.id, funder=loan.funder, parts=parts, credit_fen=left),
        about_type="loan",
        about_id=loan.id,
        effective_date=received_on,
    )
    _close_or_go_on(tx, loan, bills, today)
    return Repaid(row, loan, parts.principal_fen)


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
    """Pay what is owed from the shopper's credit, as of ``on``; returns the principal so paid (fen).

    Credit pays a bill on its due date, however late the bill was made: the money was there.
    """
    if not loan.credit_fen or loan.status not in OPEN:
        return 0
    bills = service.bills_of(tx, loan.id)
    billing.recompute_late(tx, loan, bills, as_of=on)
    parts, loan.credit_fen = _pay(tx, loan, bills, loan.credit_fen, on=on)
    if parts.total_fen:
        loan.credit_entries += 1
        ledger.post(
            tx,
            kind="credit_applied",
            key=f"credit_applied:{loan.id}:{loan.credit_entries}",
            tenant=Tenant.of(loan),
            lines=postings.credit_applied(loan=loan.id, funder=loan.funder, parts=parts),
            about_type="loan",
            about_id=loan.id,
            effective_date=on,
        )
    _close_or_go_on(tx, loan, bills, shanghai_date(tx.now))
    return parts.principal_fen


def quote_settlement(tx: Transaction, loan: Loan, on: date) -> dict[str, Any] | None:
    """What ends the loan on a day, as the API shows it (fen); None when nothing runs any more.

    Everything billed, all principal to come, and of the running period the interest by the contract's policy and the
    fee; later interest and fees are saved. What is owed to the shopper counts against it.
    """
    rows = service.rows_of(tx, loan)
    if loan.status not in OPEN or not rows:
        return None
    found = _settled(loan, rows, on)
    due = sum(service.owed_fen(bill) for bill in service.bills_of(tx, loan.id))
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


def settle_early(tx: Transaction, tenant: Tenant, *, loan_id: str, reference: str) -> Repaid:
    """End the loan today: all that is left becomes one bill, and ``reference`` pays it.

    The same reference again changes nothing. Raises ``WrongState`` when nothing runs any more.
    """
    loan = service.locked(tx, tenant, loan_id)
    known = tx.exec(_with_reference(loan, reference)).first()
    if known is not None:
        return Repaid(known, loan, 0, new=False)
    today = shanghai_date(tx.now)
    released = bring_up_to(tx, loan, today)
    rows = service.rows_of(tx, loan)
    if loan.status not in OPEN or not rows:
        raise WrongState(f"The loan is {loan.status}: there is nothing to settle early.", param="loan")
    billing.recompute_late(tx, loan, service.bills_of(tx, loan.id), as_of=today)
    _bill_the_rest(tx, loan, rows, _settled(loan, rows, today), today)
    released += apply_credit(tx, loan, on=today)
    amount = sum(service.owed_fen(bill) for bill in service.bills_of(tx, loan.id))
    if not amount:
        raise WrongState(
            "The shopper's credit has paid the loan: there is nothing left to settle.", param="loan"
        )
    done = repay(tx, tenant, loan_id=loan.id, amount_fen=amount, reference=reference, received_on=today)
    return Repaid(done.repayment, loan, done.principal_fen + released)


def reduce_principal(tx: Transaction, bill: LoanBill, amount_fen: int, on: date) -> None:
    """Take ``amount_fen`` off a bill's principal and remember the day, for its late interest."""
    bill.paid_principal_fen += amount_fen
    tx.add(
        PrincipalReduction(
            id=tx.new_id("red"), loan_id=bill.loan_id, period=bill.period, on=on, amount_fen=amount_fen
        )
    )


def mark_paid(bills: Sequence[LoanBill], on: date) -> None:
    """Note the day on which nothing was left owed of a bill."""
    for bill in bills:
        if bill.paid_on is None and not service.owed_fen(bill):
            bill.paid_on = max(on, bill.due_date) if on < bill.due_date else on


def is_done(loan: Loan, bills: Sequence[LoanBill]) -> bool:
    """Whether nothing is owed and nothing will fall due."""
    return loan.next_due_date is None and all(bill.paid_on is not None for bill in bills)


def _pay(
    tx: Transaction, loan: Loan, bills: Sequence[LoanBill], amount_fen: int, *, on: date
) -> tuple[postings.Parts, int]:
    """Allocate money to the bills; returns what it paid and what is left over (fen)."""
    paid, left = allocation.allocate(amount_fen, _claims(bills, on))
    totals = dict.fromkeys(OWED, 0)
    by_period = {bill.period: bill for bill in bills}
    for part in paid:
        bill = by_period[part.period]
        totals[part.part] += part.amount_fen
        if part.part == "principal":
            reduce_principal(tx, bill, part.amount_fen, on)
        else:
            column = OWED[part.part][1]
            setattr(bill, column, getattr(bill, column) + part.amount_fen)
    loan.repaid_fen += totals["principal"]
    mark_paid(bills, on)
    tx.add(loan)
    tx.add_all(bills)
    tx.flush()
    return postings.Parts(**{f"{part}_fen": amount for part, amount in totals.items()}), left


def _claims(bills: Sequence[LoanBill], on: date) -> list[allocation.Claim]:
    claims = []
    for bill in bills:
        timing: allocation.Timing = "due" if bill.due_date == on else "past_due"
        if bill.due_date > on:
            timing = "in_advance"
        for part in allocation.PARTS:
            owed, paid = (getattr(bill, column) for column in OWED[part])
            if owed > paid:
                claims.append(allocation.Claim(bill.period, timing, part, owed - paid))
    return claims


def _close_or_go_on(tx: Transaction, loan: Loan, bills: Sequence[LoanBill], today: date) -> None:
    billing.recompute_late(tx, loan, bills, as_of=today)
    billing.note_delinquency(loan, bills, today)
    if loan.status in OPEN and is_done(loan, bills):
        service.move(loan, "settled")
        loan.ended_on = today
    tx.add(loan)
    tx.flush()


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
    found: early_settlement.Settlement,
    today: date,
) -> None:
    """One last bill for all that is left; the rest of the merchant's subsidy is earned with it."""
    unearned = service.unearned_subsidy_fen(loan)
    tx.add(
        LoanBill(
            loan_id=loan.id,
            period=rows[0].period,
            due_date=today,
            principal_fen=found.outstanding_principal,
            interest_fen=found.interest_due,
            fee_fen=found.fee_due,
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
        interest_fen=found.interest_due,
        fee_fen=found.fee_due,
        subsidy_fen=unearned,
    )
    if lines:
        ledger.post(
            tx,
            kind="settled_early",
            key=f"settled_early:{loan.id}",
            tenant=Tenant.of(loan),
            lines=lines,
            about_type="loan",
            about_id=loan.id,
            effective_date=today,
        )


def _recover(tx: Transaction, loan: Loan, amount_fen: int, reference: str, received_on: date) -> Repaid:
    freed = min(amount_fen, max(0, loan.written_off_fen - loan.recovered_fen))
    loan.recovered_fen += amount_fen
    tx.add(loan)
    row = _stored(tx, loan, amount_fen, reference, received_on, postings.Parts(), recovered_fen=amount_fen)
    ledger.post(
        tx,
        kind="recovery",
        key=f"recovery:{row.id}",
        tenant=Tenant.of(loan),
        lines=postings.recovery(loan=loan.id, funder=loan.funder, amount_fen=amount_fen),
        about_type="loan",
        about_id=loan.id,
        effective_date=received_on,
    )
    return Repaid(row, loan, freed)


def _known(tx: Transaction, loan: Loan, amount_fen: int, reference: str) -> LoanRepayment | None:
    known = tx.exec(_with_reference(loan, reference)).first()
    if known is not None and (known.loan_id, known.amount_fen) != (loan.id, amount_fen):
        raise RepaymentConflict(
            f"The reference {reference!r} stands for {known.amount_fen} fen on the loan {known.loan_id}.",
            param="reference",
        )
    return known


def _with_reference(loan: Loan, reference: str) -> Any:
    return select(LoanRepayment).where(LoanRepayment.mode == loan.mode, LoanRepayment.reference == reference)


def _stored(
    tx: Transaction,
    loan: Loan,
    amount_fen: int,
    reference: str,
    received_on: date,
    parts: postings.Parts,
    *,
    credit_fen: int = 0,
    recovered_fen: int = 0,
) -> LoanRepayment:
    row = LoanRepayment(
        id=tx.new_id("rpy"),
        loan_id=loan.id,
        mode=loan.mode,
        reference=reference,
        received_on=received_on,
        amount_fen=amount_fen,
        late_interest_fen=parts.late_interest_fen,
        fee_fen=parts.fee_fen,
        interest_fen=parts.interest_fen,
        principal_fen=parts.principal_fen,
        credit_fen=credit_fen,
        recovered_fen=recovered_fen,
        created_at=tx.now,
    )
    tx.add(row)
    tx.flush()
    return row
