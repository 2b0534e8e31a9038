"""What moved for a merchant, read for a comparison with somebody else's file: nothing is kept in memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import select as select_columns
from sqlmodel import SQLModel

from gateway.core.calendar import SHANGHAI, shanghai_date
from gateway.core.tenant import Tenant
from gateway.db.transactions import Transaction
from gateway.settlement.batch import SIGNS

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
    lines = SQLModel.metadata.tables["settlement_line"].c
    columns = (
        lines.object_id,
        lines.merchant_reference,
        lines.kind,
        lines.amount_fen,
        lines.merchant_fee_fen,
    )
    query = select_columns(*columns, lines.created_at, lines.payment_id).where(
        lines.merchant_id == tenant.merchant_id,
        lines.mode == tenant.mode,
        lines.kind.in_(("capture", "refund")),
        *_between(lines.created_at, since, until),
    )
    for of, reference, kind, amount, fee, at, payment in _streamed(tx, query):
        sign = SIGNS[kind][1]
        also = (payment, of.partition(":")[0])
        yield Moved(of, reference, sign * amount, shanghai_date(at), True, sign * fee, also)


def payouts(tx: Transaction, tenant: Tenant, *, since: date, until: date) -> Iterator[Moved]:
    """Every payout to a merchant that was made from one day to another, under the institution's reference.

    One that was paid and came back is two movements. One of which another amount has moved counts with its own amount,
    so that the difference is named.
    """
    rows, lines = (SQLModel.metadata.tables[name] for name in ("payout", "settlement_line"))
    back = (lines.c.kind == "payout_returned") & (lines.c.object_id == rows.c.id)
    columns = [rows.c[name] for name in ("id", "reference", "amount_fen", "status", "created_at", "paid_at")]
    query = (
        select_columns(*columns, rows.c.moved_fen, lines.c.created_at)
        .select_from(rows.outerjoin(lines, back))
        .where(
            rows.c.merchant_id == tenant.merchant_id,
            rows.c.mode == tenant.mode,
            *_between(rows.c.created_at, since, until),
        )
    )
    for id, reference, amount, status, created_at, paid_at, moved_fen, back_at in _streamed(tx, query):
        name, day = reference or id, shanghai_date(paid_at or created_at)
        moved = paid_at is not None or (status != "failed" and bool(moved_fen))
        yield Moved(id, name, amount, day, moved, None, (id,))
        if status == "returned":
            yield Moved(f"{id}:returned", name, -amount, shanghai_date(back_at), True, None, (id,))


def _streamed(tx: Transaction, query: Any) -> Iterator[Any]:
    yield from tx.connection().execute(query.execution_options(yield_per=AT_ONCE))


def _between(column: Any, since: date, until: date) -> tuple[Any, Any]:
    return column >= _begin(since), column < _begin(until + timedelta(days=1))


def _begin(day: date) -> datetime:
    return datetime.combine(day, time(), SHANGHAI)
