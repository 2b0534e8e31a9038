"""What of a payment its milestones stage before it is captured: a capture carries some of them, a void ends others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sqlmodel import col, select

from gateway.db.transactions import Transaction
from gateway.errors import AmountMismatch, NotFound, WrongState
from gateway.payments.milestones import events
from gateway.payments.milestones.models import Milestone

if TYPE_CHECKING:
    from gateway.payments.models import Payment


def planned(tx: Transaction, payment: Payment) -> list[Milestone]:
    """What is planned of what can still be captured, in the order in which it was."""
    if not payment.planned_fen:
        return []
    query = select(Milestone).where(
        Milestone.payment_id == payment.id, Milestone.status == "planned", col(Milestone.capture_id).is_(None)
    )
    return list(tx.exec(query.order_by(col(Milestone.id))))


def named(tx: Transaction, payment: Payment, milestone_id: str) -> Milestone:
    """The milestone that a capture names. Raises ``NotFound``; ``WrongState`` when it cannot be captured."""
    row = tx.get(Milestone, milestone_id)
    if row is None or row.payment_id != payment.id:
        raise NotFound(f"The payment has no milestone {milestone_id!r}.", param="milestone")
    if row.capture_id is not None or row.status != "planned":
        told = "captured already" if row.capture_id is not None else row.status
        raise WrongState(f"The milestone {row.id} is {told}.", param="milestone")
    return row


def amount_of(milestone: Milestone, amount_fen: int | None) -> int:
    """What a capture of a milestone captures. Raises ``AmountMismatch`` for another amount."""
    if amount_fen not in (None, milestone.amount_fen):
        raise AmountMismatch(
            f"The milestone {milestone.id} stages {milestone.amount_fen} fen, not {amount_fen}: omit the amount.",
            param="amount",
            expected=milestone.amount_fen,
            actual=amount_fen,
        )
    return milestone.amount_fen


def carried(tx: Transaction, payment: Payment, amount_fen: int, *, final: bool) -> Sequence[Milestone]:
    """The milestones that a capture of ``amount_fen`` without a name carries: all of them when it is the last.

    One before the last may take only what no milestone stages. Raises ``AmountMismatch``.
    """
    stages = planned(tx, payment)
    if not stages:
        return ()
    staged, left = payment.planned_fen, payment.capturable_fen
    if final or amount_fen == left:
        if amount_fen >= staged:
            return stages
        raise AmountMismatch(
            f"The last capture carries the planned milestones, which stage {staged} fen; {amount_fen} fen do not "
            "cover them. Capture more, or name one milestone.",
            param="amount",
            expected=staged,
            actual=amount_fen,
        )
    if amount_fen > left - staged:
        raise AmountMismatch(
            f"{staged} of the {left} fen that can be captured are staged by milestones. Capture at most "
            f"{left - staged} fen, name one milestone, or capture everything.",
            param="amount",
            expected=left - staged,
            actual=amount_fen,
        )
    return ()


def fit(tx: Transaction, payment: Payment) -> None:
    """End planned milestones that no longer fit what can be captured, the last first: a part of it was released."""
    if payment.planned_fen <= payment.capturable_fen:
        return
    for row in reversed(planned(tx, payment)):
        if payment.planned_fen <= payment.capturable_fen:
            return
        payment.planned_fen -= row.amount_fen
        row.status = "canceled"
        events.note(tx, row, "canceled", "void")
