"""What time does to milestones: silence releases a claim, days release a capture without a report, a lapse stops."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from sqlmodel import col, func, select, text

from gateway.core.tenant import Tenant, mode_of
from gateway.db.transactions import Transaction
from gateway.payments import deliveries, service
from gateway.payments.disputes import service as disputes
from gateway.payments.milestones import stops
from gateway.payments.milestones.models import MOVES, Milestone
from gateway.payments.milestones.service import release_stage
from gateway.payments.models import Capture

if TYPE_CHECKING:
    from gateway.config import Settings


def stop_due(tx: Transaction, tenant: Tenant, settings: Settings) -> int:
    """Stop a seller whose stages were not claimed in time, or are contested; returns how many stops that made.

    Safe to run twice or late: a milestone stops its seller once.
    """
    found = _causes(tx, tenant, settings)
    for milestone, reason in found[:1]:
        stops.stop(tx, tenant, reason=reason, stopped_by=stops.JOB, cause=milestone)
    return len(found[:1])


def release_due(tx: Transaction, tenant: Tenant, *, limit: int = 50) -> int:
    """Release up to ``limit`` stages about which nobody has said anything in time; returns how many.

    Nothing of a seller whose stages are stopped, nor of a payment that is disputed. Safe to run twice, late or in
    parallel.
    """
    if stops.stopped_since(tx, tenant) is not None:
        return 0
    query = _to_release(select(Milestone.id, Milestone.payment_id), tenant).where(
        col(Milestone.releases_at) <= tx.now
    )
    due = list(tx.exec(query.order_by(col(Milestone.releases_at)).limit(limit)))
    done = 0
    for payment_id in sorted({payment_id for _, payment_id in due}):
        payment = service.locked(tx, tenant, payment_id)
        if service.is_disputed(tx, payment):
            continue
        for id in sorted(id for id, of in due if of == payment_id):
            row = tx.get_one(Milestone, id)
            tx.refresh(row)
            if row.status in ("planned", "claimed") and row.releases_at and row.releases_at <= tx.now:
                release_stage(tx, payment, row, _said_by(tx, row))
                done += 1
    return done


def tenants_with_due(tx: Transaction, *, today: date) -> list[Tenant]:
    """Merchants with stages to release or overdue by the machine's time; a test clock is never behind it."""
    found: set[tuple[str, str]] = set()
    for condition in (
        (text(MOVES), col(Milestone.releases_at) <= tx.wall),
        (text("status = 'planned'"), col(Milestone.due) < today),
        (text("status = 'contested'"),),
    ):
        found |= set(tx.exec(select(Milestone.merchant_id, Milestone.mode).where(*condition).distinct()))
    return [Tenant(merchant, mode_of(mode)) for merchant, mode in sorted(found)]


def next_release(tx: Transaction, tenant: Tenant) -> datetime | None:
    """When the next stage is released by silence or by its days; None while the seller is stopped."""
    if stops.stopped_since(tx, tenant) is not None:
        return None
    return tx.exec(_to_release(select(func.min(Milestone.releases_at)), tenant)).one()


def next_stop(tx: Transaction, tenant: Tenant, settings: Settings) -> date | None:
    """The day on which a stage that nobody claims stops its seller; None while that is stopped."""
    if stops.stopped_since(tx, tenant) is not None:
        return None
    return stops.next_overdue(tx, tenant, grace_days=settings.milestone_grace_days)


def has_stop_due(tx: Transaction, tenant: Tenant, settings: Settings) -> bool:
    """Whether the seller is to be stopped now."""
    return bool(_causes(tx, tenant, settings))


def _causes(tx: Transaction, tenant: Tenant, settings: Settings) -> list[tuple[str, str]]:
    """What stops a seller now, unless it is stopped: milestones, each with the reason."""
    if stops.stopped_since(tx, tenant) is not None:
        return []
    grace_days, contests = settings.milestone_grace_days, settings.milestone_contests
    return stops.causes(tx, tenant, grace_days=grace_days, contests=contests)


def _to_release(query: Any, tenant: Tenant) -> Any:
    return query.where(
        Milestone.merchant_id == tenant.merchant_id,
        Milestone.mode == tenant.mode,
        text(MOVES),
        col(Milestone.releases_at).is_not(None),
        ~disputes.runs_about(Milestone.payment_id),
    )


def _said_by(tx: Transaction, row: Milestone) -> str:
    """What releases a stage whose time has come: nobody said anything, or a delivery was reported, or days are over."""
    if row.declared:
        return "silence"
    return "days" if deliveries.delivered_at(tx.get_one(Capture, row.capture_id)) is None else "delivery"
