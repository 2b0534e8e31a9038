"""The merchant's own side of the ledger: every entry that moves one of its claims, and what became of its payouts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from typing import Any

from sqlalchemy import Select, func, select, union

from gateway.core.tenant import Tenant
from gateway.db.transactions import Transaction
from gateway.db.types import Day
from gateway.ledger.booking.accounts import MERCHANT_KINDS, account_id
from gateway.ledger.models import ACCOUNT, ENTRY, LATE, POSTING

PAYOUT_ENDINGS = ("payout_confirmed", "payout_rejected", "payout_returned")
LINES_AT_ONCE = 2_000


@dataclass(frozen=True, slots=True)
class OwnEntry:
    """An entry that concerns the merchant: all its lines, by kind of account in fen as posted (debit above 0)."""

    id: str
    kind: str
    about_type: str
    about_id: str
    effective_date: date
    recorded_at: datetime
    value_date: date
    lines: tuple[tuple[str, int], ...]


def own_entries(
    tx: Transaction, tenant: Tenant, *, first: date | None, last: date | None
) -> Iterator[OwnEntry]:
    """The entries of some days, in the order of effective dates, then of identifiers; streamed."""
    query = (
        select(
            ENTRY.c.id,
            ENTRY.c.kind,
            ENTRY.c.object_type,
            ENTRY.c.object_id,
            ENTRY.c.effective_date,
            ENTRY.c.recorded_at,
            func.coalesce(LATE.c.original_date, ENTRY.c.effective_date, type_=Day()),
            ACCOUNT.c.kind.label("account"),
            POSTING.c.amount,
        )
        .join(POSTING, POSTING.c.entry_id == ENTRY.c.id)
        .join(ACCOUNT, ACCOUNT.c.id == POSTING.c.account_id)
        .outerjoin(LATE, LATE.c.entry_id == ENTRY.c.id)
        .where(ENTRY.c.id.in_(_concerning(tenant)))
        .order_by(ENTRY.c.effective_date, ENTRY.c.id, POSTING.c.line)
    )
    query = _of_days(query, first, last)
    rows = tx.connection().execute(query, execution_options={"yield_per": LINES_AT_ONCE})
    for _, lines in groupby(rows, key=lambda row: str(row[0])):
        whole: list[Any] = list(lines)
        first_line = whole[0]
        yield OwnEntry(
            id=first_line[0],
            kind=first_line[1],
            about_type=first_line[2],
            about_id=first_line[3],
            effective_date=first_line[4],
            recorded_at=first_line[5],
            value_date=first_line[6],
            lines=tuple((row[7], row[8]) for row in whole),
        )


def own_sums(
    tx: Transaction, tenant: Tenant, *, first: date | None = None, last: date | None = None
) -> list[tuple[str, str, int]]:
    """What the entries of some days add up to: kind of entry, kind of account, fen as posted (debit above 0)."""
    query = (
        select(ENTRY.c.kind, ACCOUNT.c.kind, func.sum(POSTING.c.amount))
        .join(POSTING, POSTING.c.entry_id == ENTRY.c.id)
        .join(ACCOUNT, ACCOUNT.c.id == POSTING.c.account_id)
        .where(ENTRY.c.id.in_(_concerning(tenant)))
        .group_by(ENTRY.c.kind, ACCOUNT.c.kind)
        .order_by(ENTRY.c.kind, ACCOUNT.c.kind)
    )
    rows = tx.connection().execute(_of_days(query, first, last))
    return [(kind, account, int(total)) for kind, account, total in rows]


def _concerning(tenant: Tenant) -> Any:
    """Entries with a line of one of the merchant's accounts, and those that end its payouts."""
    names = [account_id(tenant.mode, kind, tenant.merchant_id) for kind in MERCHANT_KINDS]
    own = select(POSTING.c.entry_id).where(POSTING.c.account_id.in_(names))
    available = account_id(tenant.mode, "merchant_available", tenant.merchant_id)
    instructed = (
        select(ENTRY.c.object_id)
        .join(POSTING, POSTING.c.entry_id == ENTRY.c.id)
        .where(POSTING.c.account_id == available, ENTRY.c.kind == "payout_instructed")
    )
    ended = select(ENTRY.c.id).where(
        ENTRY.c.object_id.in_(instructed),
        ENTRY.c.kind.in_(PAYOUT_ENDINGS),
        ENTRY.c.merchant_id == tenant.merchant_id,
        ENTRY.c.mode == tenant.mode,
    )
    return union(own, ended)


def _of_days(query: Select[Any], first: date | None, last: date | None) -> Select[Any]:
    if first is not None:
        query = query.where(ENTRY.c.effective_date >= first)
    return query if last is None else query.where(ENTRY.c.effective_date <= last)
