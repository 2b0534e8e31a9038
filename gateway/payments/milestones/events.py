"""What happened to a milestone is written down, one row after the other."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlmodel import col, select

from gateway.db.transactions import Transaction
from gateway.payments.milestones.models import Milestone, MilestoneEvent


def note(
    tx: Transaction,
    milestone: Milestone,
    kind: str,
    said_by: str,
    *,
    amount_fen: int = 0,
    words: str | None = None,
    files: list[dict[str, Any]] | None = None,
    until: datetime | None = None,
) -> None:
    """Write down what happened to a milestone, which its row already shows."""
    tx.add(milestone)
    tx.flush()
    tx.add(
        MilestoneEvent(
            id=tx.new_id("mse"),
            merchant_id=milestone.merchant_id,
            mode=milestone.mode,
            payment_id=milestone.payment_id,
            milestone_id=milestone.id,
            kind=kind,
            said_by=said_by,
            amount_fen=amount_fen,
            words=words,
            files=files,
            until=until,
            created_at=tx.now,
        )
    )


def of(tx: Transaction, milestones: Sequence[str]) -> dict[str, list[MilestoneEvent]]:
    """What happened to each of some milestones of a page, the oldest first."""
    found: dict[str, list[MilestoneEvent]] = {id: [] for id in milestones}
    query = select(MilestoneEvent).where(col(MilestoneEvent.milestone_id).in_(found))
    for row in tx.exec(query.order_by(col(MilestoneEvent.id))):
        found[row.milestone_id].append(row)
    return found
