"""Export: stream the entries of a range of days into a file, in the formats that other tools read.

However long the range, memory holds a few thousand lines and what each account stands at.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from importlib.util import find_spec
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, Any

from sqlalchemy import Select, func, select

from gateway.core.calendar import shanghai_date
from gateway.core.tenant import Mode
from gateway.db.transactions import Transaction
from gateway.ledger.models import ACCOUNT, ENTRY, POSTING
from gateway.ledger.reports.journals import JOURNALS, Account, Journal, JournalEntry, JournalLine, csv_pieces

FORMATS = (*JOURNALS, "csv", "parquet")
ROWS_AT_ONCE = 2_000
FIRST_DAY, LAST_DAY = date(1900, 1, 1), date(2099, 12, 30)
"""Days that every tool reads, with one more on either side for opening balances and assertions."""

Progress = Callable[[int], object]
"""Told the number of entries written so far, after each."""


@dataclass(frozen=True, slots=True)
class Span:
    """Which entries: effective dates in Shanghai, both ends included, of one or both modes; ``None`` means no limit."""

    start: date | None = None
    end: date | None = None
    mode: Mode | None = None

    def __post_init__(self) -> None:
        """Raise ``ValueError`` for a range that ends before it starts or leaves what tools can read."""
        for day in (self.start, self.end):
            if day is not None and not FIRST_DAY <= day <= LAST_DAY:
                raise ValueError(f"{day} is out of range: expected {FIRST_DAY} to {LAST_DAY}")
        if self.start is not None and self.end is not None and self.end < self.start:
            raise ValueError(f"the range ends on {self.end}, before it starts on {self.start}")

    def of(self, query: Select[Any]) -> Select[Any]:
        """The query, which has entries in it, narrowed to the range."""
        if self.start is not None:
            query = query.where(ENTRY.c.effective_date >= self.start)
        if self.end is not None:
            query = query.where(ENTRY.c.effective_date <= self.end)
        return self.of_mode(query)

    def of_mode(self, query: Select[Any]) -> Select[Any]:
        """The query, which has entries in it, narrowed to the mode only."""
        return query if self.mode is None else query.where(ENTRY.c.mode == self.mode)


@dataclass(slots=True)
class Written:
    """What a file holds: entries, and their lines."""

    entries: int = 0
    lines: int = 0


def check_format(format: str) -> None:
    """Raise ``ValueError`` for an unknown format, or one whose library is not installed."""
    if format not in FORMATS:
        raise ValueError(f"{format!r} is not a supported format: expected {', '.join(FORMATS)}")
    if format == "parquet" and find_spec("pyarrow") is None:
        raise ValueError(
            "parquet needs pyarrow, which is not installed: pip install 'fenqi-gateway[parquet]'"
        )


def export_file(
    tx: Transaction,
    out: Path,
    *,
    format: str,
    span: Span = Span(),
    progress: Progress = lambda done: None,
) -> Written:
    """Write the entries of the range to ``out``, which is created or replaced only when the new file is whole.

    The file is readable by its owner only. Raises ``ValueError`` as ``check_format`` does, and ``OSError`` when
    ``out`` cannot be written or is something else than a file; what stood there before then still does.
    """
    check_format(format)
    target = out.resolve()
    if target.exists() and not target.is_file():
        raise OSError(None, "exists and is not a file", str(out))
    with NamedTemporaryFile("wb", dir=target.parent, prefix=f".{target.name}.", delete=False) as file:
        try:
            written = export(tx, file, format=format, span=span, progress=progress)
            file.flush()
            os.fsync(file.fileno())
            os.replace(file.name, target)
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise
    return written


def export(
    tx: Transaction,
    file: IO[bytes],
    *,
    format: str,
    span: Span = Span(),
    progress: Progress = lambda done: None,
) -> Written:
    """Write the entries to a binary file in the order of effective dates, then of identifiers.

    A journal of a range that starts on a day begins with what the accounts stood at before, as one balanced entry for
    each mode; CSV and Parquet hold the lines of the range only. Raises ``ValueError`` as ``check_format`` does.
    """
    check_format(format)
    written = Written()
    accounts = _accounts(tx, span)
    entries = _counted(_entries(tx, span, accounts), written, progress)
    if format == "parquet":
        from gateway.ledger.reports import parquet  # noqa: PLC0415

        parquet.write(file, entries)
    elif format == "csv":
        _write_text(file, csv_pieces(entries))
    else:
        _write_text(file, _journal_pieces(tx, JOURNALS[format], span, accounts, entries))
    return written


def count(tx: Transaction, span: Span) -> int:
    """How many entries the range has."""
    return int(tx.connection().execute(span.of(select(func.count()).select_from(ENTRY))).scalar_one())


def _write_text(file: IO[bytes], pieces: Iterable[str]) -> None:
    for piece in pieces:
        file.write(piece.encode())


def _counted(entries: Iterable[JournalEntry], written: Written, progress: Progress) -> Iterator[JournalEntry]:
    for entry in entries:
        yield entry
        written.entries += 1
        written.lines += len(entry.lines)
        progress(written.entries)


def _journal_pieces(
    tx: Transaction,
    journal: Journal,
    span: Span,
    accounts: dict[str, Account],
    entries: Iterable[JournalEntry],
) -> Iterator[str]:
    standing = _balances_before(tx, span, accounts)
    first, last = _days(tx, span)
    yield from journal.head(accounts.values(), first, standing)
    for entry in entries:
        for line in entry.lines:
            standing[line.account] = standing.get(line.account, 0) + line.amount_fen
        yield journal.entry(entry)
    yield from journal.foot(last, standing)


def _accounts(tx: Transaction, span: Span) -> dict[str, Account]:
    """The accounts of the modes asked for, by identifier."""
    query = select(ACCOUNT.c.id, ACCOUNT.c.mode, ACCOUNT.c.kind, ACCOUNT.c.owner).order_by(ACCOUNT.c.id)
    if span.mode is not None:
        query = query.where(ACCOUNT.c.mode == span.mode)
    return {row[0]: Account(*row[1:]) for row in tx.connection().execute(query)}


def _balances_before(tx: Transaction, span: Span, accounts: dict[str, Account]) -> dict[Account, int]:
    """What the accounts stood at when the range began, without those at 0."""
    if span.start is None:
        return {}
    total = func.sum(POSTING.c.amount)
    query = (
        select(POSTING.c.account_id, total)
        .join(ENTRY, ENTRY.c.id == POSTING.c.entry_id)
        .where(ENTRY.c.effective_date < span.start)
        .group_by(POSTING.c.account_id)
        .having(total != 0)
        .order_by(POSTING.c.account_id)
    )
    return {accounts[row[0]]: int(row[1]) for row in tx.connection().execute(span.of_mode(query))}


def _days(tx: Transaction, span: Span) -> tuple[date, date]:
    """First and last day of the journal: the range asked for, else that of its entries, else a single day."""
    days = select(func.min(ENTRY.c.effective_date), func.max(ENTRY.c.effective_date))
    first, last = tx.connection().execute(span.of(days)).one()
    one = span.start or span.end or shanghai_date(tx.now)
    return span.start or first or one, span.end or last or one


def _entries(tx: Transaction, span: Span, accounts: dict[str, Account]) -> Iterator[JournalEntry]:
    rows = tx.connection().execute(lines_of(span), execution_options={"yield_per": ROWS_AT_ONCE})
    for _, lines in groupby(rows, key=itemgetter(0)):
        yield _entry(list(lines), accounts)


def lines_of(span: Span) -> Select[Any]:
    """Every line of the range with its entry, in the order of the files."""
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
            POSTING.c.account_id,
            POSTING.c.amount,
            POSTING.c.object_id,
        )
        .join(POSTING, POSTING.c.entry_id == ENTRY.c.id)
        .order_by(ENTRY.c.effective_date, ENTRY.c.id, POSTING.c.line)
    )
    return span.of(query)


def _entry(rows: list[Any], accounts: dict[str, Account]) -> JournalEntry:
    lines = tuple(JournalLine(row[9], accounts[row[10]], row[11], row[12]) for row in rows)
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
