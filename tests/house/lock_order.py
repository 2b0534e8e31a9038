"""In which order transactions lock rows: whoever goes against ``row_locks.ORDER`` is named."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, event

from gateway.db.row_locks import ORDER

ALONE = frozenset(
    {
        "applicant_link", "idempotent_answer", "invitation", "list_entry", "login_session", "outbox",
        "reconciliation_file_part", "score_usage", "subsidy_claim",
    }
)  # fmt: skip
"""No other row is locked behind one of these, but under the lock of a payment."""


class Watch:
    """Notes the tables of each question that locks, and what came behind a table of a later place."""

    def __init__(self) -> None:
        self.against: set[str] = set()
        self.unplaced: set[str] = set()
        self.locked: set[str] = set()
        self._held: dict[int, list[str]] = {}

    def begin(self, connection: Connection) -> None:
        """A transaction begins with nothing."""
        self._held[id(connection.connection.dbapi_connection)] = []

    def sees(self, connection: Connection, statement: Any, *_: Any) -> None:
        """A question is asked."""
        lock = getattr(statement, "_for_update_arg", None)
        if lock is None:
            return
        held = self._held.setdefault(id(connection.connection.dbapi_connection), [])
        for table in lock.of or statement.get_final_froms()[:1]:
            name = str(getattr(table, "name", table))
            self.locked.add(name)
            if name not in ORDER:
                self.unplaced.add(name)
            elif name not in held:
                later = [other for other in held if ORDER.index(other) > ORDER.index(name)]
                self.against |= {f"{name} after {other}" for other in later}
                held.append(name)


@contextmanager
def watched(engine: Engine) -> Iterator[Watch]:
    """Watch what an engine's transactions lock."""
    watch = Watch()
    event.listen(engine, "begin", watch.begin)
    event.listen(engine, "before_execute", watch.sees)
    try:
        yield watch
    finally:
        event.remove(engine, "begin", watch.begin)
        event.remove(engine, "before_execute", watch.sees)
