"""Export: stream the journal of a range of days into a file, in the formats that accounting tools read."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from itertools import groupby
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from sqlalchemy import func, select

from gateway.core.calendar import shanghai_date
from gateway.db.transactions import Transaction
from gateway.ledger.journals import FORMATS, Account, JournalEntry, JournalLine
from gateway.ledger.models import ACCOUNT, ENTRY, POSTING

ROWS_AT_ONCE = 2_000


def export(tx: Transaction, *, format: str, start: date | None, end: date | None) -> Iterator[str]:
    """The text of the journal, piece by piece, in the order of effective dates (Shanghai, both ends included).

    With ``start``, what the accounts stood at before is written as opening balances (not in CSV, which has rows only).
    Raises ``ValueError`` for an unknown format or a range that ends before it starts.
    """
    if format not in FORMATS:
        raise ValueError(f"{format!r} is no format: want {', '.join(FORMATS)}")
    if start is not None and end is not None and end < start:
        raise ValueError(f"the range ends on {end}, before it starts on {start}")
    return _pieces(tx, format, start, end)


def export_file(tx: Transaction, out: Path, *, format: str, start: date | None, end: date | None) -> None:
    """Write the journal to ``out``, which appears only when it is whole. Raises ``ValueError`` and ``OSError``."""
    pieces = export(tx, format=format, start=start, end=end)
    with NamedTemporaryFile(
        "w", encoding="utf-8", newline="", dir=out.parent, prefix=f".{out.name}.", delete=False
    ) as file:
        try:
            file.writelines(pieces)
            file.flush()
            os.fsync(file.fileno())
            os.replace(file.name, out)
        except BaseException:
            os.unlink(file.name)
            raise


def _pieces(tx: Transaction, format: str, start: date | None, end: date | None) -> Iterator[str]:
    journal = FORMATS[format]
    opening = _balances_before(tx, start)
    standing: dict[Account, int] = defaultdict(int, opening)
    first, last = _days(tx, start, end)
    yield from journal.head(_accounts(tx), first, opening)
    for entry in _entries(tx, start, end):
        for line in entry.lines:
            standing[line.account] += line.amount_fen
        yield from journal.entry(entry)
    yield from journal.foot(last, standing)


def _accounts(tx: Transaction) -> Iterator[Account]:
    query = select(ACCOUNT.c.mode, ACCOUNT.c.kind, ACCOUNT.c.owner).order_by(ACCOUNT.c.id)
    for row in tx.connection().execute(query):
        yield Account(*row)


def _balances_before(tx: Transaction, start: date | None) -> dict[Account, int]:
    if start is None:
        return {}
    total = func.sum(POSTING.c.amount)
    query = (
        select(ACCOUNT.c.mode, ACCOUNT.c.kind, ACCOUNT.c.owner, total)
        .join(POSTING, POSTING.c.account_id == ACCOUNT.c.id)
        .join(ENTRY, ENTRY.c.id == POSTING.c.entry_id)
        .where(ENTRY.c.effective_date < start)
        .group_by(ACCOUNT.c.mode, ACCOUNT.c.kind, ACCOUNT.c.owner)
        .having(total != 0)
        .order_by(ACCOUNT.c.mode, ACCOUNT.c.kind, ACCOUNT.c.owner)
    )
    return {Account(row[0], row[1], row[2]): int(row[3]) for row in tx.connection().execute(query)}


def _days(tx: Transaction, start: date | None, end: date | None) -> tuple[date, date]:
    """First and last day of the journal: the range asked for, else that of the book, else today."""
    query = select(func.min(ENTRY.c.effective_date), func.max(ENTRY.c.effective_date))
    first, last = tx.connection().execute(query).one()
    today = shanghai_date(tx.now)
    return start or first or end or today, end or last or start or today


def _entries(tx: Transaction, start: date | None, end: date | None) -> Iterator[JournalEntry]:
    query = (
        select(
            ENTRY.c.id,
            ENTRY.c.kind,
            ENTRY.c.key,
            ENTRY.c.reverses,
            ENTRY.c.object_type,
            ENTRY.c.object_id,
            ENTRY.c.merchant_id,
            ENTRY.c.effective_date,
            ENTRY.c.recorded_at,
            POSTING.c.line,
            ACCOUNT.c.mode,
            ACCOUNT.c.kind,
            ACCOUNT.c.owner,
            POSTING.c.amount,
            POSTING.c.object_id,
        )
        .join(POSTING, POSTING.c.entry_id == ENTRY.c.id)
        .join(ACCOUNT, ACCOUNT.c.id == POSTING.c.account_id)
        .order_by(ENTRY.c.effective_date, ENTRY.c.id, POSTING.c.line)
    )
    if start is not None:
        query = query.where(ENTRY.c.effective_date >= start)
    if end is not None:
        query = query.where(ENTRY.c.effective_date <= end)
    rows = tx.connection().execute(query, execution_options={"yield_per": ROWS_AT_ONCE})
    for _, lines in groupby(rows, key=lambda row: str(row[0])):
        yield _entry([tuple(line) for line in lines])


def _entry(rows: list[tuple[Any, ...]]) -> JournalEntry:
    lines = tuple(
        JournalLine(number, Account(mode, kind, owner), amount, about)
        for number, mode, kind, owner, amount, about in (row[9:] for row in rows)
    )
    id, kind, key, reverses, about_type, about_id, merchant_id, effective_date, recorded_at = rows[0][:9]
    return JournalEntry(
        id=id,
        kind=kind,
        key=key,
        reverses=reverses,
        about_type=about_type,
        about_id=about_id,
        merchant_id=merchant_id,
        effective_date=effective_date,
        recorded_at=recorded_at,
        lines=lines,
    )
