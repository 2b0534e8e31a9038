"""Reading the books: the lines of a merchant's accounts, newest first, and the entries about an object."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from typing import Any

from sqlalchemy import Row, RowMapping, Subquery, func, select, tuple_, union, union_all
from sqlalchemy.sql import ColumnElement, Select

from gateway.core.tenant import Tenant
from gateway.db.parts import in_parts
from gateway.db.transactions import Transaction
from gateway.db.types import Day
from gateway.ledger.booking.accounts import MERCHANT_KINDS, account_id
from gateway.ledger.models import ACCOUNT, ENTRY, LATE, POSTING

LINES_AT_ONCE = 2_000


@dataclass(frozen=True, slots=True)
class MerchantLine:
    """One line of a merchant's account; ``amount_fen`` is signed from the merchant's side: above 0 is owed to it."""

    entry_id: str
    line: int
    kind: str
    account: str
    amount_fen: int
    object_id: str
    about_type: str
    about_id: str
    effective_date: date
    recorded_at: datetime
    value_date: date
    """Its own day, where that month was closed when it was reported; else the effective date."""


@dataclass(frozen=True, slots=True)
class BookedLine:
    """A line of a whole entry; ``amount_fen`` is signed as in the books: debit above 0."""

    line: int
    account: str
    owner: str
    amount_fen: int
    object_id: str


@dataclass(frozen=True, slots=True)
class Booked:
    """A whole entry with all its lines."""

    id: str
    kind: str
    key: str
    about_type: str
    about_id: str
    reverses: str | None
    effective_date: date
    recorded_at: datetime
    lines: tuple[BookedLine, ...]


def lines_of(
    tx: Transaction,
    tenant: Tenant,
    *,
    start: date | None = None,
    end: date | None = None,
    object_ids: Collection[str] = (),
    limit: int,
    before: tuple[str, int] | None = None,
) -> list[MerchantLine]:
    """At most ``limit`` lines of the merchant's own accounts, newest first.

    ``start`` and ``end`` are effective dates in Shanghai, both included; ``object_ids``, when there are any, keeps the
    lines about these objects; ``before`` is the (entry, line) after which a page goes on.
    """
    filters = _filters(start, end, object_ids)
    if before is not None:
        filters.append(tuple_(POSTING.c.entry_id, POSTING.c.line) < tuple_(*before))
    # One bounded walk down the index for each account, then the newest of all: no account is ever read whole.
    newest = _of_accounts(
        tenant,
        lambda walk: (
            walk.where(*filters)
            .order_by(POSTING.c.entry_id.desc(), POSTING.c.line.desc())
            .limit(limit)
            .subquery()
            .select()
        ),
    )
    query = newest.select().order_by(newest.c.entry_id.desc(), newest.c.line.desc()).limit(limit)
    return [_merchant_line(row) for row in tx.connection().execute(query).mappings()]


def all_lines_of(
    tx: Transaction,
    tenant: Tenant,
    *,
    start: date | None = None,
    end: date | None = None,
    object_ids: Collection[str] = (),
) -> Iterator[MerchantLine]:
    """All that ``lines_of`` would show page by page, oldest first, streamed."""
    filters = _filters(start, end, object_ids)
    found = _of_accounts(tenant, lambda walk: walk.where(*filters))
    query = found.select().order_by(found.c.entry_id, found.c.line)
    rows = tx.connection().execute(query, execution_options={"yield_per": LINES_AT_ONCE})
    return (_merchant_line(row) for row in rows.mappings())


def _filters(start: date | None, end: date | None, object_ids: Collection[str]) -> list[ColumnElement[bool]]:
    filters: list[ColumnElement[bool]] = []
    if start is not None:
        filters.append(ENTRY.c.effective_date >= start)
    if end is not None:
        filters.append(ENTRY.c.effective_date <= end)
    if object_ids:
        found = select(POSTING.c.entry_id).where(POSTING.c.object_id.in_(object_ids))
        filters += [POSTING.c.entry_id.in_(found), POSTING.c.object_id.in_(object_ids)]
    return filters


def _merchant_line(row: RowMapping) -> MerchantLine:
    return MerchantLine(**{**row, "amount_fen": -row["amount_fen"]})


def entries_about(tx: Transaction, tenant: Tenant, object_ids: Collection[str]) -> list[Booked]:
    """The merchant's entries that are about one of the objects, or have a line that is; oldest first, whole."""
    about = select(ENTRY.c.id).where(ENTRY.c.object_id.in_(object_ids))
    touched = select(POSTING.c.entry_id).where(POSTING.c.object_id.in_(object_ids))
    query = (
        select(ENTRY, POSTING.c.line, ACCOUNT.c.kind, ACCOUNT.c.owner, POSTING.c.amount, POSTING.c.object_id)
        .join(POSTING, POSTING.c.entry_id == ENTRY.c.id)
        .join(ACCOUNT, ACCOUNT.c.id == POSTING.c.account_id)
        .where(
            ENTRY.c.merchant_id == tenant.merchant_id,
            ENTRY.c.mode == tenant.mode,
            ENTRY.c.id.in_(union(about, touched)),  # OR would walk over every entry
        )
        .order_by(ENTRY.c.id, POSTING.c.line)
    )
    rows = tx.connection().execute(query)
    return [_booked(list(lines)) for _, lines in groupby(rows, key=lambda row: str(row[0]))]


def reversals_of_loans(
    tx: Transaction, tenant: Tenant, drawdowns: Collection[str]
) -> Iterator[tuple[str, str]]:
    """Pairs of a drawdown and an entry that unwound its loan: reversals, and the move of the claims."""
    own = (ENTRY.c.merchant_id == tenant.merchant_id, ENTRY.c.mode == tenant.mode)
    for part in in_parts(sorted(drawdowns)):
        drawn = (
            select(POSTING.c.object_id, POSTING.c.entry_id)
            .join(ACCOUNT, ACCOUNT.c.id == POSTING.c.account_id)
            .where(POSTING.c.entry_id.in_(part), ACCOUNT.c.kind == "loan_principal")
        )
        loans: dict[str, str] = {row[0]: row[1] for row in tx.connection().execute(drawn)}
        names, reverses = sorted(loans), ENTRY.c.reverses.is_not(None)
        about = select(ENTRY.c.object_id, ENTRY.c.id).where(ENTRY.c.object_id.in_(names), reverses, *own)
        touching = (
            select(POSTING.c.object_id, ENTRY.c.id)
            .join(ENTRY, ENTRY.c.id == POSTING.c.entry_id)
            .where(POSTING.c.object_id.in_(names), reverses, *own)
        )
        for loan, entry in tx.connection().execute(union(about, touching)):
            yield loans[loan], entry
        moves = {f"unwound_claim_moved:{loan}": loan for loan in names}
        moved = select(ENTRY.c.key, ENTRY.c.id).where(ENTRY.c.key.in_(sorted(moves)), *own)
        for key, entry in tx.connection().execute(moved):
            yield loans[moves[key]], entry


def reversals_of(tx: Transaction, tenant: Tenant, entry_ids: Collection[str]) -> Iterator[tuple[str, str]]:
    """Pairs of an entry and the merchant's reversal of it."""
    own = (ENTRY.c.merchant_id == tenant.merchant_id, ENTRY.c.mode == tenant.mode)
    for part in in_parts(sorted(entry_ids)):
        query = select(ENTRY.c.reverses, ENTRY.c.id).where(ENTRY.c.reverses.in_(part), *own)
        yield from ((row[0], row[1]) for row in tx.connection().execute(query))


def _of_accounts(tenant: Tenant, narrowed: Callable[[Select[Any]], Select[Any]]) -> Subquery:
    """The lines of the merchant's accounts, those of each as ``narrowed`` has them."""
    names = [account_id(tenant.mode, kind, tenant.merchant_id) for kind in MERCHANT_KINDS]
    return union_all(*(narrowed(_lines_of_account(name)) for name in names)).subquery()


def _lines_of_account(name: str) -> Select[Any]:
    return (
        select(
            POSTING.c.entry_id,
            POSTING.c.line,
            ENTRY.c.kind,
            ACCOUNT.c.kind.label("account"),
            POSTING.c.amount.label("amount_fen"),
            POSTING.c.object_id,
            ENTRY.c.object_type.label("about_type"),
            ENTRY.c.object_id.label("about_id"),
            ENTRY.c.effective_date,
            ENTRY.c.recorded_at,
            func.coalesce(LATE.c.original_date, ENTRY.c.effective_date, type_=Day()).label("value_date"),
        )
        .join(ENTRY, ENTRY.c.id == POSTING.c.entry_id)
        .join(ACCOUNT, ACCOUNT.c.id == POSTING.c.account_id)
        .outerjoin(LATE, LATE.c.entry_id == ENTRY.c.id)
        .where(POSTING.c.account_id == name)
    )


def _booked(rows: list[Row[Any]]) -> Booked:
    first = rows[0]._mapping
    return Booked(
        id=first[ENTRY.c.id],
        kind=first[ENTRY.c.kind],
        key=first[ENTRY.c.key],
        about_type=first[ENTRY.c.object_type],
        about_id=first[ENTRY.c.object_id],
        reverses=first[ENTRY.c.reverses],
        effective_date=first[ENTRY.c.effective_date],
        recorded_at=first[ENTRY.c.recorded_at],
        lines=tuple(
            BookedLine(
                line=row._mapping[POSTING.c.line],
                account=row._mapping[ACCOUNT.c.kind],
                owner=row._mapping[ACCOUNT.c.owner],
                amount_fen=row._mapping[POSTING.c.amount],
                object_id=row._mapping[POSTING.c.object_id],
            )
            for row in rows
        ),
    )
