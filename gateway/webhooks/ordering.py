"""The order of events, along which ``/v1/events?after=`` walks without leaving one out.

An identifier is minted before its transaction commits, so that by identifiers an event could appear behind a reader who
has already passed it. Events therefore carry a position, and readers stop before the first that is still being written.

SQLite has one writer at a time: the next position is the last plus one. PostgreSQL draws it from a sequence. Before
it draws (see ``recording``), a transaction takes a shared advisory lock that names the last position drawn so far, and
keeps the lock until its end: whatever it draws is not below. A reader looks at the sequence first and at the locks
second, and returns nothing above either. Nobody waits for anybody.
"""

from __future__ import annotations

from sqlalchemy import column, func, select, table, text

from gateway.db.transactions import Transaction

MARK = 0x4651
BITS = 48
DRAWN = table("event_position", column("last_value"))
ANNOUNCED = func.pg_advisory_xact_lock_shared(text(f"({MARK}::bigint << {BITS}) | last_value"))
"""Asked of ``DRAWN`` on PostgreSQL, before anything is drawn; once more does no harm."""
ANNOUNCEMENT = select(ANNOUNCED.label("announced")).select_from(DRAWN).cte("announcement")
"""Joined to what is drawn: its row, and so the lock, is there before anything is drawn beside it."""
NEXT_DRAWN = func.nextval("event_position")
LAST_DRAWN = text("SELECT last_value FROM event_position")
FIRST_OPEN = text(
    f"SELECT min(((classid::bigint << 32) | objid::bigint) & {2**BITS - 1}) FROM pg_locks"
    " WHERE locktype = 'advisory' AND objsubid = 1"
    f" AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    f" AND (classid::bigint >> {BITS - 32}) = {MARK}"
)


def horizon(tx: Transaction) -> int | None:
    """The position up to which everything is decided; None where a reader sees nothing undecided anyway."""
    connection = tx.connection()
    if connection.dialect.name == "sqlite":
        return None
    drawn = int(connection.execute(LAST_DRAWN).scalar_one())
    first_open = connection.execute(FIRST_OPEN).scalar_one()
    return drawn if first_open is None else min(drawn, int(first_open))
