"""Collections: what falls due is collected through the payment institution, tried again a few times, and booked.

An instruction is not a claim: the books change when the institution has confirmed.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert
from sqlalchemy import select as select_columns
from sqlmodel import SQLModel, col, func, select

from gateway.core.calendar import shanghai_date
from gateway.core.references import reference
from gateway.core.tenant import Tenant, mode_of
from gateway.db import keyed
from gateway.db.parts import in_parts
from gateway.db.transactions import Transaction
from gateway.decision import limits
from gateway.institution import instructing
from gateway.institution.port import Instruction
from gateway.loans import billing, repayment
from gateway.loans import service as loans
from gateway.merchants import business_clock
from gateway.outbox import service as outbox
from gateway.payments import orders, sandbox_outcomes
from gateway.payments.collections import shopper_returns, tell
from gateway.payments.methods import service as methods
from gateway.payments.models import Collection

if TYPE_CHECKING:
    from gateway.loans.repayment import Repaid
    from gateway.outbox.models import OutboxItem
    from gateway.web.context import Gateway

TOPIC = "collection.instruct"
NO_METHOD = "no_payment_method"
"""The failure of what could not be sent, because its person has removed every method."""
WHOLE = 0
"""The period of a collection that is to end its loan: no instalment has this number."""
BY_SHOPPER = "by_shopper"
"""In the outbox: the shopper asked for it, so test mode does not play it as failed."""
TRY_AGAIN_AFTER_DAYS = (1, 3, 7, 14, 30)
"""Days after the due date on which an unpaid bill is tried again."""
COLLECTION = SQLModel.metadata.tables["collection"]
NEW_COLLECTIONS = insert(COLLECTION)
ENDING = (
    select_columns(COLLECTION.c.id)
    .where(
        COLLECTION.c.loan_id == billing.LOAN_ID,
        COLLECTION.c.period == WHOLE,
        COLLECTION.c.status == "pending",
    )
    .correlate(billing.LOAN)
    .exists()
)
"""Whether a loan is being paid off."""


def bill_and_collect(tx: Transaction, tenant: Tenant, *, today: date, limit: int = 500) -> int:
    """Bill up to ``limit`` loans of the tenant and instruct the collection of what is owed; returns how many.

    A loan that its shopper is paying off waits for the outcome. Call it again until it returns 0. One transaction bills
    and instructs, so no instalment falls due uncollected.
    """
    billed = billing.fall_due(tx, tenant, today=today, limit=limit, but=ENDING)
    wanted = []
    for bill in billed:
        amount = bill.amount_fen if not bill.has_credit else _paid_from_credit(tx, tenant, bill)
        if amount:
            wanted.append((bill.loan_id, bill.period, 1, amount))
    instruct(tx, tenant, wanted)
    return len(billed)


def collect_again(tx: Transaction, tenant: Tenant, *, today: date, limit: int = 500) -> int:
    """Instruct the next attempt for bills that stayed unpaid, on its day; returns how many."""
    bills = list(loans.open_bills(tx, tenant, due_before=today))
    wanted: list[tuple[str, int, int, int]] = []
    for some in in_parts(bills):
        attempts = _attempts(tx, [loan_id for loan_id, *_ in some])
        for loan_id, period, due_date, owed in some:
            tried, pending = attempts.get((loan_id, period), (0, 0))
            passed = sum((today - due_date).days >= days for days in TRY_AGAIN_AFTER_DAYS)
            ending = attempts.get((loan_id, WHOLE), (0, 0))[1]
            if not pending and not ending and tried < 1 + passed and len(wanted) < limit:
                wanted.append((loan_id, period, tried + 1, owed))
    instruct(tx, tenant, wanted)
    return len(wanted)


def accrue_late(tx: Transaction, tenant: Tenant, *, today: date, after: str = "") -> str | None:
    """Recompute overdue loans in the order of their ids; returns the id to go on ``after``, None when all are done."""
    last, freed = billing.accrue_late(tx, tenant, today=today, after=after)
    for each in freed:
        free_limit(tx, repayment.Repaid(each.loan, each.principal_fen, f"{each.loan.id}:recomputed"))
    return last


def carry_out(gateway: Gateway, item: OutboxItem) -> None:
    """Instruct the collection that ``item`` names and book what the institution says of it.

    It is sent with the method that was active before its first sending, and not at all once that is detached. Raises
    ``InstitutionUnavailable`` while the outcome is not known: it is looked up before anything is sent again.
    """
    collection_id = item.payload["collection"]
    if _is_to_prepare(gateway, item) and gateway.db.write(lambda tx: _is_decided_before(tx, collection_id)):
        return
    with gateway.db.read() as tx:
        row = tx.get_one(Collection, collection_id)
        loan = loans.get(tx, Tenant.of(row), row.loan_id)
        account = methods.account_of(tx, gateway.vault, row.method_id)
        failure = None
        if BY_SHOPPER not in item.payload:
            failure = sandbox_outcomes.collection_failure(
                tx, gateway, mode=row.mode, shopper_id=loan.shopper_id, period=row.period
            )
            if row.mode == "test" and row.period <= loan.missed_through:
                failure = "insufficient_funds"
    if row.status != "pending":
        return
    instruction = Instruction(
        "collection",
        row.reference or row.id,
        mode_of(row.mode),
        loan.shopper_id,
        row.amount_fen,
        account=account.token if account else None,
        test_failure=failure,
        at=row.created_at if row.method_id else None,
    )
    detached = None if account else MethodDetached()
    try:
        instructing.carry_out(gateway, item, instruction, row.id, confirm=confirm, fail=fail, wait=detached)
    except MethodDetached:
        gateway.db.write(lambda tx: fail(tx, collection_id, failure=NO_METHOD))


class MethodDetached(Exception):
    """Nothing was sent, and the method that was to be collected from is detached: nothing is sent any more."""


def confirm(tx: Transaction, collection_id: str) -> None:
    """The shopper has paid: only now the books change. Idempotent.

    It counts as paid on the day of its instruction, a first attempt on the due date: that we or the institution were
    slow is not the shopper's delay.
    """
    row = _locked(tx, collection_id)
    if row.status != "pending":
        return
    row.status, row.decided_at = "succeeded", tx.now
    tx.add(row)
    instructed = shanghai_date(row.created_at)
    if row.period == WHOLE:
        done = repayment.settle_paid(
            tx,
            Tenant.of(row),
            loan_id=row.loan_id,
            amount_fen=row.amount_fen,
            reference=row.id,
            on=instructed,
        )
        free_limit(tx, done)
        return
    due = loans.due_date_of_bill(tx, row.loan_id, row.period)
    receive(
        tx,
        Tenant.of(row),
        loan_id=row.loan_id,
        amount_fen=row.amount_fen,
        reference=row.id,
        received_on=min(due, instructed) if row.attempt == 1 else instructed,
    )


def fail(tx: Transaction, collection_id: str, *, failure: str) -> None:
    """The institution could not collect: the bill stays open and is tried again."""
    row = _locked(tx, collection_id)
    if row.status != "pending":
        return
    row.status, row.failure, row.decided_at = "failed", failure, tx.now
    tx.add(row)
    tell.of_failure(tx, row)


def has_failed(tx: Transaction, loan_id: str, period: int) -> bool:
    """Whether an attempt to collect an instalment has failed."""
    query = select(Collection.id).where(
        Collection.loan_id == loan_id, Collection.period == period, Collection.status == "failed"
    )
    return tx.exec(query.limit(1)).first() is not None


def receive(
    tx: Transaction, tenant: Tenant, *, loan_id: str, amount_fen: int, reference: str, received_on: date
) -> Repaid:
    """Book money of a shopper, however it came, and free the limit of the principal it repaid.

    Raises what ``loans.repayment.repay`` raises.
    """
    done = repayment.repay(
        tx, tenant, loan_id=loan_id, amount_fen=amount_fen, reference=reference, received_on=received_on
    )
    free_limit(tx, done)
    if done.new:
        tell.of_money(tx, tenant, done.loan, amount_fen=amount_fen, reference=reference)
    return done


def free_limit(tx: Transaction, done: Repaid) -> None:
    """What a repayment repaid may be borrowed again; credit of a loan that it ended goes back to the shopper."""
    if not done.new:
        return
    limits.release(
        tx,
        shopper_id=done.loan.shopper_id,
        funder=done.loan.funder,
        amount_fen=done.principal_fen,
        reason="repaid",
        about=done.about,
    )
    shopper_returns.credit_of_ended(tx, done.loan)


def _paid_from_credit(tx: Transaction, tenant: Tenant, bill: billing.Billed) -> int:
    """Pay a bill from the shopper's credit first; returns what is left to collect (fen)."""
    loan = loans.locked(tx, tenant, bill.loan_id)
    freed = repayment.apply_credit(tx, loan, on=bill.due_date)
    limits.release(
        tx,
        shopper_id=bill.shopper_id,
        funder=bill.funder,
        amount_fen=freed,
        reason="repaid",
        about=f"{bill.loan_id}:{bill.period}:credit",
    )
    shopper_returns.credit_of_ended(tx, loan)
    return loans.owed_of_bill_fen(tx, bill.loan_id, bill.period)


def instruct(
    tx: Transaction, tenant: Tenant, wanted: Sequence[tuple[str, int, int, int]], *, by_shopper: bool = False
) -> None:
    """Queue collections: of a loan, a period (``WHOLE`` to end the loan), the attempt and the amount (fen)."""
    if not wanted:
        return
    keys = orders.keys_of_loans(tx, [loan_id for loan_id, *_ in wanted])
    rows: list[dict[str, Any]] = [
        {
            "id": tx.new_id("col"),
            "merchant_id": tenant.merchant_id,
            "mode": tenant.mode,
            "loan_id": loan_id,
            "period": period,
            "attempt": attempt,
            "reference": reference("col", tenant, *keys[loan_id], period, attempt),
            "amount_fen": amount,
            "status": "pending",
            "created_at": tx.now,
        }
        for loan_id, period, attempt, amount in wanted
    ]
    keyed.insert(tx, NEW_COLLECTIONS, rows)
    more = {BY_SHOPPER: True} if by_shopper else {}
    outbox.put_many(tx, TOPIC, [{"collection": row["id"], **more} for row in rows], tenant=tenant)


def _attempts(tx: Transaction, loan_ids: list[str]) -> dict[tuple[str, int], tuple[int, int]]:
    """How often each bill of the loans was tried, and how many attempts are still undecided, by loan and period."""
    query = (
        select(
            Collection.loan_id,
            Collection.period,
            func.count(),
            func.count().filter(col(Collection.status) == "pending"),
        )
        .where(col(Collection.loan_id).in_(loan_ids))
        .group_by(col(Collection.loan_id), col(Collection.period))
    )
    return {(loan_id, period): (tried, pending) for loan_id, period, tried, pending in tx.exec(query)}


def _is_to_prepare(gateway: Gateway, item: OutboxItem) -> bool:
    """Whether nothing was sent yet: the first time, and where that was interrupted for a person who has a method."""
    if item.attempts == 1 or item.sent_at is not None:
        return item.attempts == 1
    with gateway.db.read() as tx:
        row = tx.get_one(Collection, item.payload["collection"])
        shopper_id = loans.get(tx, Tenant.of(row), row.loan_id).shopper_id
        return row.method_id is None and methods.had_any(tx, shopper_id)


def _is_decided_before(tx: Transaction, collection_id: str) -> bool:
    """Before the first sending: what was paid otherwise is not collected, and the method is noted that it is sent with.

    A person who has removed every method is asked for another one, and not collected from.
    """
    row = _locked(tx, collection_id)
    if row.status != "pending":
        return True
    loan = loans.get(tx, Tenant.of(row), row.loan_id)
    if row.period == WHOLE:
        owed = repayment.can_settle(loan)
    else:
        owed = loans.owed_of_bill_fen(tx, row.loan_id, row.period) > 0
    if not owed:
        row.status, row.decided_at = "canceled", tx.now
        tx.add(row)
        return True
    method = methods.active(tx, loan.shopper_id)
    if method is not None:
        row.method_id = method.id
        tx.add(row)
    elif methods.had_any(tx, loan.shopper_id):
        fail(tx, collection_id, failure=NO_METHOD)
        return True
    return False


def _locked(tx: Transaction, collection_id: str) -> Collection:
    row = tx.exec(select(Collection).where(col(Collection.id) == collection_id).with_for_update()).one()
    business_clock.enter(tx, Tenant.of(row))
    return row
