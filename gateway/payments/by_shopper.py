"""What is still open with a person: payments that may be captured, disputes, money on its way back."""

from __future__ import annotations

from datetime import date

from sqlmodel import col, select

from gateway.core.calendar import shanghai_date
from gateway.db.transactions import Transaction
from gateway.payments.disputes.service import OPEN
from gateway.payments.models import Dispute, Payment, ShopperReturn


def open_payments(tx: Transaction, shopper_id: str) -> list[date]:
    """The days on which the person's authorisations lapse that may still be captured."""
    query = select(Payment).where(Payment.shopper_id == shopper_id)
    return [
        shanghai_date(row.lapses_at)
        for row in tx.exec(query)
        if row.amount_fen > row.captured_fen + row.voided_fen + row.expired_fen
    ]


def open_disputes(tx: Transaction, shopper_id: str) -> list[date]:
    """The days until which the merchant may answer the person's disputes."""
    query = select(Dispute.respond_by).join(Payment, col(Payment.id) == Dispute.payment_id)
    found = tx.exec(query.where(Payment.shopper_id == shopper_id, col(Dispute.status).in_(OPEN)))
    return [shanghai_date(moment) for moment in found]


def pending_returns(tx: Transaction, shopper_id: str) -> int:
    """How many payments back to the person are not confirmed."""
    query = select(ShopperReturn.id).where(
        ShopperReturn.shopper_id == shopper_id, ShopperReturn.status == "pending"
    )
    return len(list(tx.exec(query)))
