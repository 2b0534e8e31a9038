"""Refunds are written down, found, shown, and told of; ``refund.py`` and ``disputes.py`` make them."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlmodel import col, select
from sqlmodel.sql.expression import SelectOfScalar

from gateway.core.tenant import Tenant
from gateway.db.ownership import owned
from gateway.db.transactions import Transaction
from gateway.payments.models import Payment, Refund
from gateway.payments.refunds.schemas import RefundAnswer
from gateway.web.paging import of_days, of_tenant
from gateway.webhooks import service as events

ANSWER = RefundAnswer()


def create(
    tx: Transaction,
    payment: Payment,
    *,
    amount_fen: int,
    loan_reduction_fen: int,
    to_shopper_fen: int,
    kind: str,
    reason: str,
    initiated_by: str,
    capture_id: str | None,
    refund_id: str | None = None,
    reference: str | None = None,
    fee_returned_fen: int = 0,
    subsidy_returned_fen: int = 0,
    items: list[dict[str, int]] | None = None,
) -> Refund:
    """The record of a refund of ``amount_fen``, to be written with what was returned (``returning.note_returned``).

    Its own id is its reference where it was given none. Where all of it lowers the loan nothing leaves for the
    shopper, so there is nothing to wait for.
    """
    refund_id = refund_id or tx.new_id("rfd")
    row = Refund(
        id=refund_id,
        merchant_id=payment.merchant_id,
        mode=payment.mode,
        payment_id=payment.id,
        capture_id=capture_id,
        refund_reference=reference or refund_id,
        kind=kind,
        reason=reason,
        amount_fen=amount_fen,
        loan_reduction_fen=loan_reduction_fen,
        to_shopper_fen=to_shopper_fen,
        merchant_fee_returned_fen=fee_returned_fen,
        merchant_subsidy_returned_fen=subsidy_returned_fen,
        status="pending" if to_shopper_fen else "succeeded",
        initiated_by=initiated_by,
        items=items,
        created_at=tx.now,
    )
    return row


def get(tx: Transaction, tenant: Tenant, refund_id: str) -> Refund:
    """The merchant's refund. Raises ``NotFound``."""
    return owned(tx.get(Refund, refund_id), tenant, "refund", refund_id)


def listed(
    tenant: Tenant, *, payment: str | None = None, reference: str | None = None, **days: date | None
) -> SelectOfScalar[Refund]:
    """The merchant's refunds, of a payment, under a reference, or of some ``days`` (``first`` and ``last``)."""
    query = of_tenant(Refund, tenant, payment_id=payment, refund_reference=reference)
    return of_days(query, col(Refund.created_at), **days)


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
