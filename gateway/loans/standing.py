"""Bring what the bills of a loan say to what ``replay`` derives from its facts; the books get the difference.

A difference to what is booked, so that nothing in the books is ever changed: a job that runs twice, late or in
parallel posts nothing, and money that is reported late takes back what its delay has cost.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlmodel import col, select

from gateway.core.calendar import shanghai_date
from gateway.core.tenant import Tenant
from gateway.db.transactions import Transaction
from gateway.ledger import service as ledger
from gateway.ledger.booking import postings
from gateway.ledger.booking.postings import Parts
from gateway.loans import replay, service
from gateway.loans.models import CreditChange, Loan, LoanBill, LoanRepayment, PrincipalReduction
from gateway.loans.states import OPEN

NOTHING = Parts()


@dataclass(frozen=True, slots=True)
class Moved:
    """How the standing of a loan has changed, in fen."""

    late_fen: int = 0
    """Late interest earned; below 0 what is taken back."""
    waived: Parts = NOTHING
    paid: Parts = NOTHING
    """What is paid more than before; principal includes what refunds took off bills."""
    credit_fen: int = 0

    @property
    def freed_fen(self) -> int:
        """Principal that may be borrowed again."""
        return self.paid.principal_fen


def facts_of(tx: Transaction, loans: Sequence[Loan]) -> dict[str, tuple[list[LoanBill], replay.Facts]]:
    """By loan, its bills and everything that decides where it stands."""
    ids = [loan.id for loan in loans]
    bills = _by_loan(tx.exec(select(LoanBill).where(col(LoanBill.loan_id).in_(ids))))
    receipts = _by_loan(tx.exec(select(LoanRepayment).where(col(LoanRepayment.loan_id).in_(ids))))
    changes = _by_loan(tx.exec(select(CreditChange).where(col(CreditChange.loan_id).in_(ids))))
    returned = _by_loan(tx.exec(select(PrincipalReduction).where(col(PrincipalReduction.loan_id).in_(ids))))
    return {
        loan.id: (
            bills[loan.id],
            replay.Facts(
                late_daily_rate=loan.late_daily_rate,
                late_grace_days=loan.late_grace_days,
                instalments=[
                    replay.Instalment(
                        bill.period, bill.due_date, bill.principal_fen, bill.interest_fen, bill.fee_fen
                    )
                    for bill in bills[loan.id]
                ],
                returned=[
                    replay.Returned(row.period, row.on, row.amount_fen, row.waives_late)
                    for row in returned[loan.id]
                ],
                money=[
                    *(replay.Money(row.received_on, row.amount_fen) for row in receipts[loan.id]),
                    *(replay.Money(row.on, row.amount_fen) for row in changes[loan.id]),
                ],
                charges_waived_on=loan.charges_waived_on,
            ),
        )
        for loan in loans
    }


def recompute(
    tx: Transaction,
    loan: Loan,
    *,
    on: date | None = None,
    receipt: LoanRepayment | None = None,
    ends_as: str = "settled",
) -> Moved:
    """Bring one loan that runs, or has run to its end, to where it stands today; says what that has moved.

    The books get it dated ``on`` (today when None). A new ``receipt`` gets its parts. A loan of which nothing is left
    ends as ``ends_as``.
    """
    today = shanghai_date(tx.now)
    bills, facts = facts_of(tx, [loan])[loan.id]
    received = receipt.amount_fen if receipt is not None else 0
    moved = bring(loan, bills, facts, today=today, received_fen=received, ends_as=ends_as)
    if receipt is not None:
        receipt.late_interest_fen, receipt.fee_fen = moved.paid.late_interest_fen, moved.paid.fee_fen
        receipt.interest_fen, receipt.principal_fen = moved.paid.interest_fen, moved.paid.principal_fen
        receipt.credit_fen = moved.credit_fen
        tx.add(receipt)
    write(tx, loan, bills, moved, on=on, receipt=receipt)
    return moved


def write(
    tx: Transaction,
    loan: Loan,
    bills: Sequence[LoanBill],
    moved: Moved,
    *,
    on: date | None = None,
    receipt: LoanRepayment | None = None,
) -> None:
    """Write a loan that ``bring`` has brought to where it stands today, and book what has moved."""
    today = shanghai_date(tx.now)
    ledger.book_many(tx, Tenant.of(loan), events(loan, moved, today=today, on=on or today, receipt=receipt))
    tx.add_all(bills)
    tx.flush()


def late_today_fen(tx: Transaction, loan: Loan) -> int:
    """The late interest of all bills of a loan as it is today, whatever was booked last."""
    if loan.status not in OPEN:
        return sum(bill.late_fen for bill in facts_of(tx, [loan])[loan.id][0])
    found = replay.replay(facts_of(tx, [loan])[loan.id][1], as_of=shanghai_date(tx.now))
    return sum(bill.late_fen for bill in found.bills.values())


def bring(
    loan: Loan,
    bills: Sequence[LoanBill],
    facts: replay.Facts,
    *,
    today: date,
    received_fen: int = 0,
    ends_as: str = "settled",
) -> Moved:
    """Write what ``replay`` finds today into the bills and the loan; returns the difference to what they said."""
    found = replay.replay(facts, as_of=today)
    if loan.status not in OPEN and (not found.is_paid or found.credit_fen < loan.credit_fen):
        # It ended under earlier rules, by which the order of reports counted: it owes nothing and stays as it is.
        loan.credit_fen += received_fen
        return Moved(credit_fen=received_fen)
    moved = _difference(bills, found, credit_fen=found.credit_fen - loan.credit_fen)
    assert moved.paid.total_fen + moved.credit_fen == received_fen, (
        f"{loan.id} moves more or less than it received"
    )
    returned = sum(found.bills[bill.period].returned_fen - bill.returned_fen for bill in bills)
    loan.repaid_fen += moved.paid.principal_fen - returned
    loan.refunded_fen += returned
    loan.credit_fen = found.credit_fen
    for bill in bills:
        _write(bill, found.bills[bill.period])
    if loan.status in OPEN:
        loan.overdue_since = found.overdue_since(today, grace_days=loan.late_grace_days)
        if loan.next_due_date is None and found.is_paid:
            service.move(loan, ends_as)
            loan.ended_on = today
        else:
            service.move(loan, "active" if loan.overdue_since is None else "overdue")
    return moved


def events(
    loan: Loan, moved: Moved, *, today: date, on: date, receipt: LoanRepayment | None = None
) -> list[ledger.Event]:
    """The entries of what has moved: late interest, what was waived, and what money or credit paid."""
    found = []
    if moved.late_fen:
        loan.late_entries += 1
        lines = postings.late_interest(loan=loan.id, funder=loan.funder, difference_fen=moved.late_fen)
        found.append(_event(loan, "late_interest", lines, today, part=loan.late_entries))
    if moved.waived != NOTHING:
        loan.credit_entries += 1
        lines = postings.charges_waived(loan=loan.id, funder=loan.funder, parts=moved.waived)
        found.append(_event(loan, "charges_waived", lines, today, part=loan.credit_entries))
    if receipt is not None:
        lines = postings.repayment(
            loan=loan.id, funder=loan.funder, parts=moved.paid, credit_fen=moved.credit_fen
        )
        key = f"repayment:{receipt.id}"
        found.append(ledger.Event("repayment", ("loan", loan.id), lines, key=key, on=receipt.received_on))
    elif moved.paid != NOTHING:
        loan.credit_entries += 1
        lines = postings.credit_applied(loan=loan.id, funder=loan.funder, parts=moved.paid)
        found.append(_event(loan, "credit_applied", lines, on, part=loan.credit_entries))
    return found


def _difference(bills: Sequence[LoanBill], standing: replay.Standing, *, credit_fen: int) -> Moved:
    """What the bills will say more than they do."""
    pairs = [(standing.bills[bill.period], bill) for bill in bills]
    return Moved(
        late_fen=sum(right.late_fen - bill.late_fen for right, bill in pairs),
        waived=Parts(
            interest_fen=sum(right.waived["interest"] - bill.waived_interest_fen for right, bill in pairs),
            fee_fen=sum(right.waived["fee"] - bill.waived_fee_fen for right, bill in pairs),
        ),
        paid=Parts(
            late_interest_fen=sum(right.paid["late_interest"] - bill.paid_late_fen for right, bill in pairs),
            fee_fen=sum(right.paid["fee"] - bill.paid_fee_fen for right, bill in pairs),
            interest_fen=sum(right.paid["interest"] - bill.paid_interest_fen for right, bill in pairs),
            principal_fen=sum(
                right.paid["principal"] + right.returned_fen - bill.paid_principal_fen - bill.returned_fen
                for right, bill in pairs
            ),
        ),
        credit_fen=credit_fen,
    )


def _write(bill: LoanBill, right: replay.Bill) -> None:
    bill.late_fen, bill.returned_fen, bill.paid_on = right.late_fen, right.returned_fen, right.paid_on
    bill.waived_interest_fen, bill.waived_fee_fen = right.waived["interest"], right.waived["fee"]
    bill.paid_late_fen, bill.paid_fee_fen = right.paid["late_interest"], right.paid["fee"]
    bill.paid_interest_fen, bill.paid_principal_fen = right.paid["interest"], right.paid["principal"]


def _event(loan: Loan, kind: str, lines: postings.Entries, on: date, *, part: int) -> ledger.Event:
    return ledger.Event(kind, ("loan", loan.id), lines, part=str(part), on=on)


def _by_loan(rows: Iterable[Any]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = defaultdict(list)
    for row in rows:
        found[row.loan_id].append(row)
    return found
