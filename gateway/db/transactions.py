"""Transactions: a database session that knows its moment and can mint identifiers."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Literal, Protocol, TypeVar

from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.orm.util import identity_key
from sqlmodel import Session

from gateway.db import keyed, row_locks, witness
from gateway.db.engine import TURN_SECONDS
from gateway.db.outages import RACES, Told, outage_of
from gateway.db.row_keys import RowKeys
from gateway.db.row_locks import LostRace
from gateway.db.writers import Joining, Losers, NotTogether, NoTurns, Turn, Turns
from gateway.errors import DatabaseUnavailable

T = TypeVar("T")
_open = threading.local()
MAX_ATTEMPTS = 12
FREE_ATTEMPTS = 2
"""Who has lost so many races waits for the others who have (PostgreSQL, SERIALIZABLE)."""
RETRYABLE_SQLSTATES = frozenset({"40001", "40P01", "23505"})
Level = Literal["SERIALIZABLE", "READ COMMITTED"]
SERIALIZABLE: Level = "SERIALIZABLE"
READ_COMMITTED: Level = "READ COMMITTED"
"""For work that decides only by rows that it has locked, and by what hangs on these (docs/decisions, number 12)."""


class IdSource(Protocol):
    """Mints identifiers; the production one is time-sortable and random, a simulator's is seeded."""

    def new(self, prefix: str) -> str:
        """A fresh identifier, ``<prefix>_`` and 26 characters."""
        ...


def no_keys() -> RowKeys:
    """The keys of a database that was opened without any, on which nothing is written that needs them."""
    raise RuntimeError("this database was opened without the keys of its rows")


class Transaction(Session):
    """One unit of work: everything in it commits together or not at all.

    ``now`` is the business time, read once (UTC), so that all rows of one fact carry the same time; a test clock may
    move it. ``wall`` is the machine's time, for what belongs to no business: keys, deliveries. Services never commit.

    ``compares``: others may change what was read here, so a row that changes without its lock is compared.
    """

    def __init__(
        self,
        bind: Engine | Connection,
        *,
        now: datetime,
        ids: IdSource,
        row_keys: Callable[[], RowKeys] = no_keys,
        joining: Joining = "conditional_savepoint",
        compares: bool = False,
    ) -> None:
        super().__init__(bind, expire_on_commit=False, autoflush=True, join_transaction_mode=joining)
        self.compares = compares
        self.wall = now
        self._now: datetime | Callable[[], datetime] = now
        self.ids = ids
        self.row_keys = row_keys
        self.after_others = joining == "create_savepoint"
        """Whether it sees what others have written and not committed yet: they share a commit, which may fail."""
        self.kept: list[object] = []
        self._endings: list[Callable[[Transaction], None]] = []

    @property
    def now(self) -> datetime:
        """The business time (UTC)."""
        if callable(self._now):
            self._now = self._now()
        return self._now

    @now.setter
    def now(self, moment: datetime | Callable[[], datetime]) -> None:
        """Set the business time, or what tells it, which is asked when somebody first wants to know."""
        self._now = moment

    def at_end(self, ending: Callable[[Transaction], None]) -> None:
        """Let ``ending`` be the last that happens before the commit: it writes at once what the work has gathered."""
        self._endings.append(ending)

    def complete(self) -> None:
        """Write everything that waits for the end of the work."""
        self.flush()
        while self._endings:
            self._endings.pop(0)(self)

    def commit(self) -> None:
        """Write what waits for the end, then commit."""
        self.complete()
        super().commit()

    def held(self, kind: type[T], key: str) -> T | None:
        """The row of a kind with this key, if the transaction has it in hand already."""
        return self.identity_map.get(identity_key(kind, key))

    def new_id(self, prefix: str) -> str:
        """A fresh identifier such as ``pay_01J…``."""
        return self.ids.new(prefix)


def is_open() -> bool:
    """Whether this thread is inside a transaction: what may be repeated must not call anything outside."""
    return getattr(_open, "depth", 0) > 0


def _keep(tx: Transaction, row: object) -> None:
    """Hold on to a row of a kind that is asked for by its key again and again (``__kept__``): it is read once.

    A session forgets what nobody holds. Who locks one reads it again (``populate_existing``).
    """
    if getattr(type(row), "__kept__", False):
        tx.kept.append(row)


event.listen(Transaction, "do_orm_execute", row_locks.read_anew)
event.listen(Transaction, "before_flush", row_locks.compare_unlocked)
event.listen(Transaction, "pending_to_persistent", row_locks.note_made)
event.listen(Transaction, "before_flush", keyed.note)
event.listen(Transaction, "after_flush", witness.note)
event.listen(Transaction, "loaded_as_persistent", _keep)
event.listen(Transaction, "pending_to_persistent", _keep)


class Database:
    """Opens transactions on one engine and repeats those that lost a race.

    ``row_keys`` are read when something is written first that is hashed with them. Raises ``DatabaseUnavailable`` (503
    at the edge) when the database cannot be reached.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        clock: Callable[[], datetime],
        ids: IdSource,
        row_keys: Callable[[], RowKeys] = no_keys,
    ) -> None:
        self.engine = engine
        self.clock = clock
        self.ids = ids
        self.row_keys = row_keys
        self._sqlite = engine.dialect.name == "sqlite"
        # SQLite's own busy wait is unfair (its p99 explodes), and a commit for each is slow. Its writers are alone,
        # whatever the level.
        if self._sqlite:
            one_by_one = Turns(engine.execution_options(writes=True), TURN_SECONDS)
            self._turns: dict[Level, NoTurns] = {SERIALIZABLE: one_by_one, READ_COMMITTED: one_by_one}
        else:
            serial, committed = (
                engine.execution_options(isolation_level=level) for level in (SERIALIZABLE, READ_COMMITTED)
            )
            losers = Losers(serial, waiting=committed, seconds=TURN_SECONDS)
            self._turns = {SERIALIZABLE: losers, READ_COMMITTED: NoTurns(committed)}
        # A transaction of SQLite sees one moment anyway.
        self._snapshots = (
            engine if self._sqlite else engine.execution_options(isolation_level="REPEATABLE READ")
        )
        self._told = Told()

    @contextmanager
    def read(self, *, snapshot: bool = False) -> Iterator[Transaction]:
        """A transaction that only looks; nothing it does is kept. With ``snapshot`` all it sees is of one moment."""
        with (
            self._outages_named(),
            _inside(),
            Transaction(
                self._snapshots if snapshot else self.engine,
                now=self.clock(),
                ids=self.ids,
                row_keys=self.row_keys,
            ) as tx,
        ):
            yield tx  # closing rolls back, and what was read stays readable
        self._told.over(writing=False)

    def rehearse(self, work: Callable[[Transaction], object]) -> None:
        """Run ``work``, which leaves nothing behind, and roll it back: whether the database takes writes.

        While an outage lasts it is committed: only so a disk shows that it is no longer full.
        """
        with (
            self._outages_named(),
            self._turns[SERIALIZABLE].take(alone=True) as turn,
            _inside(),
            self._transaction(turn) as tx,
        ):
            work(tx)
            tx.flush()
            if self._told.lasts:
                tx.commit()
            else:
                tx.rollback()
        self._told.over(writing=True)

    def write(self, work: Callable[[Transaction], T], level: Level = SERIALIZABLE) -> T:
        """Run ``work`` and commit; run it again from the start when it lost a race, at most twelve times.

        PostgreSQL keeps it from all that others write meanwhile, unless its author says with ``level`` that its locks
        are enough. ``work`` must therefore touch nothing but the transaction it is given: ports to the outside refuse
        (see ``web.ports``).
        """
        alone = False
        for attempt in range(1, MAX_ATTEMPTS + 1):
            try:
                result = self._attempt(work, level, alone=alone)
                self._told.over(writing=True)
                return result
            except NotTogether:
                alone = True
            except (DBAPIError, LostRace) as error:
                if not _lost_race(error) or (attempt == MAX_ATTEMPTS and isinstance(error, IntegrityError)):
                    raise
                if attempt == MAX_ATTEMPTS:
                    self._told.met(RACES, error)
                    raise DatabaseUnavailable(
                        "The database is busy. Try again with the same Idempotency-Key."
                    ) from error
                alone = alone or (attempt >= FREE_ATTEMPTS and not self._sqlite)
                # Random waits part the writers that would otherwise meet again and again.
                time.sleep(random.uniform(0.0005, 0.002) * 2 ** min(attempt, 7))
        raise AssertionError("unreachable")

    def _attempt(self, work: Callable[[Transaction], T], level: Level, *, alone: bool) -> T:
        with self._outages_named():
            with (
                self._turns[level].take(alone=alone) as turn,
                _inside(),
                self._transaction(turn, level) as tx,
            ):
                result = work(tx)
                tx.complete()
                with self._outages_named(DatabaseUnavailable.AT_COMMIT):
                    tx.commit()
            with self._outages_named(DatabaseUnavailable.AT_COMMIT):
                turn.settle()
        return result

    def _transaction(self, turn: Turn, level: Level = SERIALIZABLE) -> Transaction:
        return Transaction(
            turn.bind,
            now=self.clock(),
            ids=self.ids,
            row_keys=self.row_keys,
            joining=turn.joining,
            compares=level == READ_COMMITTED and not self._sqlite,
        )

    @contextmanager
    def _outages_named(self, detail: str = "") -> Iterator[None]:
        """Turn what ``outages`` knows into ``DatabaseUnavailable``; a lost race passes."""
        try:
            yield
        except SQLAlchemyError as error:
            outage = outage_of(error)
            if outage is None or (isinstance(error, DBAPIError) and _lost_race(error)):
                raise
            self._told.met(outage, error)
            raise DatabaseUnavailable(detail) from error


def _lost_race(error: DBAPIError | LostRace) -> bool:
    """Whether another transaction won: serialization failure, deadlock, or a unique key taken meanwhile."""
    if isinstance(error, LostRace):
        return True
    state = getattr(error.orig, "sqlstate", None)
    if state is not None:
        return state in RETRYABLE_SQLSTATES
    return isinstance(error, IntegrityError) and "UNIQUE constraint failed" in str(error.orig)


@contextmanager
def _inside() -> Iterator[None]:
    _open.depth = getattr(_open, "depth", 0) + 1
    try:
        yield
    finally:
        _open.depth -= 1
