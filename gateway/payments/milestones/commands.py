"""What ``fenqi-gateway milestones …`` does: a person decides contested stages, and stops sellers.

Each function returns the exit code. Who decided and why is recorded with the stage and in the audit log.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from sqlmodel import col, select

from gateway.audit import service as audit
from gateway.audit.service import Actor
from gateway.core.tables import listed
from gateway.core.tenant import Mode, Tenant
from gateway.db.transactions import READ_COMMITTED, Database, Transaction
from gateway.errors import NotFound, WrongState
from gateway.merchants import business_clock
from gateway.merchants import service as merchants
from gateway.payments.milestones import events, notices, service, states, stops
from gateway.payments.milestones.models import Milestone, MilestoneStop
from gateway.payments.refunds import refund


def show_list(
    db: Database,
    *,
    merchant: str | None,
    mode: Mode | None,
    status: str | None,
    untold: bool = False,
    limit: int,
    as_json: bool,
) -> int:
    """Print milestones, newest first; ``untold``: those that were claimed and whose shopper was not told."""
    query = select(Milestone).order_by(col(Milestone.id).desc()).limit(limit)
    for column, value in (
        (Milestone.merchant_id, merchant),
        (Milestone.mode, mode),
        (Milestone.status, status),
    ):
        if value is not None:
            query = query.where(column == value)
    if untold:
        query = query.where(Milestone.status == "claimed", col(Milestone.releases_at).is_(None))
    with db.read() as tx:
        rows = [
            {
                "id": row.id,
                "merchant": row.merchant_id,
                "mode": row.mode,
                "payment": row.payment_id,
                "kind": row.kind,
                "status": row.status,
                "amount_fen": row.amount_fen,
                "returned_fen": row.returned_fen,
                "due": row.due and row.due.isoformat(),
                "releases_at": row.releases_at and row.releases_at.isoformat(),
                "waits_for": "the message to the shopper" if notices.waits(row) else None,
            }
            for row in tx.exec(query)
        ]
    print(listed(rows, as_json=as_json))
    return 0


def show(db: Database, milestone_id: str) -> int:
    """Print a milestone with everything that happened to it, as JSON. Raises ``NotFound``."""
    with db.read() as tx:
        row = _milestone(tx, milestone_id)
        shown = service.ANSWER.dump(service.view(tx, row))
        shown["merchant"] = row.merchant_id
        shown["events"] = [
            {
                "kind": one.kind,
                "by": one.said_by,
                "amount_fen": one.amount_fen,
                "words": one.words,
                "files": one.files or [],
                "at": one.created_at.isoformat(),
            }
            for one in events.of(tx, [row.id])[row.id]
        ]
    print(json.dumps(shown, ensure_ascii=False, indent=2))
    return 0


def release(db: Database, actor: Actor, milestone_id: str, *, person: str, reason: str) -> int:
    """Decide for the merchant. Raises what ``service.release`` raises."""

    def decide(tx: Transaction, row: Milestone) -> None:
        service.release(
            tx,
            Tenant.of(row),
            payment_id=row.payment_id,
            milestone_id=row.id,
            person=person,
            reason=reason,
        )

    _decide(db, actor, milestone_id, "released", person, reason, decide)
    print(f"{milestone_id} is released: it is settled with the next batch.")
    return 0


def cancel(db: Database, actor: Actor, milestone_id: str, *, person: str, reason: str) -> int:
    """Decide for the shopper: what the stage keeps back is refunded. Raises what a refund raises."""

    def decide(tx: Transaction, row: Milestone) -> None:
        if row.status not in states.OPEN or row.capture_id is None:
            told = row.status if row.capture_id else "not captured"
            raise WrongState(f"The milestone is {told}: it cannot be canceled.", param="milestone")
        refund.refund(
            tx,
            Tenant.of(row),
            payment_id=row.payment_id,
            capture_id=row.capture_id,
            amount_fen=row.open_fen,
            refund_reference=None,
            kind="unused_lessons" if row.kind == "lesson" else "return",
            reason=reason,
            initiated_by="system",
            milestone_id=row.id,
        )

    _decide(db, actor, milestone_id, "canceled", person, reason, decide)
    print(f"{milestone_id} is canceled: its amount is refunded to the shopper.")
    return 0


def stop(db: Database, actor: Actor, merchant_id: str, mode: Mode, *, person: str, reason: str) -> int:
    """Stop the stages of a seller. Raises ``NotFound``."""

    def stopped(tx: Transaction) -> str:
        merchants.get(tx, merchant_id)
        tenant = Tenant(merchant_id, mode)
        business_clock.enter(tx, tenant)
        row = stops.stop(tx, tenant, reason=reason, stopped_by=f"person:{person}")
        _record(tx, actor, "milestones.stopped", row.id, merchant_id, mode, person, reason)
        return row.id

    print(f"{db.write(stopped)} stops the stages of {merchant_id} in {mode} mode.")
    return 0


def lift(db: Database, actor: Actor, stop_id: str, *, person: str, reason: str) -> int:
    """Lift a stop; what is due is released by the next job. Raises ``NotFound`` or ``WrongState``."""

    def lifted(tx: Transaction) -> None:
        known = tx.get(MilestoneStop, stop_id)
        if known is not None:
            business_clock.enter(tx, Tenant.of(known))
        row = stops.lift(tx, stop_id, reason=reason, lifted_by=f"person:{person}")
        tenant = Tenant.of(row)
        _record(tx, actor, "milestones.lifted", row.id, tenant.merchant_id, tenant.mode, person, reason)

    db.write(lifted)
    print(f"{stop_id} is lifted.")
    return 0


def show_stops(db: Database, *, merchant: str | None, limit: int, as_json: bool) -> int:
    """Print stops, newest first."""
    query = select(MilestoneStop).order_by(col(MilestoneStop.id).desc()).limit(limit)
    if merchant is not None:
        query = query.where(MilestoneStop.merchant_id == merchant)
    with db.read() as tx:
        rows = [stops.view(row) for row in tx.exec(query)]
    print(listed(rows, as_json=as_json))
    return 0


def _decide(
    db: Database,
    actor: Actor,
    milestone_id: str,
    what: str,
    person: str,
    reason: str,
    act: Callable[[Transaction, Milestone], Any],
) -> None:
    def decided(tx: Transaction) -> None:
        row = _milestone(tx, milestone_id)
        tenant = Tenant.of(row)
        business_clock.enter(tx, tenant)
        declared = row.declared
        act(tx, row)
        if declared:
            notices.queue(tx, row, what)
        _record(tx, actor, f"milestone.{what}", row.id, tenant.merchant_id, tenant.mode, person, reason)

    db.write(decided, READ_COMMITTED)


def _record(
    tx: Transaction,
    actor: Actor,
    action: str,
    about: str,
    merchant: str,
    mode: Mode,
    person: str,
    reason: str,
) -> None:
    facts = {"by": person, "reason": reason}
    audit.record(tx, actor, action, about=about, merchant_id=merchant, mode=mode, facts=facts)


def _milestone(tx: Transaction, milestone_id: str) -> Milestone:
    row = tx.get(Milestone, milestone_id)
    if row is None:
        raise NotFound(f"There is no milestone {milestone_id!r}.")
    return row
