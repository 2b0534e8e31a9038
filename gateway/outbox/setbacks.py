"""A machine's clock that was ahead and is put right: what was queued meanwhile must not wait until it is there again.

Events of one object leave in the order of their sequence, whatever the clock says; this is about when.
"""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy import text, update
from sqlmodel import col, select

from gateway.core.identifiers import first_id
from gateway.db.transactions import Database, Transaction
from gateway.outbox.models import WAITS, OutboxItem
from gateway.outbox.service import LEASE

TOLERANCE = timedelta(seconds=2)
"""Machines that share a database differ by so much."""
AT_ONCE = 1000
"""Rows of one transaction."""

Table = type[Any]


class Waiting(NamedTuple):
    """A table whose rows wait, and how they are leased."""

    table: Table
    prefix: str
    """Of its identifiers."""
    waits: Any
    """What is true of a row that waits."""
    lease: timedelta
    leased_in: tuple[str, ...] = ("leased_until",)
    """Columns that say until when a row is leased."""


WAITING = Waiting(OutboxItem, "out", text(WAITS), LEASE, ("leased_until", "next_at"))


def mend(db: Database, *tables: Waiting) -> None:
    """Let be due what was due at once in what is now the future, and end leases that are longer than a lease.

    What is to wait, and what has failed before the clock was put right, waits longer by as much as the clock was wrong.
    However much waits, only rows from the future are read: identifiers rise with the clock, and leases have an index.
    """
    for waiting in tables:
        after: str | None = first_id(waiting.prefix, int((db.clock() + TOLERANCE).timestamp() * 1000))
        while after is not None:
            after = db.write(partial(_let_be_due, table=waiting.table, waits=waiting.waits, after=after))
        while db.write(partial(_cut_leases, waiting=waiting)) == AT_ONCE:
            pass


def _let_be_due(tx: Transaction, *, table: Table, waits: Any, after: str) -> str | None:
    """Mend one page of rows by identifier; returns the last of it, None when there is no further one."""
    rows = select(col(table.id)).where(col(table.id) > after).order_by(col(table.id)).limit(AT_ONCE)
    ids = list(tx.exec(rows))
    if ids:
        queued = update(table).where(
            waits,
            col(table.id) > after,
            col(table.id) <= ids[-1],
            col(table.created_at) > tx.wall + TOLERANCE,
            col(table.next_at) == col(table.created_at),
            col(table.leased_until).is_(None),
        )
        tx.connection().execute(queued.values(next_at=tx.wall))
    return ids[-1] if len(ids) == AT_ONCE else None


def _cut_leases(tx: Transaction, *, waiting: Waiting) -> int:
    """Cut some leases to their length; returns how many."""
    table, limit = waiting.table, tx.wall + waiting.lease
    too_long = col(table.leased_until) > limit + TOLERANCE
    ids = list(tx.exec(select(col(table.id)).where(waiting.waits, too_long).limit(AT_ONCE)))
    if ids:
        cut = update(table).where(col(table.id).in_(ids))
        tx.connection().execute(cut.values(dict.fromkeys(waiting.leased_in, limit)))
    return len(ids)
