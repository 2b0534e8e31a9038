"""Returns: money goes back to a shopper, by instruction and, as every money account, booked when it is confirmed.

What could not be paid is the shopper's credit again. Where the loan has ended nothing will fall due that it could pay,
so it is instructed again, on later and later days, until the shopper has it.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlmodel import col, func, select

from gateway.core.references import reference
from gateway.core.tenant import Tenant, mode_of
from gateway.db.transactions import Transaction
from gateway.decision import limits
from gateway.institution import instructing
from gateway.institution.port import Instruction
from gateway.ledger import service as ledger
from gateway.ledger.booking import postings
from gateway.loans import credit
from gateway.loans import service as loans
from gateway.loans.states import OPEN
from gateway.merchants import business_clock
from gateway.outbox import service as outbox
from gateway.payments import orders
from gateway.payments.models import ShopperReturn
from gateway.payments.refunds import service as refund_records
from gateway.settlement.service import INSTITUTION

if TYPE_CHECKING:
    from gateway.loans.models import Loan
    from gateway.outbox.models import OutboxItem
    from gateway.web.context import Gateway

TOPIC = "return.instruct"
TRY_AGAIN_AFTER_DAYS = (1, 3, 7, 14, 30)
"""Waits after each failure; the last is repeated."""


def instruct(
    tx: Transaction,
    tenant: Tenant,
    *,
    shopper_id: str,
    loan_id: str,
    amount_fen: int,
    refund_id: str | None = None,
    at: datetime | None = None,
) -> ShopperReturn:
    """Queue the instruction to pay ``amount_fen`` back, not before ``at`` (the machine's time).

    What it takes from the books is the caller's to post.
    """
    row = ShopperReturn(
        id=tx.new_id("ret"),
        merchant_id=tenant.merchant_id,
        mode=tenant.mode,
        shopper_id=shopper_id,
        loan_id=loan_id,
        refund_id=refund_id,
        reference=_reference(tx, tenant, loan_id),
        amount_fen=amount_fen,
        status="pending",
        created_at=tx.now,
    )
    tx.add(row)
    tx.flush()
    outbox.put(tx, TOPIC, {"return": row.id}, tenant=tenant, at=at)
    return row


def credit_of_ended(tx: Transaction, loan: Loan, *, at: datetime | None = None) -> None:
    """Pay back what is owed to the shopper of a loan that has ended: nothing will fall due that it could pay."""
    amount = credit_to_return_fen(loan)
    if amount:
        return_credit(tx, loan, amount_fen=amount, at=at)


def credit_to_return_fen(loan: Loan) -> int:
    """What is owed to the shopper of a loan that has ended, in fen; 0 while something may fall due."""
    return 0 if loan.status in OPEN else loan.credit_fen


def return_credit(
    tx: Transaction, loan: Loan, *, amount_fen: int, refund_id: str | None = None, at: datetime | None = None
) -> None:
    """Pay back ``amount_fen`` of what is owed to the shopper of a loan."""
    tenant = Tenant.of(loan)
    row = instruct(
        tx,
        tenant,
        shopper_id=loan.shopper_id,
        loan_id=loan.id,
        amount_fen=amount_fen,
        refund_id=refund_id,
        at=at,
    )
    credit.give_back(tx, loan, amount_fen=amount_fen, about=row.id)
    lines = postings.credit_returned(
        loan=loan.id, institution=INSTITUTION, amount_fen=amount_fen, refund=refund_id or row.id
    )
    ledger.book(tx, Tenant.of(row), ledger.Event("credit_returned", ("return", row.id), lines))


def carry_out(gateway: Gateway, item: OutboxItem) -> None:
    """Instruct the return that ``item`` names and book what the institution says of it.

    Raises ``InstitutionUnavailable`` while the outcome is not known: it is looked up before anything is sent again.
    """
    with gateway.db.read() as tx:
        row = tx.get_one(ShopperReturn, item.payload["return"])
    if row.status != "pending":
        return
    instruction = Instruction(
        "refund", row.reference or row.id, mode_of(row.mode), row.shopper_id, row.amount_fen
    )
    instructing.carry_out(gateway, item, instruction, row.id, confirm=confirm, fail=fail)


def confirm(tx: Transaction, return_id: str) -> None:
    """The shopper has the money: the item in transit is closed. Idempotent."""
    row = _locked(tx, return_id)
    if row.status != "pending":
        return
    loan = loans.get(tx, Tenant.of(row), row.loan_id)
    lines = postings.refund_confirmed(
        refund=row.refund_id or row.id, institution=INSTITUTION, funder=loan.funder, amount_fen=row.amount_fen
    )
    _decided(tx, row, "succeeded", "refund_confirmed", lines)


def fail(tx: Transaction, return_id: str, *, failure: str) -> None:
    """The institution could not pay the shopper: the money is the shopper's credit again, and pays what is open."""
    row = _locked(tx, return_id)
    if row.status != "pending":
        return
    row.failure = failure
    loan = loans.locked(tx, Tenant.of(row), row.loan_id)
    lines = postings.refund_failed(
        refund=row.refund_id or row.id, institution=INSTITUTION, loan=loan.id, amount_fen=row.amount_fen
    )
    _decided(tx, row, "failed", "refund_failed", lines)
    freed = credit.owe(tx, loan, amount_fen=row.amount_fen, about=row.id)
    limits.release(
        tx,
        shopper_id=loan.shopper_id,
        funder=loan.funder,
        amount_fen=freed,
        reason="repaid",
        about=row.id,
    )
    failed = select(func.count()).where(ShopperReturn.loan_id == loan.id, ShopperReturn.status == "failed")
    times = tx.exec(failed).one()
    wait = TRY_AGAIN_AFTER_DAYS[min(times, len(TRY_AGAIN_AFTER_DAYS)) - 1]
    credit_of_ended(tx, loan, at=tx.wall + timedelta(days=wait))


def _reference(tx: Transaction, tenant: Tenant, loan_id: str) -> str:
    """That of the next return of a loan: they are counted, for a refund may need several, and a failed one another."""
    tx.flush()
    before = tx.exec(select(func.count()).where(ShopperReturn.loan_id == loan_id)).one()
    return reference("ret", tenant, *orders.keys_of_loans(tx, [loan_id])[loan_id], before + 1)


def _locked(tx: Transaction, return_id: str) -> ShopperReturn:
    row = tx.exec(select(ShopperReturn).where(ShopperReturn.id == return_id).with_for_update()).one()
    business_clock.enter(tx, Tenant.of(row))
    return row


def _decided(tx: Transaction, row: ShopperReturn, status: str, kind: str, lines: postings.Entries) -> None:
    row.status, row.decided_at = status, tx.now
    tx.add(row)
    ledger.book(tx, Tenant.of(row), ledger.Event(kind, ("return", row.id), lines))
    if row.refund_id is not None:
        _decide_refund(tx, row, row.refund_id)


def _decide_refund(tx: Transaction, row: ShopperReturn, refund_id: str) -> None:
    """A refund that became an unwinding may wait for two returns: it is decided when both are."""
    query = select(ShopperReturn).where(ShopperReturn.refund_id == refund_id)
    returns = list(tx.exec(query.order_by(col(ShopperReturn.id))))
    if any(each.status == "pending" for each in returns):
        return
    # What had failed before the newest was instructed went back with that one.
    since = returns[-1].created_at
    failed = [each for each in returns if each.status == "failed" and (each.decided_at or since) > since]
    refund_records.decide(tx, refund_id, "failed" if failed or row.status == "failed" else "succeeded")
