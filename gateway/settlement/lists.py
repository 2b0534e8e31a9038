"""What lists and files of settlements, their lines and payouts hold: one question behind the API, pages and exports."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel import col, func, select
from sqlmodel.sql.expression import SelectOfScalar

from gateway.core.tenant import Tenant
from gateway.db.transactions import Transaction
from gateway.settlement.models import Payout, SettlementBatch, SettlementLine
from gateway.web.paging import of_days, of_tenant


def settlements(
    tenant: Tenant, *, first: date | None = None, last: date | None = None
) -> SelectOfScalar[SettlementBatch]:
    """The merchant's settlements of some days (Shanghai, both included)."""
    query = of_tenant(SettlementBatch, tenant)
    if first is not None:
        query = query.where(col(SettlementBatch.settled_on) >= first)
    return query if last is None else query.where(col(SettlementBatch.settled_on) <= last)


def lines_of(settlement_id: str) -> SelectOfScalar[SettlementLine]:
    """The lines of one settlement; whose it is was asked before."""
    return select(SettlementLine).where(SettlementLine.batch_id == settlement_id)


def lines(
    tenant: Tenant, *, first: date | None = None, last: date | None = None
) -> SelectOfScalar[SettlementLine]:
    """The lines of the merchant's settlements of some days."""
    of_days = settlements(tenant, first=first, last=last).with_only_columns(col(SettlementBatch.id))
    return select(SettlementLine).where(col(SettlementLine.batch_id).in_(of_days))


def payouts(tenant: Tenant, *, first: date | None = None, last: date | None = None) -> SelectOfScalar[Payout]:
    """The merchant's payouts that were instructed on some days."""
    return of_days(of_tenant(Payout, tenant), col(Payout.created_at), first=first, last=last)


@dataclass(frozen=True, slots=True)
class Paid:
    """A payout that reached the merchant's bank, under the reference that the bank has of it; fen."""

    id: str
    reference: str
    amount_fen: int
    settlement: str
    at: datetime


def paid(tx: Transaction, tenant: Tenant, *, first: date, last: date) -> Iterator[Paid]:
    """The payouts that were paid on some days and not returned, in the order in which they were instructed."""
    query = _paid(tenant, first, last).order_by(col(Payout.id)).execution_options(yield_per=500)
    for row in tx.exec(query):
        assert row.paid_at is not None
        yield Paid(row.id, row.reference or row.id, row.amount_fen, row.settlement_id, row.paid_at)


def paid_total(tx: Transaction, tenant: Tenant, *, first: date, last: date) -> int:
    """What the payouts paid on some days and not returned add up to, in fen."""
    total = _paid(tenant, first, last).with_only_columns(func.sum(col(Payout.amount_fen)))
    return int(tx.connection().execute(total).scalar() or 0)


def _paid(tenant: Tenant, first: date, last: date) -> SelectOfScalar[Payout]:
    query = of_tenant(Payout, tenant, status="paid")
    return of_days(query, col(Payout.paid_at), first=first, last=last)
