"""Milestones: planned with an order, claimed by the merchant, contested by the shopper, released or canceled.

A claim is told to the shopper, whose window then begins; silence releases what was kept back, a contest
stops it until a person decides.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from sqlmodel import col, func, select

from gateway.core.tenant import Tenant
from gateway.db.ownership import owned
from gateway.db.transactions import Transaction
from gateway.errors import AmountAboveAuthorized, NotFound, WrongState
from gateway.payments import deliveries, service
from gateway.payments.milestones import events, holding, notices, states, stops
from gateway.payments.milestones.models import Milestone, MilestoneEvent
from gateway.payments.milestones.schemas import MilestoneAnswer
from gateway.payments.models import Capture, Payment
from gateway.webhooks import service as webhooks

MOST = 100
ANSWER = MilestoneAnswer()


def plan(
    tx: Transaction,
    tenant: Tenant,
    *,
    payment_id: str,
    kind: str,
    amount_fen: int,
    description: str | None,
    due: date | None,
) -> Milestone:
    """Stage a part of what can still be captured of a payment.

    Raises ``NotFound``; ``WrongState`` when nothing can be captured or there are too many; ``AmountAboveAuthorized``.
    """
    payment = service.locked(tx, tenant, payment_id)
    service.checked_capturable(payment, None, verb="stage", done="staged")
    left = payment.capturable_fen - payment.planned_fen
    if amount_fen > left:
        raise AmountAboveAuthorized(
            f"{amount_fen} fen exceeds the {left} fen that can be captured and no milestone stages yet.",
            param="amount",
            capturable_amount=left,
        )
    count = select(func.count()).select_from(Milestone).where(Milestone.payment_id == payment.id)
    if tx.exec(count).one() >= MOST:
        raise WrongState(f"A payment can have at most {MOST} milestones.", param="payment")
    row = Milestone(
        id=tx.new_id("ms"),
        merchant_id=tenant.merchant_id,
        mode=tenant.mode,
        payment_id=payment.id,
        kind=kind,
        description=description,
        amount_fen=amount_fen,
        due=due,
        status="planned",
        created_at=tx.now,
    )
    payment.planned_fen += amount_fen
    tx.add(payment)
    tx.add(row)
    tx.flush()
    return row


def get(tx: Transaction, tenant: Tenant, payment_id: str, milestone_id: str) -> Milestone:
    """A milestone of the merchant's payment. Raises ``NotFound``."""
    row = owned(tx.get(Milestone, milestone_id), tenant, "milestone", milestone_id)
    if row.payment_id != payment_id:
        raise NotFound(f"The payment has no milestone {milestone_id!r}.")
    return row


def of_payment(tx: Transaction, payment_id: str) -> list[Milestone]:
    """All milestones of a payment, in the order in which they were planned."""
    return list(
        tx.exec(select(Milestone).where(Milestone.payment_id == payment_id).order_by(col(Milestone.id)))
    )


def has_any(tx: Transaction, payment_id: str) -> bool:
    """Whether a payment has a milestone."""
    return (
        tx.exec(select(Milestone.id).where(Milestone.payment_id == payment_id).limit(1)).first() is not None
    )


def claim(
    tx: Transaction,
    tenant: Tenant,
    *,
    payment_id: str,
    milestone_id: str,
    words: str | None,
    files: list[dict[str, Any]] | None,
) -> Milestone:
    """The merchant says that the stage is done: the shopper is told, and then has a window to contest it.

    Raises ``NotFound`` or ``WrongState``.
    """
    _, row = _locked(tx, tenant, payment_id, milestone_id)
    _refuse(row, row.status != "planned", "claimed")
    _refuse(row, row.capture_id is None, "claimed: capture it first")
    _refuse(row, not row.declared, "claimed: it waits for the report of the delivery")
    row.status = "claimed"
    kept = [{"name": one["name"], "sha256": one["sha256"], "size": one["size"]} for one in files or ()]
    events.note(tx, row, "claimed", "merchant", words=words, files=kept or None)
    notices.queue(tx, row, "claimed")
    _tell(tx, row, "claimed")
    return row


def contest(tx: Transaction, tenant: Tenant, *, payment_id: str, milestone_id: str, reason: str) -> Milestone:
    """The shopper says that the stage is not done: nothing is released until a person has decided.

    Raises ``NotFound``; ``WrongState`` when it is not claimed, or the window is over.
    """
    _, row = _locked(tx, tenant, payment_id, milestone_id)
    _refuse(row, row.status != "claimed", "contested")
    _refuse(row, row.releases_at is not None and row.releases_at <= tx.now, "contested: its time is over")
    row.status, row.releases_at = "contested", None
    events.note(tx, row, "contested", "shopper", words=reason)
    _tell(tx, row, "contested")
    return row


def answer(tx: Transaction, tenant: Tenant, *, payment_id: str, milestone_id: str, words: str) -> Milestone:
    """The merchant answers a contest; every answer stays. Raises ``NotFound`` or ``WrongState``."""
    _, row = _locked(tx, tenant, payment_id, milestone_id)
    _refuse(row, row.status != "contested", "answered")
    events.note(tx, row, "answered", "merchant", words=words)
    return row


def release(
    tx: Transaction, tenant: Tenant, *, payment_id: str, milestone_id: str, person: str, reason: str
) -> Milestone:
    """A person decides for the merchant. Raises ``NotFound``, or ``WrongState`` unless it was claimed or contested."""
    payment, row = _locked(tx, tenant, payment_id, milestone_id)
    _refuse(row, row.status not in ("claimed", "contested") and row.declared, "released")
    _refuse(row, row.status not in states.OPEN, "released")
    service.refuse_disputed(tx, payment)
    release_stage(tx, payment, row, f"person:{person}", words=reason)
    return row


def release_stage(
    tx: Transaction, payment: Payment, row: Milestone, said_by: str, *, words: str | None = None
) -> None:
    """Let what was kept back for a stage go into the next batch, and tell of it; the payment is locked."""
    capture = tx.get_one(Capture, row.capture_id)
    holding.release(tx, payment, capture, row, said_by, words=words)
    _tell(tx, row, "released")


def delivered(tx: Transaction, payment: Payment) -> None:
    """Release what waited for the delivery report of captures of which one is known now; the payment is locked.

    While the seller is stopped or a dispute about the payment runs it waits on: it is due, and the job releases it.
    """
    waits = stops.stopped_since(tx, Tenant.of(payment)) is not None or service.is_disputed(tx, payment)
    for capture in service.captures_of(tx, payment.id):
        received = deliveries.delivered_at(capture) if capture.staged_fen else None
        if received is None:
            continue
        for row in holding.of_capture(tx, capture):
            if row.hold_days is None:
                continue
            if not waits:
                release_stage(tx, payment, row, "delivery")
                continue
            row.releases_at = min(received, row.created_at + timedelta(days=row.hold_days))
            tx.add(row)


def view(tx: Transaction, row: Milestone, happened: list[MilestoneEvent] | None = None) -> dict[str, Any]:
    """The milestone as the API shows it."""
    if happened is None:
        happened = events.of(tx, [row.id])[row.id]
    claims = [one for one in happened if one.kind == "claimed"]
    contests = [one for one in happened if one.kind == "contested"]
    answers = [one for one in happened if one.kind == "answered"]
    decided = [one for one in happened if one.kind in ("released", "canceled", "returned")]
    return {
        "id": row.id,
        "mode": row.mode,
        "payment": row.payment_id,
        "capture": row.capture_id,
        "kind": row.kind,
        "description": row.description,
        "amount": row.amount_fen,
        "returned_amount": row.returned_fen,
        "held_amount": row.held_fen,
        "due": row.due and row.due.isoformat(),
        "status": row.status,
        "evidence": _evidence(claims[-1]) if claims else None,
        "claimed_at": claims[-1].created_at if claims else None,
        "releases_at": row.releases_at if row.status in ("planned", "claimed") else None,
        "contest": {"reason": contests[-1].words, "contested_at": contests[-1].created_at}
        if contests
        else None,
        "answer": answers[-1].words if answers else None,
        "ended_at": decided[-1].created_at if decided and row.status in ("released", "canceled") else None,
        "created_at": row.created_at,
    }


def views(tx: Transaction, rows: list[Milestone]) -> list[dict[str, Any]]:
    """A page of milestones as the API shows them, read with one more question."""
    happened = events.of(tx, [row.id for row in rows])
    return [view(tx, row, happened[row.id]) for row in rows]


def _evidence(claim: MilestoneEvent) -> dict[str, Any]:
    return {"text": claim.words, "files": claim.files or []}


def _locked(tx: Transaction, tenant: Tenant, payment_id: str, milestone_id: str) -> tuple[Payment, Milestone]:
    """The payment, locked, and its milestone as it then is. Raises ``NotFound``."""
    payment = service.locked(tx, tenant, payment_id)
    row = get(tx, tenant, payment_id, milestone_id)
    tx.refresh(row)
    return payment, row


def _refuse(row: Milestone, wrong: bool, verb: str) -> None:
    if wrong:
        raise WrongState(f"The milestone is {row.status}: it cannot be {verb}.", param="milestone")


def _tell(tx: Transaction, row: Milestone, what: str) -> None:
    tx.flush()
    webhooks.record(
        tx, Tenant.of(row), f"milestone.{what}", object_id=row.id, data=ANSWER.dump(view(tx, row))
    )
