"""The points of a step at which a process can die, a transaction lose its race, or somebody else act meanwhile.

A *gap* is a moment with no transaction open: before and after each transaction, before and after each call outside. A
*commit* is the attempt to end one that writes. A step names its faults as plain data, by the number of the point:

``{"die": n}`` the process ends at gap or commit n; ``{"race": n}`` the nth commit loses, and what ``meanwhile`` names
happens before it is tried again; ``{"race_at": n}`` the same at the nth statement of a transaction that writes;
``{"busy": n}`` the database is locked at the nth commit; ``{"gap": n, "meanwhile": step}`` another step at gap n.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

from sqlalchemy import Engine, Insert, Update, event
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import ORMExecuteState

from gateway.db import transactions
from gateway.db.transactions import SERIALIZABLE, Database, Level, Transaction

LOCKED_FIRST = frozenset(
    {
        "checkout", "collection", "credit_limit", "decision_request", "dispute", "loan", "payment", "payout",
        "shopper_return", "test_clock",
    }
)  # fmt: skip
"""Tables whose rows are changed only by a transaction that has locked such a row, or has just made it."""


class Killed(BaseException):
    """The process ends here; nothing in the product catches it."""


class Hung(BaseException):
    """A step does not end."""


class LostRace(Exception):
    """The driver's error of a serialization failure."""

    sqlstate = "40001"


class Points:
    """Counts the points of the step that runs, and lets its faults happen."""

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        self.faults: list[dict[str, Any]] = []
        self.happened: list[str] = []
        self.unlocked: list[str] = []
        self.shared: list[str] = []
        self._began, self._looked = "", 0
        self._locked, self._wanted = set[str](), set[str]()
        self.commits = self.gaps = self.statements = self._writing = 0
        self._pending: dict[str, Any] | None = None
        self.perform: Callable[[dict[str, Any]], None] = lambda step: None

    @contextmanager
    def during(self, faults: list[dict[str, Any]]) -> Iterator[None]:
        """The faults of one step, and its own count; a step inside of it has its own."""
        kept = self.faults, self.commits, self.gaps, self.statements, self._pending
        self.faults, self.commits, self.gaps, self.statements, self._pending = list(faults), 0, 0, 0, None
        try:
            yield
        finally:
            self.faults, self.commits, self.gaps, self.statements, self._pending = kept

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Put the points into the product's transactions."""
        write, read, commit = Database.write, Database.read, Transaction.commit

        def counted_write(
            db: Database, work: Callable[[Transaction], Any], level: Level = SERIALIZABLE
        ) -> Any:
            self.gap()
            self._writing += 1
            try:
                result = write(db, work, level)
            finally:
                self._writing -= 1
            self.gap()
            return result

        def counted_read(db: Database, **how: bool) -> Any:
            # Here a process may die, but nobody else acts in its thread: it may hold a lock of its own memory.
            self.gap(alone=True)
            return read(db, **how)

        def counted_commit(tx: Transaction) -> None:
            self._check_isolation(tx)
            self._commit()
            commit(tx)

        with ExitStack() as stack:
            stack.enter_context(mock.patch.object(Database, "write", counted_write))
            stack.enter_context(mock.patch.object(Database, "read", counted_read))
            stack.enter_context(mock.patch.object(Transaction, "commit", counted_commit))
            event.listen(Transaction, "do_orm_execute", self._note_locks)
            stack.callback(event.remove, Transaction, "do_orm_execute", self._note_locks)
            yield

    def watch(self, engine: Engine) -> None:
        """Count the statements that this engine sends."""
        event.listen(engine, "before_cursor_execute", self._statement)
        event.listen(engine, "begin", self._begin)
        event.listen(engine, "before_execute", self._watch_locks)

    def gap(self, *, alone: bool = False) -> None:
        """No transaction is open: others may act unless it is ``alone``, or the process dies."""
        if not self.faults or transactions.is_open():
            return
        self.gaps += 1
        for fault in self.faults:
            if fault.get("die") == self.gaps and not fault.get("done"):
                self._happens(fault, "die")
                raise Killed
            if not alone and fault.get("gap", self.gaps + 1) <= self.gaps and not fault.get("done"):
                self._happens(fault, "meanwhile")
                self.perform(fault["meanwhile"])

    def lost(self) -> None:
        """A transaction has lost its race and waits: the winner acts now."""
        pending, self._pending = self._pending, None
        if pending is not None and not transactions.is_open():
            self.perform(pending)

    def _commit(self) -> None:
        if not self.faults:
            return
        self.commits += 1
        for fault in self.faults:
            if fault.get("done"):
                continue
            if fault.get("race") == self.commits:
                self._lose(fault)
            if fault.get("busy") == self.commits:
                self._happens(fault, "busy")
                raise OperationalError("COMMIT", {}, sqlite3.OperationalError("database is locked"))
            if fault.get("die_in") == self.commits:
                self._happens(fault, "die_in")
                raise Killed

    def _check_isolation(self, tx: Transaction) -> None:
        """Who writes is alone on SQLite; on PostgreSQL it is serializable, or compares what it changes."""
        connection = tx.connection()
        if connection.dialect.name == "sqlite":
            isolation, wanted = self._began, "BEGIN IMMEDIATE"
        else:
            self._looked += 1
            if self._looked % 5:
                return
            isolation, wanted = (
                connection.exec_driver_sql("SHOW transaction_isolation").scalar_one(),
                "read committed" if tx.compares else "serializable",
            )
        if isolation != wanted:
            self.shared.append(f"a transaction that writes began with {isolation}, not {wanted}")

    def _statement(self, _connection: Any, _cursor: Any, sql: str, *_: Any) -> None:
        if sql.startswith("BEGIN"):
            self._began = sql
        if not self.faults or not self._writing or not transactions.is_open():
            return
        self.statements += 1
        for fault in self.faults:
            if fault.get("race_at") == self.statements and not fault.get("done"):
                self._lose(fault)

    def _lose(self, fault: dict[str, Any]) -> None:
        self._happens(fault, "race")
        self._pending = fault.get("meanwhile")
        raise OperationalError("simulated", {}, LostRace("could not serialize access"))  # type: ignore[arg-type]

    def _happens(self, fault: dict[str, Any], what: str) -> None:
        """Once in a step, however often it is tried again."""
        self.faults[self.faults.index(fault)] = {**fault, "done": True}
        self.happened.append(what)

    # -- locks

    def _begin(self, _connection: Any) -> None:
        self._locked = set()

    def _note_locks(self, state: ORMExecuteState) -> None:
        """An entity is read to be changed."""
        lock = getattr(state.statement, "_for_update_arg", None)
        if lock is not None and state.bind_mapper is not None:
            self._wanted.update(map(str, lock.of or [state.bind_mapper.local_table]))

    def _watch_locks(self, _connection: Any, statement: Any, *_: Any) -> None:
        """What is locked or made is noted, and a change of what is neither; table by table."""
        self._locked |= self._wanted
        self._wanted.clear()
        lock = getattr(statement, "_for_update_arg", None)
        if lock is not None and "plugin_subject" not in statement._propagate_attrs:
            names = (getattr(table, "name", "") for table in lock.of or statement.get_final_froms())
            self._locked.update(names)
        elif isinstance(statement, Insert):
            self._locked.add(statement.table.name)
        elif (
            isinstance(statement, Update)
            and statement.table.name in LOCKED_FIRST - self._locked
            and len(statement._where_criteria) == 1  # else it says itself what the row must be like
        ):
            self.unlocked.append(f"a row of {statement.table.name} was changed without its lock")
