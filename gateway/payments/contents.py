"""What belongs to a payment: its captures and lines, and returns in progress; read with two queries."""

from __future__ import annotations

from collections.abc import Sequence
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
    .where(col(Capture.payment_id).in_(bindparam("payments", expanding=True)))
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
    return of_payments(tx, [payment])[payment.id]


def of_payments(tx: Transaction, payments: Sequence[Payment]) -> dict[str, Contents]:
    """What hangs on each payment of a page now, by its id."""
    ids = [payment.id for payment in payments]
    contents = {id: Contents(standings) for id, standings in lines.of_payments(tx, ids).items()}
    # Nothing is returned of what was never captured.
    for capture, pending, settlement_date in tx.execute(CAPTURES, {"payments": ids}):
        its = contents[capture.payment_id]
        its.captures.append(capture)
        its.settlement_dates[capture.id] = settlement_date
        its.refund_pending_fen = int(pending)
    subsidised = [payment.id for payment in payments if payment.government_subsidy is not None]
    if subsidised:
        for claim in tx.exec(select(SubsidyClaim).where(col(SubsidyClaim.payment_id).in_(subsidised))):
            contents[claim.payment_id].claims.append(claim)
    return contents
