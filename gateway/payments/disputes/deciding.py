"""A person of the gateway decides a dispute, in live as in test mode: who, why, and that the merchant was heard."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlmodel import col, select
from sqlmodel.sql.expression import SelectOfScalar

from gateway.audit import service as audit
from gateway.audit.service import Actor
from gateway.core.tenant import Tenant, mode_of
from gateway.db.transactions import Transaction
from gateway.errors import NotFound, WrongState
from gateway.merchants import business_clock
from gateway.operators import decisions
from gateway.payments.disputes import service
from gateway.payments.disputes.service import OPEN
from gateway.payments.models import Dispute


def wanted(
    *, merchant: str | None = None, mode: str | None = None, status: str | None = None
) -> SelectOfScalar[Dispute]:
    """The disputes of everybody, or of a merchant, in a mode or a state."""
    query = select(Dispute)
    for column, value in (
        (Dispute.merchant_id, merchant),
        (Dispute.mode, mode),
        (Dispute.status, status),
    ):
        if value is not None:
            query = query.where(column == value)
    return query


def waiting(tx: Transaction, *, mode: str | None, limit: int) -> list[Dispute]:
    """Disputes that are not decided, those whose time to answer ends first in front."""
    query = wanted(mode=mode).where(col(Dispute.status).in_(OPEN))
    return list(tx.exec(query.order_by(col(Dispute.respond_by), col(Dispute.id)).limit(limit)))


def get(tx: Transaction, dispute_id: str) -> Dispute:
    """A dispute of whichever merchant. Raises ``NotFound``."""
    found = tx.get(Dispute, dispute_id)
    if found is None:
        raise _unknown(dispute_id)
    return found


def decide(
    tx: Transaction,
    dispute_id: str,
    *,
    outcome: str,
    reason: str,
    actor: Actor,
    facts: dict[str, Any],
) -> Dispute:
    """Decide ``won`` (the merchant is right), ``lost`` or ``canceled`` (the shopper took it back), with its effects.

    The same decision again changes nothing and is recorded once. Raises ``NotFound``; ``InvalidRequest`` for the
    reason; ``WrongState`` for another decision, and for ``lost`` while the merchant may still answer.
    """
    why, tenant = decisions.reason(reason), _tenant(tx, dispute_id)
    business_clock.enter(tx, tenant)
    before = service.locked(tx, tenant, dispute_id)
    was = before.status
    if was == outcome:
        return before
    if outcome == "lost" and was == "needs_response" and tx.now < before.respond_by:
        raise WrongState(
            f"The merchant may answer until {before.respond_by:%Y-%m-%dT%H:%M:%SZ}: decide for the shopper after its "
            "answer, or after that time.",
            param="outcome",
        )
    found = service.resolve(tx, tenant, dispute_id, outcome=outcome)
    audit.record(
        tx,
        actor,
        "disputes.resolve",
        about=dispute_id,
        merchant_id=tenant.merchant_id,
        mode=tenant.mode,
        facts={"was": was, "outcome": outcome, "reason": why, **facts},
    )
    return found


def views(tx: Transaction, rows: Sequence[Dispute]) -> list[dict[str, Any]]:
    """Disputes with their merchant, and whether the time to answer is over while nothing is decided."""
    business_clock.read_ahead(tx, {row.merchant_id for row in rows if row.mode == "test"})
    return [
        {
            **service.view(row),
            "merchant": row.merchant_id,
            "overdue": row.status in OPEN
            and row.respond_by <= business_clock.business_now(tx, Tenant.of(row)),
        }
        for row in rows
    ]


def _tenant(tx: Transaction, dispute_id: str) -> Tenant:
    """Whose a dispute is; the row itself is read once it is locked."""
    query = select(Dispute.merchant_id, Dispute.mode).where(Dispute.id == dispute_id)
    found = tx.exec(query).first()
    if found is None:
        raise _unknown(dispute_id)
    return Tenant(found[0], mode_of(found[1]))


def _unknown(dispute_id: str) -> NotFound:
    return NotFound(f"There is no dispute {dispute_id!r}.")
