"""What belongs to a payment: its captures and lines, and returns in progress; read with two queries."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from sqlalchemy import bindparam
from sqlmodel import col, func, select

from gateway.db.transactions import Transaction
from gateway.payments import lines
from gateway.payments.models import Capture, Payment, Refund, SubsidyClaim
from gateway.settlement import service as settlement

PENDING = select(func.coalesce(func.sum(Refund.to_shopper_fen), 0)).where(
    Refund.payment_id == Capture.payment_id, Refund.status == "pending"
)
CAPTURES = settlement.read_along(
    select(Capture, PENDING.scalar_subquery())
    .where(Capture.payment_id == bindparam("payment"))
    .order_by(col(Capture.id)),
    Capture.id,
)


@dataclass(slots=True)
class Contents:
    """What belongs to one payment; code that adds to it in a transaction also adds it here."""

    standings: lines.Standings
    captures: list[Capture] = field(default_factory=list)
    """The oldest first."""
    settlement_dates: dict[str, date] = field(default_factory=dict)
    claims: list[SubsidyClaim] = field(default_factory=list)
    refund_pending_fen: int = 0


def of_payment(tx: Transaction, payment: Payment) -> Contents:
    """What hangs on the payment now."""
    contents = Contents(lines.of_payment(tx, payment), claims=_claims(tx, payment))
    # Nothing is returned of what was never captured.
    for capture, pending, settlement_date in tx.execute(CAPTURES, {"payment": payment.id}):
        contents.captures.append(capture)
        contents.settlement_dates[capture.id] = settlement_date
        contents.refund_pending_fen = int(pending)
    return contents


def _claims(tx: Transaction, payment: Payment) -> list[SubsidyClaim]:
    if payment.government_subsidy is None:
        return []
    return list(tx.exec(select(SubsidyClaim).where(SubsidyClaim.payment_id == payment.id)))
