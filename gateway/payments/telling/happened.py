"""What has happened is told: messages follow from recorded events, read in their order, so none is told of nothing.

Nothing of this is part of the request or job that made the event: it is read a moment later, by a job of the merchant.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from gateway.checkout import addressee
from gateway.core.tenant import Tenant
from gateway.db.transactions import Transaction
from gateway.messages import service as messages
from gateway.payments.models import Payment
from gateway.webhooks import service as events

if TYPE_CHECKING:
    from gateway.webhooks.models import Event

TYPES = ("checkout.approved", "checkout.declined", "checkout.canceled", "refund.succeeded")
USEFUL_DECISION, USEFUL_REFUND = timedelta(days=7), timedelta(days=14)
BATCH = 100


def tell(tx: Transaction, tenant: Tenant, *, limit: int = BATCH) -> int:
    """Plan the messages that follow from up to ``limit`` events; returns how many were read.

    Safe to run twice, late or in parallel: the merchant's progress is locked, and the same thing is told once.
    """
    reached = messages.progress(tx, tenant)
    found = events.events_since(tx, tenant, reached.position, types=TYPES, limit=limit)
    for event in found:
        if event.type == "refund.succeeded":
            _refund(tx, tenant, event)
        else:
            _decision(tx, tenant, event)
    if found:
        messages.note_events(tx, reached, position=found[-1].position)
    return len(found)


def has_untold(tx: Transaction, tenant: Tenant) -> bool:
    """Whether an event of the merchant waits to be told."""
    position, _ = messages.seen(tx, tenant)
    return bool(events.events_since(tx, tenant, position, types=TYPES, limit=1))


def _decision(tx: Transaction, tenant: Tenant, event: Event) -> None:
    """An application was decided; one that was canceled is told only where a person was to decide it."""
    shopper_id, _, was_in_review = addressee.of_checkout(tx, event.object_id)
    kind = event.type.removeprefix("checkout.")
    if shopper_id is None or (kind == "canceled" and not was_in_review):
        return
    messages.plan(
        tx,
        tenant,
        shopper_id=shopper_id,
        kind="review_ended" if kind == "canceled" else kind,
        about=event.object_id,
        facts={"checkout": event.object_id},
        at=event.created_at,
        useful=USEFUL_DECISION,
    )


def _refund(tx: Transaction, tenant: Tenant, event: Event) -> None:
    payment = tx.get_one(Payment, event.data["payment"])
    messages.plan(
        tx,
        tenant,
        shopper_id=payment.shopper_id,
        kind="refunded",
        about=event.object_id,
        facts={
            "payment": payment.id,
            "amount_fen": event.data["amount"],
            "reduction_fen": event.data["loan_reduction"],
            "returned_fen": event.data["returned_to_shopper"],
        },
        at=event.created_at,
        useful=USEFUL_REFUND,
    )
