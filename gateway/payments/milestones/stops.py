"""Stops: a seller that stops teaching or delivering gets nothing more of what waits for a stage.

A stop is a fact with its moment. A person makes one, or the job does: for a stage that was not claimed in time, and for
contests about several payments at once. It is lifted with a reason; then whatever is due is released with the next job.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from sqlmodel import col, exists, func, select

from gateway.core.calendar import shanghai_date
from gateway.core.tenant import Tenant
from gateway.db.transactions import Transaction
from gateway.errors import NotFound, WrongState
from gateway.payments.milestones.models import Milestone, MilestoneEvent, MilestoneStop

OVERDUE = "not_claimed_in_time"
CONTESTED = "contested_by_shoppers"
JOB = "job"


def stopped_since(tx: Transaction, tenant: Tenant) -> MilestoneStop | None:
    """The oldest stop of the merchant's stages that was not lifted, or None."""
    query = select(MilestoneStop).where(*_of(tenant), col(MilestoneStop.lifted_at).is_(None))
    return tx.exec(query.order_by(col(MilestoneStop.id)).limit(1)).first()


def stop(
    tx: Transaction, tenant: Tenant, *, reason: str, stopped_by: str, cause: str | None = None
) -> MilestoneStop:
    """Release nothing more of the merchant that waits for a stage."""
    row = MilestoneStop(
        id=tx.new_id("mss"),
        merchant_id=tenant.merchant_id,
        mode=tenant.mode,
        reason=reason,
        cause=cause,
        stopped_by=stopped_by,
        stopped_at=tx.now,
    )
    tx.add(row)
    tx.flush()
    return row


def lift(tx: Transaction, stop_id: str, *, reason: str, lifted_by: str) -> MilestoneStop:
    """End a stop. Raises ``NotFound``; ``WrongState`` when it was lifted before."""
    row = tx.get(MilestoneStop, stop_id)
    if row is None:
        raise NotFound(f"There is no stop {stop_id!r}.")
    if row.lifted_at is not None:
        raise WrongState(f"The stop {row.id} was lifted at {row.lifted_at:%Y-%m-%dT%H:%M:%SZ}.")
    row.lifted_at, row.lifted_by, row.lifted_because = tx.now, lifted_by, reason
    tx.add(row)
    return row


def causes(tx: Transaction, tenant: Tenant, *, grace_days: int, contests: int) -> list[tuple[str, str]]:
    """Milestones that stop their seller now, each with the reason; each stops it once."""
    last = shanghai_date(tx.now) - timedelta(days=grace_days)
    found = [(id, OVERDUE) for id in tx.exec(_overdue(tenant, last).order_by(col(Milestone.id)).limit(1))]
    cause = _contested(tx, tenant, contests)
    return found + ([(cause, CONTESTED)] if cause else [])


def _contested(tx: Transaction, tenant: Tenant, contests: int) -> str | None:
    """The newest of the open contests, if there are that many about different payments since a stop was lifted."""
    by_contests = (*_of(tenant), MilestoneStop.reason == CONTESTED)
    running = select(MilestoneStop.id).where(*by_contests, col(MilestoneStop.lifted_at).is_(None))
    if tx.exec(running.limit(1)).first() is not None:
        return None
    lifted = tx.exec(select(func.max(MilestoneStop.lifted_at)).where(*by_contests)).one()
    query = (
        select(func.count(func.distinct(Milestone.payment_id)), func.max(Milestone.id))
        .join(MilestoneEvent, col(MilestoneEvent.milestone_id) == Milestone.id)
        .where(*_of(tenant, Milestone), Milestone.status == "contested", MilestoneEvent.kind == "contested")
    )
    if lifted is not None:
        query = query.where(col(MilestoneEvent.created_at) > lifted)
    count, newest = tx.exec(query).one()
    return newest if count >= contests else None


def next_overdue(tx: Transaction, tenant: Tenant, *, grace_days: int) -> date | None:
    """The day on which the next captured stage is overdue, if nobody claims it."""
    query = select(func.min(Milestone.due)).where(
        *_of(tenant, Milestone),
        Milestone.status == "planned",
        col(Milestone.capture_id).is_not(None),
        _has_not_stopped(),
    )
    due = tx.exec(query).one()
    return due + timedelta(days=grace_days + 1) if due else None


def view(row: MilestoneStop) -> dict[str, Any]:
    """A stop as operators see it."""
    return {
        "id": row.id,
        "merchant": row.merchant_id,
        "mode": row.mode,
        "reason": row.reason,
        "cause": row.cause,
        "stopped_by": row.stopped_by,
        "stopped_at": row.stopped_at.isoformat(),
        "lifted_by": row.lifted_by,
        "lifted_because": row.lifted_because,
        "lifted_at": row.lifted_at and row.lifted_at.isoformat(),
    }


def _overdue(tenant: Tenant, last: date) -> Any:
    return select(Milestone.id).where(
        *_of(tenant, Milestone),
        Milestone.status == "planned",
        col(Milestone.due) < last,
        col(Milestone.capture_id).is_not(None),
        _has_not_stopped(),
    )


def _has_not_stopped() -> Any:
    return ~exists().where(col(MilestoneStop.cause) == Milestone.id)


def _of(tenant: Tenant, table: Any = MilestoneStop) -> tuple[Any, Any]:
    return table.merchant_id == tenant.merchant_id, table.mode == tenant.mode
