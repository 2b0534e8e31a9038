"""Two who meet on PostgreSQL, step by step: the first has done everything but its commit when the second begins.

The second then waits for a lock of the first, or ends; only after that the first commits. So nothing is left to chance,
and a lock that is missing shows at once. ``dropped`` takes locks away, to see that the test would show it.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, TypeVar
from unittest import mock

from sqlalchemy import Connection, event, text

from gateway.db import row_locks
from gateway.db.transactions import Database, Transaction

First = TypeVar("First")
Second = TypeVar("Second")
PATIENCE = 20.0
WAITING = text(
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE datname = current_database() AND wait_event_type = 'Lock' AND pid <> pg_backend_pid()"
)
LOCKS = re.compile(r" FOR (?:NO KEY )?UPDATE(?: OF (?P<of>[\w, ]+?))?(?: SKIP LOCKED)?\s*$")
FROM = re.compile(r"\bFROM (\w+)")
TURN = re.compile(r"pg_advisory_xact_lock\(")
TURNS = "turns"
"""Names the locks that are no rows: of a phone, and of a merchant's accounts."""


def meet(
    db: Database, first: Callable[[], First], second: Callable[[], Second], *, at: int = 1
) -> tuple[First, Second]:
    """Run both; ``first`` is held at its ``at``-th commit until ``second`` waits or has ended.

    Raises what either raises.
    """
    ready, ended, results = threading.Event(), threading.Event(), dict[str, Any]()
    commits, commit = [0], Transaction.commit
    runs: dict[str, Callable[[], Any]] = {"first": first, "second": second}

    def held(tx: Transaction) -> None:
        tx.complete()
        if threading.current_thread().name == "first":
            commits[0] += 1
            if commits[0] == at:
                ready.set()
                _until_waiting(db, ended)
        commit(tx)

    def run() -> None:
        name = threading.current_thread().name
        try:
            results[name] = runs[name]()
        except BaseException as error:  # raised again where the two have met
            results[name] = error
        finally:
            (ready if name == "first" else ended).set()

    threads = [threading.Thread(target=run, name=name) for name in runs]
    with mock.patch.object(Transaction, "commit", held):
        threads[0].start()
        assert ready.wait(PATIENCE), "the first never came to its commit"
        threads[1].start()
        for thread in threads:
            thread.join(PATIENCE)
            assert not thread.is_alive(), f"the {thread.name} hangs"
    for result in results.values():
        if isinstance(result, BaseException):
            raise result
    return results["first"], results["second"]


def _until_waiting(db: Database, ended: threading.Event) -> None:
    with db.engine.connect() as connection:
        for _ in range(int(PATIENCE / 0.005)):
            if ended.wait(0.005) or connection.execute(WAITING).scalar_one():
                return
            connection.rollback()
    raise AssertionError("the second neither waits nor ends")


@contextmanager
def dropped(db: Database, *names: str) -> Iterator[None]:
    """Let statements lock no rows of these tables, and nothing be compared that changes without its lock."""

    def unlocked(_connection: Connection, _cursor: Any, sql: str, values: Any, *_: Any) -> tuple[str, Any]:
        found = LOCKS.search(sql)
        if found is not None:
            tables = found["of"].split(", ") if found["of"] else [FROM.search(sql)[1]]  # type: ignore[index]
            kept = [table for table in tables if table not in names]
            if len(kept) < len(tables):
                sql = sql[: found.start()] + (f" FOR UPDATE OF {', '.join(kept)}" if kept else "")
        if TURNS in names:
            sql = TURN.sub("concat(", sql)
        return sql, values

    with ExitStack() as stack:
        stack.enter_context(mock.patch.object(row_locks, "compare", return_value=None))
        event.listen(db.engine, "before_cursor_execute", unlocked, retval=True)
        stack.callback(event.remove, db.engine, "before_cursor_execute", unlocked)
        yield
