"""What is still open with a person: payments that may be captured, disputes, money on its way back."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection as Values
from dataclasses import dataclass
from datetime import date

from sqlmodel import col, select

from gateway.core.calendar import shanghai_date
from gateway.db.parts import in_parts
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


@dataclass(frozen=True, slots=True)
class OnTheWay:
    """Money that goes back to a person: of which loan, how much (fen), and the refund that it belongs to."""

    loan_id: str
    amount_fen: int
    refund_id: str | None


def returns_on_the_way(tx: Transaction, shopper_id: str) -> list[OnTheWay]:
    """Payments back to the person that are not confirmed."""
    query = select(ShopperReturn.loan_id, ShopperReturn.amount_fen, ShopperReturn.refund_id).where(
        ShopperReturn.shopper_id == shopper_id, ShopperReturn.status == "pending"
    )
    return [OnTheWay(*row) for row in tx.exec(query)]


def payments_of(tx: Transaction, payment_ids: Values[str]) -> dict[str, Payment]:
    """Some payments by their ids; whose they are was asked before."""
    found: dict[str, Payment] = {}
    for part in in_parts(payment_ids):
        found |= {row.id: row for row in tx.exec(select(Payment).where(col(Payment.id).in_(part)))}
    return found


def waiting(tx: Transaction, shopper_id: str, *, limit: int) -> list[Payment]:
    """Up to ``limit`` payments of the person that may still be captured, the newest first."""
    left = col(Payment.amount_fen) - Payment.captured_fen - Payment.voided_fen - Payment.expired_fen
    query = select(Payment).where(Payment.shopper_id == shopper_id, left > 0)
    return list(tx.exec(query.order_by(col(Payment.id).desc()).limit(limit)))


def disputes_of(tx: Transaction, payment_ids: Values[str]) -> dict[str, list[Dispute]]:
    """The disputes of some payments, the newest first."""
    found: dict[str, list[Dispute]] = defaultdict(list)
    for part in in_parts(payment_ids):
        query = select(Dispute).where(col(Dispute.payment_id).in_(part))
        for row in tx.exec(query.order_by(col(Dispute.id).desc())):
            found[row.payment_id].append(row)
    return found
