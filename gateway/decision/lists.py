"""The lender's lists: whom its fraud desk has blocked or watches, and whom it has known for long.

An entry names a phone or an ID number by its keyed hash. Entries are ended, never deleted.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime
from typing import Any

from sqlalchemy import ScalarSelect, case
from sqlmodel import col, func, select

from gateway.core.tenant import Mode
from gateway.db.transactions import Transaction
from gateway.decision.models import ListEntry
from gateway.errors import NotFound
from gateway.privacy import lookups

KINDS = ("blocked", "watched", "trusted")
"""In the order of what counts when several name a person."""


def add(tx: Transaction, *, mode: Mode, kind: str, lookup: str, note: str, by: str) -> ListEntry:
    """Put a person on a list; someone already on it is left unchanged."""
    query = select(ListEntry).where(
        ListEntry.mode == mode,
        ListEntry.lookup == lookup,
        ListEntry.kind == kind,
        col(ListEntry.ended_at).is_(None),
    )
    known = tx.exec(query.with_for_update()).first()
    if known is not None:
        return known
    entry = ListEntry(
        id=tx.new_id("lst"), mode=mode, kind=kind, lookup=lookup, note=note, added_by=by, created_at=tx.now
    )
    tx.add(entry)
    tx.flush()
    return entry


def end(tx: Transaction, entry_id: str) -> ListEntry:
    """Take an entry off its list; again changes nothing. Raises ``NotFound``."""
    entry = tx.exec(select(ListEntry).where(ListEntry.id == entry_id).with_for_update()).first()
    if entry is None:
        raise NotFound(f"There is no list entry {entry_id!r}.")
    if entry.ended_at is None:
        entry.ended_at = tx.now
        tx.add(entry)
        tx.flush()
    return entry


def in_force(tx: Transaction, mode: Mode) -> list[ListEntry]:
    """Every entry that counts, oldest first."""
    query = select(ListEntry).where(ListEntry.mode == mode, col(ListEntry.ended_at).is_(None))
    return list(tx.exec(query.order_by(col(ListEntry.id))))


def standing(tx: Transaction, *, mode: Mode, lookups: Collection[str]) -> str | None:
    """What the lists say of the person behind these hashes: the strictest word, None when no list names them."""
    return word(tx.exec(select(strictest(mode, list(lookups)))).one())


def strictest(mode: Any, lookups: Any) -> ScalarSelect[int | None]:
    """The place in ``KINDS`` of the strictest word, as a question inside of another."""
    place = case({kind: place for place, kind in enumerate(KINDS)}, value=col(ListEntry.kind))
    query = select(func.min(place)).where(
        ListEntry.mode == mode, col(ListEntry.lookup).in_(lookups), col(ListEntry.ended_at).is_(None)
    )
    return query.scalar_subquery()


def word(place: int | None) -> str | None:
    """The word at a place in ``KINDS``."""
    return None if place is None else KINDS[place]


def unknown(tx: Transaction, *, before: datetime, known: Callable[[str], bool]) -> int:
    """How many entries in force from ``before`` a moment name somebody whom nobody knows by their hash."""
    query = select(ListEntry.lookup).where(col(ListEntry.ended_at).is_(None), ListEntry.created_at < before)
    return sum(not known(lookup) for lookup in tx.exec(query))


@lookups.follower
def _replace_lookup(tx: Transaction, mode: Mode, _purpose: str, old: str, new: str) -> int:
    entries = tx.exec(select(ListEntry).where(ListEntry.mode == mode, ListEntry.lookup == old)).all()
    for entry in entries:
        entry.lookup = new
        tx.add(entry)
    tx.flush()
    return len(entries)
