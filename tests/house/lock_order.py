"""Which transactions lock what, and in which order: whoever goes against ``row_locks.ORDER`` is named."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any
from unittest.mock import patch

from sqlalchemy import Connection, Engine, event

import gateway
from gateway.db import turns
from gateway.db.row_locks import ORDER

ALONE = frozenset(
    {
        "applicant_link", "idempotent_answer", "invitation", "list_entry", "login_session", "outbox",
        "reconciliation_file_part", "score_usage", "shopper_session",
        "subsidy_claim",
    }
)  # fmt: skip
"""No other row is locked behind one of these, but under the lock of a payment."""


ROOT = Path(gateway.__file__).parent
WITHOUT = (str(ROOT / "db"),)
"""What asks for a lock on behalf of others."""


class Watch:
    """Notes the tables of each question that locks, who asked, and what came behind a table of a later place."""

    def __init__(self) -> None:
        self.against: set[str] = set()
        self.unplaced: set[str] = set()
        self.locked: set[str] = set()
        self.by: set[str] = set()
        """What is locked or waited for, and by whom; SQLite is asked for it too."""
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
            self.by.add(f"{name}: {_asking()}")
            if name not in ORDER:
                self.unplaced.add(name)
            elif name not in held:
                later = [other for other in held if ORDER.index(other) > ORDER.index(name)]
                self.against |= {f"{name} after {other}" for other in later}
                held.append(name)


def _asking() -> str:
    """The two functions of the product through which a lock is asked for."""
    frame: FrameType | None = sys._getframe(2)
    names: list[str] = []
    while frame is not None and len(names) < 2:
        code = frame.f_code
        if code.co_filename.startswith(str(ROOT)) and not code.co_filename.startswith(WITHOUT):
            module = ".".join(Path(code.co_filename).relative_to(ROOT).with_suffix("").parts)
            names.append(f"{module}.{code.co_qualname}")
        frame = frame.f_back
    return " of ".join(names)


@contextmanager
def watched(engine: Engine) -> Iterator[Watch]:
    """Watch what an engine's transactions lock."""
    watch = Watch()
    event.listen(engine, "begin", watch.begin)
    event.listen(engine, "before_execute", watch.sees)
    wait = turns.wait

    def waits(tx: Any, name: str) -> None:
        watch.by.add(f"turn: {_asking()}")
        wait(tx, name)

    try:
        with patch.object(turns, "wait", waits):
            yield watch
    finally:
        event.remove(engine, "begin", watch.begin)
        event.remove(engine, "before_execute", watch.sees)
