"""Transactions: a database session that knows its moment and can mint identifiers."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import datetime
from typing import Any, Protocol, TypeVar

from sqlalchemy import Engine, event
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.orm.util import identity_key
from sqlmodel import Session

from gateway.db import keyed, witness
from gateway.db.engine import TURN_SECONDS
from gateway.db.outages import RACES, Told, outage_of
from gateway.db.row_keys import RowKeys
from gateway.errors import DatabaseUnavailable

T = TypeVar("T")
_open = threading.local()
MAX_ATTEMPTS = 12
RETRYABLE_SQLSTATES = frozenset({"40001", "40P01", "23505"})


class IdSource(Protocol):
    """Mints identifiers; the production one is time-sortable and random, a simulator's is seeded."""

    def new(self, prefix: str) -> str: ...


def no_keys() -> RowKeys:
    """The keys of a database that was opened without any, on which nothing is written that needs them."""
    raise RuntimeError("this database was opened without the keys of its rows")


class Transaction(Session):
    """One unit of work: everything in it commits together or not at all.

    ``now`` is the business time, read once (UTC), so that all rows of one fact carry the same time; a test clock may
    move it. ``wall`` is the machine's time, for what belongs to no business: keys, deliveries. Services never commit.
    """

    def __init__(
        self, bind: Engine, *, now: datetime, ids: IdSource, row_keys: Callable[[], RowKeys] = no_keys
    ) -> None:
        super().__init__(bind, expire_on_commit=False, autoflush=True)
        self.wall = now
        self._now: datetime | Callable[[], datetime] = now
        self.ids = ids
        self.row_keys = row_keys
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
        sqlite = engine.dialect.name == "sqlite"
        options: dict[str, Any] = {"writes": True} if sqlite else {"isolation_level": "SERIALIZABLE"}
        self._writing = engine.execution_options(**options)
        # SQLite's own busy wait is unfair (its p99 explodes); a lock queues the writers of this process.
        self._turn: AbstractContextManager[Any] = Turn(TURN_SECONDS) if sqlite else nullcontext()
        self._told = Told()

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        """A transaction that only looks; nothing it does is kept."""
        with (
            self._outages_named(),
            _inside(),
            Transaction(self.engine, now=self.clock(), ids=self.ids, row_keys=self.row_keys) as tx,
        ):
            yield tx  # closing rolls back, and what was read stays readable
        self._told.over(writing=False)

    def rehearse(self, work: Callable[[Transaction], object]) -> None:
        """Run ``work``, which leaves nothing behind, and roll it back: whether the database takes writes.

        While an outage lasts it is committed: only so a disk shows that it is no longer full.
        """
        with self._outages_named(), self._turn, _inside(), self._transaction() as tx:
            work(tx)
            tx.flush()
            if self._told.lasts:
                tx.commit()
            else:
                tx.rollback()
        self._told.over(writing=True)

    def write(self, work: Callable[[Transaction], T]) -> T:
        """Run ``work`` and commit; run it again from the start when it lost a race, at most twelve times.

        ``work`` must therefore touch nothing but the transaction it is given: ports to the outside refuse
        (see ``web.ports``).
        """
        for attempt in range(1, MAX_ATTEMPTS + 1):
            try:
                with self._outages_named(), self._turn, _inside(), self._transaction() as tx:
                    result = work(tx)
                    tx.complete()
                    with self._outages_named(DatabaseUnavailable.AT_COMMIT):
                        tx.commit()
                self._told.over(writing=True)
                return result
            except DBAPIError as error:
                if not _lost_race(error) or (attempt == MAX_ATTEMPTS and isinstance(error, IntegrityError)):
                    raise
                if attempt == MAX_ATTEMPTS:
                    self._told.met(RACES, error)
                    raise DatabaseUnavailable(
                        "The database is busy. Try again, with the same key."
                    ) from error
                # Random waits part the writers that would otherwise meet again and again.
                time.sleep(random.uniform(0.0005, 0.002) * 2 ** min(attempt, 7))
        raise AssertionError("unreachable")

    def _transaction(self) -> Transaction:
        return Transaction(self._writing, now=self.clock(), ids=self.ids, row_keys=self.row_keys)

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


class Turn:
    """A lock that is not waited for longer than it may. Raises ``DatabaseUnavailable``."""

    def __init__(self, seconds: float) -> None:
        self._lock, self._seconds = threading.Lock(), seconds

    def __enter__(self) -> None:
        if not self._lock.acquire(timeout=self._seconds):
            raise DatabaseUnavailable

    def __exit__(self, *_: object) -> None:
        self._lock.release()


def _lost_race(error: DBAPIError) -> bool:
    """Whether another transaction won: serialization failure, deadlock, or a unique key taken meanwhile."""
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
