"""Disputes: a shopper contests a capture; its amount is set aside until it is decided who is right."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from sqlmodel import col, exists, func, select
from sqlmodel.sql.expression import SelectOfScalar

from gateway.core.tenant import Tenant, mode_of
from gateway.core.transitions import Transitions
from gateway.db.ownership import owned
from gateway.db.transactions import Transaction
from gateway.decision import limits
from gateway.errors import AmountAboveRefundable, NotFound, WrongState
from gateway.ledger import service as ledger
from gateway.ledger.booking import postings
from gateway.loans import closing
from gateway.loans import service as loans
from gateway.payments import service
from gateway.payments.collections import shopper_returns
from gateway.payments.milestones import holding
from gateway.payments.models import Capture, Dispute, Payment
from gateway.payments.refunds import returning
from gateway.payments.refunds import service as refund_records
from gateway.payments.schemas import DisputeAnswer
from gateway.settlement import service as settlement
from gateway.web.paging import of_days, of_tenant
from gateway.webhooks import service as events

TIME_TO_RESPOND = timedelta(days=7)
STATES = Transitions(
    {
        "needs_response": {"under_review", "won", "lost", "accepted", "canceled"},
        "under_review": {"won", "lost", "canceled"},
    }
)
OPEN = ("needs_response", "under_review")
ANSWER = DisputeAnswer()


def open_dispute(
    tx: Transaction,
    tenant: Tenant,
    *,
    payment_id: str,
    capture_id: str | None,
    amount_fen: int | None,
    reason: str,
) -> Dispute:
    """A shopper contests ``amount_fen`` (all that is not refunded when None) of a capture; the amount is set aside.

    Raises ``NotFound``; ``WrongState`` when a dispute runs or nothing is left; ``AmountAboveRefundable``.
    """
    payment = service.locked(tx, tenant, payment_id)
    service.refuse_disputed(tx, payment)
    capture = _contested(tx, payment, capture_id)
    left = capture.amount_fen - capture.refunded_fen
    amount = left if amount_fen is None else amount_fen
    if amount > left:
        raise AmountAboveRefundable(
            f"{amount} fen exceeds the {left} fen of the capture that are not yet refunded.",
            param="amount",
            refundable_amount=left,
        )
    dispute = Dispute(
        id=tx.new_id("dp"),
        merchant_id=tenant.merchant_id,
        mode=tenant.mode,
        payment_id=payment.id,
        capture_id=capture.id,
        amount_fen=amount,
        reason=reason,
        status="needs_response",
        respond_by=tx.now + TIME_TO_RESPOND,
        created_at=tx.now,
    )
    tx.add(dispute)
    tx.flush()
    bearing = settlement.bearing_settled(tx, tenant, net_fen=amount)
    lines = postings.dispute_opened(
        dispute=dispute.id,
        merchant=tenant.merchant_id,
        available_fen=bearing.available_fen,
        receivable_fen=bearing.receivable_fen,
    )
    entry_id = ledger.book(
        tx, Tenant.of(dispute), ledger.Event("dispute_opened", ("dispute", dispute.id), lines)
    )
    _settle(tx, payment, dispute, "dispute", entry_id)
    _note(tx, dispute, "opened")
    return dispute


def respond(tx: Transaction, tenant: Tenant, dispute_id: str, *, evidence: str) -> Dispute:
    """The merchant says why it is right; answering again, while nothing is decided, replaces the answer."""
    dispute = locked(tx, tenant, dispute_id)
    if dispute.status not in OPEN:
        raise WrongState(f"The dispute is {dispute.status}: it can no longer be answered.", param="dispute")
    dispute.status, dispute.evidence = "under_review", evidence
    tx.add(dispute)
    return dispute


def accept(tx: Transaction, tenant: Tenant, dispute_id: str) -> Dispute:
    """The merchant agrees: the shopper is right. Accepting again changes nothing. Raises ``WrongState``."""
    dispute = locked(tx, tenant, dispute_id)
    return dispute if dispute.status == "accepted" else _lose(tx, dispute, "accepted")


def resolve(tx: Transaction, tenant: Tenant, dispute_id: str, *, outcome: str) -> Dispute:
    """The lender has decided: ``won`` (the merchant is right), ``lost``, or ``canceled`` (the shopper took it back)."""
    dispute = locked(tx, tenant, dispute_id)
    if dispute.status == outcome:
        return dispute
    return _lose(tx, dispute, outcome) if outcome == "lost" else _win(tx, dispute, outcome)


def lose_unanswered(tx: Transaction, tenant: Tenant) -> int:
    """Decide disputes for the shopper that were not answered in time; returns how many. Safe to run twice or late."""
    query = select(Dispute).where(
        Dispute.merchant_id == tenant.merchant_id,
        Dispute.mode == tenant.mode,
        Dispute.status == "needs_response",
        Dispute.respond_by <= tx.now,
    )
    due = list(tx.exec(query.with_for_update()))
    for dispute in due:
        _lose(tx, dispute, "lost")
    return len(due)


def tenants_with_unanswered(tx: Transaction) -> list[Tenant]:
    """Merchants with disputes that wait for an answer."""
    query = select(Dispute.merchant_id, Dispute.mode).where(Dispute.status == "needs_response").distinct()
    return [Tenant(merchant, mode_of(mode)) for merchant, mode in tx.exec(query)]


def next_work(tx: Transaction, tenant: Tenant) -> datetime | None:
    """When the next answer to a dispute is overdue."""
    query = select(func.min(Dispute.respond_by)).where(
        Dispute.merchant_id == tenant.merchant_id,
        Dispute.mode == tenant.mode,
        Dispute.status == "needs_response",
    )
    return tx.exec(query).one()


def runs_about(payment_id: Any) -> Any:
    """Whether a dispute about the payment of a row is undecided, as a condition of a query."""
    return exists().where(col(Dispute.payment_id) == payment_id, col(Dispute.status).in_(OPEN))


def get(tx: Transaction, tenant: Tenant, dispute_id: str) -> Dispute:
    """The merchant's dispute. Raises ``NotFound``."""
    return owned(tx.get(Dispute, dispute_id), tenant, "dispute", dispute_id)


def locked(tx: Transaction, tenant: Tenant, dispute_id: str) -> Dispute:
    """The merchant's dispute, locked. Raises ``NotFound``."""
    query = select(Dispute).where(col(Dispute.id) == dispute_id).with_for_update()
    return owned(tx.exec(query).first(), tenant, "dispute", dispute_id)


def listed(tenant: Tenant, *, payment: str | None = None, **days: date | None) -> SelectOfScalar[Dispute]:
    """The merchant's disputes, of a payment or opened on some ``days`` (``first`` and ``last``)."""
    query = of_tenant(Dispute, tenant, payment_id=payment)
    return of_days(query, col(Dispute.created_at), **days)


def view(dispute: Dispute) -> dict[str, Any]:
    """The dispute as the API shows it."""
    return {
        "id": dispute.id,
        "mode": dispute.mode,
        "status": dispute.status,
        "payment": dispute.payment_id,
        "capture": dispute.capture_id,
        "amount": dispute.amount_fen,
        "reason": dispute.reason,
        "evidence": dispute.evidence,
        "respond_by": dispute.respond_by,
        "created_at": dispute.created_at,
        "decided_at": dispute.decided_at,
    }


def _win(tx: Transaction, dispute: Dispute, status: str) -> Dispute:
    payment = _decide(tx, dispute, status)
    lines = postings.dispute_won(
        dispute=dispute.id, merchant=dispute.merchant_id, amount_fen=dispute.amount_fen
    )
    entry_id = ledger.book(
        tx, Tenant.of(dispute), ledger.Event("dispute_won", ("dispute", dispute.id), lines)
    )
    _settle(tx, payment, dispute, "dispute_won", entry_id)
    _note(tx, dispute, "won")
    return dispute


def _lose(tx: Transaction, dispute: Dispute, status: str) -> Dispute:
    """What was set aside repays the loan; what the shopper had paid of it goes back. The merchant's fee stays."""
    payment = _decide(tx, dispute, status)
    tenant = Tenant.of(dispute)
    capture = tx.get_one(Capture, dispute.capture_id)
    lowered = closing.lose_dispute(
        tx, tenant, loan_id=capture.loan_id, dispute=dispute.id, amount_fen=dispute.amount_fen
    )
    capture.refunded_fen += dispute.amount_fen
    payment.refunded_fen += dispute.amount_fen
    tx.add(capture)
    # What was set aside bears it: what stages kept back beyond what is left of the capture is the merchant's.
    stages = holding.take(tx, capture, amount_fen=0, unused=False)
    holding.give_up(tx, payment, stages, about=dispute.id)
    # A refund that the merchant did not start.
    reduction = lowered.principal_fen + lowered.recovered_fen
    row = refund_records.create(
        tx,
        payment,
        reference=dispute.id,
        capture_id=dispute.capture_id,
        kind="return",
        reason=dispute.reason,
        initiated_by="dispute",
        amount_fen=dispute.amount_fen,
        loan_reduction_fen=reduction,
        to_shopper_fen=dispute.amount_fen - reduction,
    )
    returning.note_returned(tx, payment, row)
    limits.release(
        tx,
        shopper_id=payment.shopper_id,
        funder=payment.funder,
        amount_fen=lowered.principal_fen + lowered.repaid_fen,
        reason="refunded",
        about=dispute.id,
    )
    loan = loans.locked(tx, tenant, capture.loan_id)
    if row.to_shopper_fen:
        shopper_returns.return_credit(tx, loan, amount_fen=row.to_shopper_fen, refund_id=row.id)
    else:
        refund_records.note(tx, row)
    shopper_returns.credit_of_ended(tx, loan)
    _note(tx, dispute, "lost")
    return dispute


def _contested(tx: Transaction, payment: Payment, capture_id: str | None) -> Capture:
    captures = service.captures_of(tx, payment.id)
    chosen = [
        capture
        for capture in captures
        if capture.refunded_fen < capture.amount_fen and capture_id in (None, capture.id)
    ]
    if capture_id is not None and capture_id not in [capture.id for capture in captures]:
        raise NotFound(f"The payment has no capture {capture_id!r}.", param="capture")
    if not chosen:
        raise WrongState("The payment has no captured amount that is not yet refunded.", param="payment")
    return chosen[-1]


def _decide(tx: Transaction, dispute: Dispute, status: str) -> Payment:
    if not STATES.allows(dispute.status, status):
        raise WrongState(f"The dispute is {dispute.status} and cannot become {status}.", param="dispute")
    payment = service.locked(tx, Tenant.of(dispute), dispute.payment_id)
    dispute.status, dispute.decided_at = status, tx.now
    tx.add(dispute)
    return payment


def _settle(tx: Transaction, payment: Payment, dispute: Dispute, kind: str, entry_id: str) -> None:
    settlement.add_line(
        tx,
        Tenant.of(dispute),
        kind=kind,
        object_id=dispute.id,
        payment_id=payment.id,
        capture_id=dispute.capture_id,
        merchant_reference=payment.merchant_reference,
        store=payment.store,
        amount_fen=dispute.amount_fen,
        entry_id=entry_id,
    )


def _note(tx: Transaction, dispute: Dispute, what: str) -> None:
    tx.flush()
    events.record(
        tx, Tenant.of(dispute), f"dispute.{what}", object_id=dispute.id, data=ANSWER.dump(view(dispute))
    )
