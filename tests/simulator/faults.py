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

from sqlalchemy import Engine, event
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import ORMExecuteState

from gateway.db import transactions
from gateway.db.transactions import Database, Transaction

LOCKED_FIRST = frozenset({"credit_limit", "payment", "loan", "collection", "shopper_return", "payout"})
"""Tables whose rows are changed only by a transaction that has locked such a row, or has just made it."""


class Killed(BaseException):
    """The process ends here; nothing in the product catches it."""


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
        self.commits = self.gaps = self.statements = 0
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

        def counted_write(db: Database, work: Callable[[Transaction], Any]) -> Any:
            self.gap()
            result = write(db, work)
            self.gap()
            return result

        def counted_read(db: Database) -> Any:
            self.gap()
            return read(db)

        def counted_commit(tx: Transaction) -> None:
            self._commit()
            commit(tx)

        with ExitStack() as stack:
            stack.enter_context(mock.patch.object(Database, "write", counted_write))
            stack.enter_context(mock.patch.object(Database, "read", counted_read))
            stack.enter_context(mock.patch.object(Transaction, "commit", counted_commit))
            event.listen(Transaction, "do_orm_execute", self._note_locks)
            event.listen(Transaction, "before_flush", self._check_locks)
            stack.callback(event.remove, Transaction, "do_orm_execute", self._note_locks)
            stack.callback(event.remove, Transaction, "before_flush", self._check_locks)
            yield

    def watch(self, engine: Engine) -> None:
        """Count the statements that this engine sends."""
        event.listen(engine, "before_cursor_execute", self._statement)

    def gap(self) -> None:
        """No transaction is open: others may act, or the process dies."""
        if not self.faults or transactions.is_open():
            return
        self.gaps += 1
        for fault in self.faults:
            if fault.get("die") == self.gaps and not fault.get("done"):
                self._happens(fault, "die")
                raise Killed
            if fault.get("gap") == self.gaps and not fault.get("done"):
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

    def _statement(self, _connection: Any, _cursor: Any, _sql: str, *_: Any) -> None:
        if not self.faults or not transactions.is_open():
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

    @staticmethod
    def _note_locks(state: ORMExecuteState) -> None:
        chosen = getattr(state.statement, "_for_update_arg", None)
        if chosen is not None:
            held = state.session.info.setdefault("locked", set())
            held.update(table.name for table in state.statement.get_final_froms() if hasattr(table, "name"))

    def _check_locks(self, session: Any, _context: Any, _instances: Any) -> None:
        for changed in session.dirty:
            table = getattr(changed, "__tablename__", "")
            if table in LOCKED_FIRST and table not in session.info.get("locked", ()):
                if session.is_modified(changed) and changed not in session.new:
                    self.unlocked.append(f"{table} {changed.id} was changed without its lock")
