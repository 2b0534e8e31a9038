"""What moved for a merchant, read for a comparison with somebody else's file: nothing is kept in memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlmodel import col, select

from gateway.core.calendar import SHANGHAI, shanghai_date
from gateway.core.tenant import Tenant
from gateway.db.transactions import Transaction
from gateway.settlement.batch import SIGNS
from gateway.settlement.models import Payout, SettlementLine

AT_ONCE = 5_000


@dataclass(frozen=True, slots=True)
class Moved:
    """One movement: fen and fee in fen, signed from the merchant's side, its day (Shanghai), and its other names."""

    id: str
    name: str
    amount_fen: int
    day: date
    moved: bool
    fee_fen: int | None
    also: tuple[str, ...]


def captures_and_refunds(tx: Transaction, tenant: Tenant, *, since: date, until: date) -> Iterator[Moved]:
    """Every capture and refund of a merchant from one day to another, under the shop's reference."""
    line = SettlementLine
    query = select(
        line.object_id,
        line.merchant_reference,
        line.kind,
        line.amount_fen,
        line.merchant_fee_fen,
        line.created_at,
        line.payment_id,
    ).where(
        line.merchant_id == tenant.merchant_id,
        line.mode == tenant.mode,
        col(line.kind).in_(("capture", "refund")),
        col(line.created_at) >= _begin(since),
        col(line.created_at) < _begin(until + timedelta(days=1)),
    )
    for of, reference, kind, amount, fee, at, payment in tx.exec(query.execution_options(yield_per=AT_ONCE)):
        sign = SIGNS[kind][1]
        also = (payment, of.partition(":")[0])
        yield Moved(of, reference, sign * amount, shanghai_date(at), True, sign * fee, also)


def payouts(tx: Transaction, tenant: Tenant, *, since: date, until: date) -> Iterator[Moved]:
    """Every payout to a merchant that was made from one day to another, under the institution's reference."""
    columns = (
        Payout.id,
        Payout.reference,
        Payout.amount_fen,
        Payout.status,
        Payout.created_at,
        Payout.paid_at,
    )
    query = select(*columns).where(  # type: ignore[call-overload] - more columns than it has overloads for
        Payout.merchant_id == tenant.merchant_id,
        Payout.mode == tenant.mode,
        col(Payout.created_at) >= _begin(since),
        col(Payout.created_at) < _begin(until + timedelta(days=1)),
    )
    for id, reference, amount, status, created_at, paid_at in tx.exec(
        query.execution_options(yield_per=AT_ONCE)
    ):
        day = shanghai_date(paid_at or created_at)
        yield Moved(id, reference or id, amount, day, status == "paid", None, (id,))


def _begin(day: date) -> datetime:
    return datetime.combine(day, time(), SHANGHAI)
