"""The money of stages: kept back when it is captured, free when a stage is done, and taken by what is given back.

A capture's claim stands on ``merchant_pending``; what waits for a stage is moved from there to ``merchant_staged``, and
comes back to ``merchant_pending`` when it waits no longer. Each move has its entry and its line in a settlement.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from sqlmodel import col, select

from gateway.core.tenant import Tenant
from gateway.db.transactions import Transaction
from gateway.ledger import service as ledger
from gateway.ledger.booking import postings
from gateway.merchants import service as merchants
from gateway.payments.milestones import events, states
from gateway.payments.milestones.models import Milestone
from gateway.settlement import service as settlement

if TYPE_CHECKING:
    from gateway.payments.models import Capture, Payment


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a stage that a refund or a lost dispute takes; amounts in fen."""

    milestone: Milestone
    amount_fen: int
    held_fen: int
    """What it frees of what was kept back."""


def hold(
    tx: Transaction,
    payment: Payment,
    capture: Capture,
    stages: Sequence[Milestone],
    *,
    net_fen: int,
    settlement_date: date,
) -> None:
    """Keep back what ``stages`` stage of a new capture, and for its delivery what they leave, if so agreed."""
    payment.planned_fen -= sum(stage.amount_fen for stage in stages)
    stages = [*stages, *_for_delivery(tx, payment, capture, stages)]
    if not stages:
        return
    kept = states.held(net_fen, capture.amount_fen, [stage.amount_fen for stage in stages])
    for stage, fen in zip(stages, kept, strict=True):
        stage.capture_id, stage.held_fen = capture.id, fen
        capture.staged_fen += stage.amount_fen
        tx.add(stage)
    tx.flush()
    _move(
        tx,
        payment,
        [(stage, fen, "") for stage, fen in zip(stages, kept, strict=True)],
        "stage_held",
        settlement_date,
    )


def of_capture(tx: Transaction, capture: Capture) -> list[Milestone]:
    """The stages of a capture that still wait, in the order in which they were planned."""
    if not capture.staged_fen:
        return []
    query = select(Milestone).where(
        Milestone.capture_id == capture.id, col(Milestone.status).in_(states.OPEN)
    )
    return list(tx.exec(query.order_by(col(Milestone.id))))


def take(
    tx: Transaction, capture: Capture, *, amount_fen: int, unused: bool, milestone_id: str | None = None
) -> list[Piece]:
    """What giving back ``amount_fen`` of a capture takes of its stages; the capture in hand already shows it.

    The stage that is named bears it, or, where it is ``unused``, what was to come last. With everything else stages
    bear only what the rest of the capture no longer covers. Changes the rows in hand, and books nothing.
    """
    stages = of_capture(tx, capture)
    named = [stage for stage in stages if stage.id == milestone_id]
    parts = _spread(named or (stages if unused else []), amount_fen)
    uncovered = sum(stage.open_fen for stage in stages) - (capture.amount_fen - capture.refunded_fen)
    more = uncovered - sum(parts.values())
    if more > 0:
        rest = [stage for stage in stages if stage.open_fen > parts.get(stage.id, 0)]
        for id, fen in _spread(rest, more, parts).items():
            parts[id] = parts.get(id, 0) + fen
    return [_piece(capture, stage, parts[stage.id]) for stage in stages if parts.get(stage.id)]


def give_up(
    tx: Transaction,
    payment: Payment,
    pieces: Sequence[Piece],
    *,
    about: str,
    settlement_date: date | None = None,
) -> None:
    """Book that a refund or a dispute took these pieces: what was kept back for them is pending, and bears it."""
    _move(
        tx,
        payment,
        [(one.milestone, one.held_fen, about) for one in pieces],
        "stage_returned",
        settlement_date,
    )
    for piece in pieces:
        stage = piece.milestone
        if not stage.open_fen:
            stage.status = "canceled"
        events.note(tx, stage, "returned", about, amount_fen=piece.amount_fen)


def release(
    tx: Transaction,
    payment: Payment,
    capture: Capture,
    stage: Milestone,
    said_by: str,
    *,
    words: str | None = None,
) -> None:
    """A stage waits no longer: what was kept back for it is settled with the next batch."""
    ledger.lock_accounts(tx, Tenant.of(payment))  # as whoever closes a batch or refunds
    left = _left(stage)
    capture.staged_fen -= stage.open_fen
    stage.status = "released"
    tx.add(capture)
    _move(tx, payment, [(stage, left, "")], "stage_released", settlement.open_until(tx, capture.id))
    events.note(tx, stage, "released", said_by, words=words)


def _for_delivery(
    tx: Transaction, payment: Payment, capture: Capture, stages: Sequence[Milestone]
) -> list[Milestone]:
    """A stage for what no other one stages, where the merchant's captures wait for their delivery report."""
    days = merchants.get(tx, payment.merchant_id).delivery_hold_days
    rest = capture.amount_fen - sum(stage.amount_fen for stage in stages)
    if not days or not rest or (capture.delivery or {}).get("delivered_at"):
        return []
    stage = Milestone(
        id=tx.new_id("ms"),
        merchant_id=payment.merchant_id,
        mode=payment.mode,
        payment_id=payment.id,
        kind="delivery",
        amount_fen=rest,
        hold_days=days,
        status="planned",
        releases_at=tx.now + timedelta(days=days),
        created_at=tx.now,
    )
    return [stage]


def _spread(
    stages: Sequence[Milestone], most_fen: int, before: Mapping[str, int] | None = None
) -> dict[str, int]:
    """What ``most_fen`` takes of each stage after what was taken ``before``, the last first."""
    before = before or {}
    amounts = states.taken([stage.open_fen - before.get(stage.id, 0) for stage in stages], most_fen)
    return {stage.id: fen for stage, fen in zip(stages, amounts, strict=True)}


def _piece(capture: Capture, stage: Milestone, amount_fen: int) -> Piece:
    held = states.returned(
        stage.held_fen or 0, stage.amount_fen, before_fen=stage.returned_fen, part_fen=amount_fen
    )
    stage.returned_fen += amount_fen
    capture.staged_fen -= amount_fen
    return Piece(stage, amount_fen, held)


def _left(stage: Milestone) -> int:
    """What is still kept back for a stage."""
    return states.returned(
        stage.held_fen or 0, stage.amount_fen, before_fen=stage.returned_fen, part_fen=stage.open_fen
    )


def _move(
    tx: Transaction,
    payment: Payment,
    parts: Sequence[tuple[Milestone, int, str]],
    kind: str,
    settlement_date: date | None,
) -> None:
    """Book what is kept back or freed for each stage, and give it a line in a settlement; what is 0 needs neither.

    A line waits for its capture's batch while that is open: what is freed was kept back by a line of the same batch.
    """
    tenant = Tenant.of(payment)
    moved = [one for one in parts if one[1]]
    lines = postings.stage_held if kind == "stage_held" else postings.stage_freed
    booked = ledger.book_together(
        tx,
        tenant,
        [
            ledger.Event(
                kind,
                ("milestone", stage.id),
                lines(payment=payment.id, merchant=payment.merchant_id, amount_fen=fen),
                part=part,
            )
            for stage, fen, part in moved
        ],
    )
    for (stage, fen, part), entry_id in zip(moved, booked, strict=True):
        settlement.add_line(
            tx,
            tenant,
            kind=kind,
            object_id=f"{stage.id}:{part}" if part else stage.id,
            payment_id=payment.id,
            capture_id=stage.capture_id or "",
            merchant_reference=payment.merchant_reference,
            store=payment.store,
            amount_fen=fen,
            from_pending_fen=fen,
            settlement_date=settlement_date,
            entry_id=entry_id,
        )
