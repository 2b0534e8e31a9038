"""What ``fenqi-gateway payment …`` does. Returns the exit code."""

from __future__ import annotations

from sqlmodel import col, select

from gateway.core.tables import listed
from gateway.core.tenant import Mode
from gateway.db.transactions import Database
from gateway.payments import service
from gateway.payments.models import Payment


def show(db: Database, *, merchant: str | None, mode: Mode | None, limit: int, as_json: bool) -> int:
    """Print the newest payments, of all merchants or of one; nothing names the shopper."""
    query = select(Payment).order_by(col(Payment.id).desc()).limit(limit)
    if merchant:
        query = query.where(Payment.merchant_id == merchant)
    if mode:
        query = query.where(Payment.mode == mode)
    with db.read() as tx:
        rows = [
            {
                "id": payment.id,
                "merchant": payment.merchant_id,
                "mode": payment.mode,
                "status": service.status_of(payment),
                "amount_fen": payment.amount_fen,
                "captured_fen": payment.captured_fen,
                "refunded_fen": payment.refunded_fen,
                "term": payment.term,
                "merchant_reference": payment.merchant_reference,
                "created_at": payment.created_at.isoformat(),
            }
            for payment in tx.exec(query)
        ]
    print(listed(rows, as_json=as_json))
    return 0
