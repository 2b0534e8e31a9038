"""Ledger entries as facts: they are chained and guarded, so what else is stored is measured against them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, select

from gateway.core.calendar import shanghai_date
from gateway.db.tables import metadata

ENTRY, POSTING, ACCOUNT = (metadata().tables[f"ledger_{noun}"] for noun in ("entry", "posting", "account"))
IDS_AT_ONCE = 5_000


@dataclass(slots=True)
class Entry:
    """One entry with its lines: kind and owner of the account, signed fen (debit above 0), what the line is about."""

    id: str
    kind: str
    key: str
    about: str
    on: date
    recorded_at: datetime
    reverses: str | None
    lines: list[tuple[str, str, int, str]] = field(default_factory=list)

    @property
    def order(self) -> tuple[datetime, str]:
        """Entries are sorted by it: business time, then the identifiers, which rise."""
        return self.recorded_at, self.id.rpartition("_")[2]

    @property
    def recorded_day(self) -> date:
        """The business day on which it was recorded (Shanghai)."""
        return shanghai_date(self.recorded_at)

    def of(self, *kinds: str, about: str | None = None) -> int:
        """The signed sum on accounts of these kinds (fen)."""
        return sum(amount for kind, _, amount, what in self.lines if kind in kinds and about in (None, what))

    def owner(self, kind: str) -> str | None:
        """Whose account of this kind it posts to."""
        return next((owner for name, owner, _, _ in self.lines if name == kind), None)

    def touches(self, about: str) -> bool:
        """Whether it or one of its lines is about an object."""
        return self.about == about or any(what == about for _, _, _, what in self.lines)


@dataclass(slots=True)
class Entries:
    """The entries about some objects, by key, by id, and by what they are about."""

    by_key: dict[str, Entry] = field(default_factory=dict)
    by_id: dict[str, Entry] = field(default_factory=dict)
    by_about: dict[str, list[Entry]] = field(default_factory=dict)
    reversed_by: dict[str, Entry] = field(default_factory=dict)

    def about(self, *ids: str) -> list[Entry]:
        """Entries about objects, in the order in which they were recorded."""
        return sorted((entry for id in ids for entry in self.by_about.get(id, ())), key=lambda one: one.order)


def entries_about(connection: Connection, ids: Sequence[str]) -> Entries:
    """All entries about these objects, with their lines, in a few statements."""
    book = Entries()
    for start in range(0, len(ids), IDS_AT_ONCE):
        some = ids[start : start + IDS_AT_ONCE]
        query = (
            select(
                ENTRY.c.id,
                ENTRY.c.kind,
                ENTRY.c.key,
                ENTRY.c.object_id,
                ENTRY.c.effective_date,
                ENTRY.c.recorded_at,
                ENTRY.c.reverses,
                ACCOUNT.c.kind.label("account"),
                ACCOUNT.c.owner,
                POSTING.c.amount,
                POSTING.c.object_id.label("line_about"),
            )
            .join(POSTING, POSTING.c.entry_id == ENTRY.c.id)
            .join(ACCOUNT, ACCOUNT.c.id == POSTING.c.account_id)
            .where(ENTRY.c.object_id.in_(some))
        )
        _gather(book, connection.execute(query))
    return book


def _gather(book: Entries, rows: Iterable[Any]) -> None:
    for id, kind, key, about, on, recorded_at, reverses, account, owner, amount, line_about in rows:
        entry = book.by_id.get(id)
        if entry is None:
            entry = book.by_id[id] = Entry(id, kind, key, about, on, recorded_at, reverses)
            book.by_key[key] = entry
            book.by_about.setdefault(about, []).append(entry)
            if reverses is not None:
                book.reversed_by[reverses] = entry
        entry.lines.append((account, owner, amount, line_about))
