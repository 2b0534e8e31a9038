"""What may close: the one condition under which a settlement line goes into the batch of a day."""

from __future__ import annotations

from datetime import date

from sqlalchemy import ColumnElement, and_, literal, select, true, union_all
from sqlmodel import col

from gateway.core.tenant import MODES, Tenant, mode_of
from gateway.db.transactions import Transaction
from gateway.merchants import service as merchants
from gateway.settlement.models import SettlementBatch, SettlementLine


def waiting_lines(tenant: Tenant | None = None) -> ColumnElement[bool]:
    """The lines that wait for a batch and for nothing else than their day; of everybody without a tenant."""
    waiting = col(SettlementLine.batch_id).is_(None)
    if tenant is None:
        return waiting
    return and_(
        col(SettlementLine.merchant_id) == tenant.merchant_id,
        col(SettlementLine.mode) == tenant.mode,
        waiting,
    )


def ready_lines(tenant: Tenant | None, on: date) -> ColumnElement[bool]:
    """The lines that the batch of a day takes."""
    return and_(waiting_lines(tenant), col(SettlementLine.settlement_date) <= on)


def last_closings(tx: Transaction) -> list[tuple[Tenant, int]]:
    """What the last batch of each merchant and mode carried (fen), if not 0; one look by an index for each."""
    everybody = merchants.everybody()
    modes = union_all(*(select(literal(mode).label("mode")) for mode in MODES)).subquery()
    last = (
        select(col(SettlementBatch.closing_fen))
        .where(col(SettlementBatch.merchant_id) == everybody.c.id, col(SettlementBatch.mode) == modes.c.mode)
        .order_by(col(SettlementBatch.id).desc())
        .limit(1)
        .scalar_subquery()
    )
    query = select(everybody.c.id, modes.c.mode, last).join_from(everybody, modes, true())
    rows = tx.execute(query.order_by(everybody.c.id, modes.c.mode))
    return [(Tenant(merchant, mode_of(mode)), carried) for merchant, mode, carried in rows if carried]
