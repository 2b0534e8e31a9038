"""Which tables have moved: what was read of a table, or worked out from it, is kept until it is written to."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from functools import cache
from typing import Any

from sqlalchemy import Engine, event

from gateway.db.tables import metadata

WRITES = re.compile(r"\b(INSERT|UPDATE|DELETE|REPLACE)\b")

ALL = cache(metadata)


@cache
def written(sql: str) -> frozenset[str]:
    """The tables that a statement may change: each that it names, if it changes any."""
    if WRITES.search(sql) is None:
        return frozenset()
    return frozenset(re.findall(r"\w+", sql)) & ALL().tables.keys()


class Moved:
    """Counts what is committed, table by table.

    Triggers of SQLite change no table but the head of the ledger's chain, which is never kept; on PostgreSQL functions
    write, and nothing is kept there.
    """

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        self._counts = Counter[str]()
        self._open = set[str]()
        self._kept: dict[tuple[str, str], tuple[int, Any]] = {}

    def watch(self, engine: Engine) -> None:
        """Count what is written through this engine, as well."""
        event.listen(engine, "before_cursor_execute", self._statement)
        event.listen(engine, "commit", self._commit)

    def kept(self, what: str, table: str, make: Callable[[], Any]) -> Any:
        """What ``make`` makes of a table, made anew only if the table has moved since it was made."""
        known = self._kept.get((what, table))
        if known is None or known[0] != self._counts[table]:
            known = self._kept[what, table] = self._counts[table], make()
        return known[1]

    def _statement(self, _connection: Any, _cursor: Any, sql: str, *_: Any) -> None:
        self._open |= written(sql)

    def _commit(self, _connection: Any) -> None:
        """Only what is committed can be seen; what was rolled back may be counted, which costs a reading."""
        self._counts.update(self._open)
        self._open.clear()
