"""Refunds are found, shown, and told of; ``refund.py`` makes them."""

from __future__ import annotations

from typing import Any

from sqlmodel import select

from gateway.core.tenant import Tenant
from gateway.db.ownership import owned
from gateway.db.transactions import Transaction
from gateway.payments.models import Refund
from gateway.payments.schemas import RefundAnswer
from gateway.webhooks import service as events

ANSWER = RefundAnswer()


def get(tx: Transaction, tenant: Tenant, refund_id: str) -> Refund:
    """The merchant's refund. Raises ``NotFound``."""
    return owned(tx.get(Refund, refund_id), tenant, "refund", refund_id)


def decide(tx: Transaction, refund_id: str, status: str) -> None:
    """What the refund waited for has come out: the shopper has the money, or could not be paid."""
    row = tx.exec(select(Refund).where(Refund.id == refund_id).with_for_update()).one()
    row.status = status
    note(tx, row)


def note(tx: Transaction, row: Refund) -> None:
    """Record the event of a refund's outcome; it carries the refund as it now is."""
    tx.add(row)
    tx.flush()
    events.record(tx, Tenant.of(row), f"refund.{row.status}", object_id=row.id, data=ANSWER.dump(view(row)))


def view(row: Refund) -> dict[str, Any]:
    """The refund as the API shows it."""
    return {
        "id": row.id,
        "mode": row.mode,
        "status": row.status,
        "payment": row.payment_id,
        "capture": row.capture_id,
        "refund_reference": row.refund_reference,
        "kind": row.kind,
        "reason": row.reason,
        "amount": row.amount_fen,
        "items": row.items or [],
        "loan_reduction": row.loan_reduction_fen,
        "returned_to_shopper": row.to_shopper_fen,
        "merchant_fee_returned": row.merchant_fee_returned_fen,
        "merchant_subsidy_returned": row.merchant_subsidy_returned_fen,
        "initiated_by": row.initiated_by,
        "created_at": row.created_at,
    }
