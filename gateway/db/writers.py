"""Whose turn it is to write SQLite: one after the other in a process, and several in one commit where many wait.

A commit waits for the disk, which takes longer than a short piece of work. Who has done its work while others wait
hands the open transaction over to the next, which works behind a savepoint; the last of them commits for all. Each of
them has its answer after that commit, so what is acknowledged is as lasting as when each commits for itself.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import IntegrityError

from gateway.errors import DatabaseUnavailable

Joining = Literal["conditional_savepoint", "rollback_only", "create_savepoint"]
MOST_TOGETHER = 8
LONGEST = 0.01
"""Seconds: nobody joins a transaction that is older, so that quick work does not wait for much work of others."""
LOSERS_TURN = text("SELECT pg_advisory_xact_lock(1280270165, 0)")
"""Of two numbers, as the locks of ``turns`` and ``webhooks.ordering``, from which it differs in the first."""
LOOK_SECONDS = 0.05
"""So often who waits for a commit looks whether somebody took the transaction on."""


class NotTogether(Exception):
    """A shared commit was refused for what one of the works wrote: nothing is kept, and each is to be done alone."""


class Shared:
    """A transaction that several works share."""

    def __init__(self, engine: Engine) -> None:
        self.works = 0
        self._connection: Connection = engine.connect()
        self._began = time.monotonic()
        self._over = threading.Event()
        self._error: BaseException | None = None
        try:
            self._connection.begin()
        except BaseException:
            self._connection.close()
            raise

    def bind(self) -> tuple[Connection, Joining]:
        """What the next work is bound to: the first has the transaction to itself, another a savepoint in it."""
        return self._connection, "create_savepoint" if self.works else "rollback_only"

    def has_room(self) -> bool:
        """Whether one more may join."""
        return self.works < MOST_TOGETHER and time.monotonic() - self._began < LONGEST

    def end(self) -> None:
        """Commit what was done; what came of it is told by ``outcome``."""
        try:
            if self.works:
                self._commit()
        except IntegrityError as error:  # a constraint that is looked at when it commits
            self._error = NotTogether() if self.works > 1 else error
        except BaseException as error:  # told to everybody whose work it was
            self._error = error
        finally:
            self._connection.close()  # rolls back what is not committed
            self._over.set()

    def _commit(self) -> None:
        raw = self._connection.connection.driver_connection
        if (
            raw is None or not raw.in_transaction
        ):  # a full disk makes SQLite roll all of it back, and commit nothing
            raise DatabaseUnavailable
        self._connection.commit()

    def outcome(self, seconds: float) -> bool:
        """Wait for the commit; returns False when it is not over yet. Raises what the commit raised."""
        if not self._over.wait(seconds):
            return False
        if self._error is not None:
            raise self._error
        return True


class Turn:
    """What a transaction is bound to while it is this thread's turn."""

    def __init__(self, bind: Engine | Connection, joining: Joining = "conditional_savepoint") -> None:
        self.bind, self.joining = bind, joining

    def settle(self) -> None:
        """Wait until the work is committed. Raises what the commit raised, and ``NotTogether``."""


class SharedTurn(Turn):
    """One in a transaction that several share."""

    def __init__(self, turns: Turns, shared: Shared) -> None:
        super().__init__(*shared.bind())
        self._turns, self._shared = turns, shared

    def settle(self) -> None:
        """Wait for the shared commit; end it where nobody took the transaction on."""
        while not self._shared.outcome(LOOK_SECONDS):
            self._turns.finish(self._shared)


class NoTurns:
    """For a database that does not need them."""

    def __init__(self, engine: Engine) -> None:
        self._turn = Turn(engine)

    @contextmanager
    def take(self, *, alone: bool = False) -> Iterator[Turn]:
        """At once."""
        del alone
        yield self._turn


class Losers(NoTurns):
    """SERIALIZABLE work on PostgreSQL: at once, but who lost races waits for the others who did, of any process.

    Many who meet at the same pages of an index lose again and again, however they wait by chance. One after the other
    each meets only those who come new. Raises ``DatabaseUnavailable`` for a turn that does not come in so many seconds.
    """

    def __init__(self, engine: Engine, waiting: Engine, seconds: float) -> None:
        super().__init__(engine)
        self._waiting, self._seconds = waiting, seconds
        self._one = threading.Lock()
        """So that a process needs one connection more, not one for each that waits."""

    @contextmanager
    def take(self, *, alone: bool = False) -> Iterator[Turn]:
        """A turn: at once, or ``alone`` of those who lost."""
        if not alone:
            yield self._turn
            return
        if not self._one.acquire(timeout=self._seconds):
            raise DatabaseUnavailable
        try:
            # On a connection of its own: a SERIALIZABLE transaction sees what was there before it waited in it.
            with self._waiting.connect() as connection:
                connection.execute(LOSERS_TURN)
                yield self._turn
        finally:
            self._one.release()


class Turns(NoTurns):
    """Writers of one process. Raises ``DatabaseUnavailable`` for a turn that does not come in so many seconds."""

    def __init__(self, engine: Engine, seconds: float) -> None:
        super().__init__(engine)
        self._engine, self._seconds = engine, seconds
        self._lock, self._counting = threading.Lock(), threading.Lock()
        self._waiting = 0
        self._open: Shared | None = None

    @contextmanager
    def take(self, *, alone: bool = False) -> Iterator[Turn]:
        """A turn. What was done in it is committed when ``Turn.settle`` has returned; it is called after the turn."""
        self._wait()
        try:
            if alone:
                self._end()
            elif self._open is None and self._waiting:
                self._open = Shared(self._engine)
            shared = self._open
            try:
                yield SharedTurn(self, shared) if shared else self._turn
            except BaseException:
                self._end()  # what the others have done is kept
                raise
            if shared is not None:
                shared.works += 1
                if not self._waiting or not shared.has_room():
                    self._end()
        finally:
            self._lock.release()

    def finish(self, shared: Shared) -> None:
        """End a transaction that nobody took on, as who waited for its turn has given up."""
        if self._lock.acquire(blocking=False):
            try:
                if self._open is shared:
                    self._end()
            finally:
                self._lock.release()

    def _end(self) -> None:
        shared, self._open = self._open, None
        if shared is not None:
            shared.end()

    def _wait(self) -> None:
        if self._lock.acquire(blocking=False):
            return
        with self._counting:
            self._waiting += 1
        try:
            if not self._lock.acquire(timeout=self._seconds):
                raise DatabaseUnavailable
        finally:
            with self._counting:
                self._waiting -= 1
