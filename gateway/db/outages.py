"""Every way in which a database can be away, by the codes of PostgreSQL and SQLite; other errors are mistakes of ours.

A request that meets one is answered 503 and may be sent again. The log gets a line when an outage begins and one when
it is over, however many requests and jobs meet it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, TimeoutError

log = logging.getLogger("gateway.db")
QUIET_SECONDS = 10.0
"""An outage that comes and goes is told of so often at most."""


@dataclass(frozen=True, slots=True)
class Outage:
    """A kind of outage: what an operator is told, and which success shows that it is over."""

    name: str
    says: str
    passing: bool = False
    """It met one statement; the next one may well succeed."""
    of_writes: bool = False
    """Reading goes on meanwhile."""


AWAY = Outage("unreachable", "the database cannot be reached")
NO_ROOM = Outage("no connection", "the database or the gateway's pool has no free connection")
RESTARTING = Outage("restarting", "the database is starting, stopping, or has closed the connection")
REFUSED = Outage("refused", "the database refuses the gateway's login, or does not exist")
READ_ONLY = Outage(
    "read-only", "the database does not accept writes: it is a standby or a read-only file", of_writes=True
)
FULL = Outage("full", "the database's disk is full", of_writes=True)
DISK = Outage("input/output", "the database's disk fails")
DAMAGED = Outage("damaged", "the file is damaged or is not a database")
MEMORY = Outage("memory", "the database is out of memory")
NOT_MIGRATED = Outage("not migrated", "the database is not at the schema of this release")
SLOW = Outage("time-out", "a statement exceeded its time limit", passing=True)
LOCKED = Outage("locked", "a statement waited too long for another transaction's lock", passing=True)
IDLE = Outage("idle", "a transaction waited too long for the gateway", passing=True)
RACES = Outage("races", "a transaction lost too many races", passing=True)
CHANGED = Outage("changed", "the schema changed while a prepared statement was in use", passing=True)

BY_SQLSTATE: dict[str, Outage] = {
    "08": AWAY,
    "0A000": CHANGED,
    "26000": CHANGED,
    "25006": READ_ONLY,
    "25P03": IDLE,
    "25P04": SLOW,
    "28": REFUSED,
    "3D000": REFUSED,
    "3F000": NOT_MIGRATED,
    "40001": RACES,
    "40P01": RACES,
    "42703": NOT_MIGRATED,
    "42P01": NOT_MIGRATED,
    "53100": FULL,
    "53200": MEMORY,
    "53300": NO_ROOM,
    "53": MEMORY,
    "55P03": LOCKED,
    "57014": SLOW,
    "57P": RESTARTING,
    "58": DISK,
    "XX001": DAMAGED,
    "XX002": DAMAGED,
}
"""By the SQLSTATE, or by its beginning where no longer one is named."""

BY_SQLITE_CODE: dict[int, Outage] = {
    3: REFUSED,  # SQLITE_PERM
    5: LOCKED,  # SQLITE_BUSY
    6: LOCKED,  # SQLITE_LOCKED
    7: MEMORY,  # SQLITE_NOMEM
    8: READ_ONLY,  # SQLITE_READONLY
    9: SLOW,  # SQLITE_INTERRUPT
    10: DISK,  # SQLITE_IOERR
    11: DAMAGED,  # SQLITE_CORRUPT
    13: FULL,  # SQLITE_FULL
    14: AWAY,  # SQLITE_CANTOPEN
    15: LOCKED,  # SQLITE_PROTOCOL
    17: CHANGED,  # SQLITE_SCHEMA
    23: REFUSED,  # SQLITE_AUTH
    26: DAMAGED,  # SQLITE_NOTADB
}
"""By the primary result code, the low byte of the extended one."""
MISSING = ("no such table", "no such column", "has no column named")


def outage_of(error: BaseException) -> Outage | None:
    """The outage behind an error of SQLAlchemy; None where it is none."""
    if isinstance(error, TimeoutError):  # of the pool
        return NO_ROOM
    if not isinstance(error, DBAPIError):
        return None
    state = getattr(error.orig, "sqlstate", None)
    if state is not None:
        return next((BY_SQLSTATE[state[:size]] for size in (5, 3, 2) if state[:size] in BY_SQLSTATE), None)
    code = getattr(error.orig, "sqlite_errorcode", None)
    if code is not None:
        if code == 1 and any(words in str(error.orig) for words in MISSING):
            return NOT_MIGRATED
        return BY_SQLITE_CODE.get(code & 0xFF)
    # A connection that broke, or was never made, has no code.
    return AWAY if isinstance(error, (OperationalError, InterfaceError)) else None


class Told:
    """What was told of the outages of one database by one process."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._now: Outage | None = None
        self._since = 0.0
        self._met = 0
        self._last: dict[str, float] = {}

    @property
    def lasts(self) -> bool:
        """Whether an outage is known whose end was not seen yet."""
        return self._now is not None

    def met(self, outage: Outage, error: Exception) -> None:
        """A transaction met an outage: say so, unless that is known."""
        with self._lock:
            known, now = self._now == outage, self._clock()
            self._met += 1
            if not outage.passing and not known:
                self._now, self._since, self._met = outage, now, 1
            recently = now - self._last.get(outage.name, -QUIET_SECONDS) < QUIET_SECONDS
            if (known and not outage.passing) or recently:
                return
            self._last[outage.name] = now
        cause: Any = getattr(error, "orig", None) or error
        said = next(iter(str(cause).splitlines()), "")
        log.error("%s (%s): %s; requests are answered 503 and change nothing", outage.says, outage.name, said)

    def over(self, *, writing: bool) -> None:
        """A transaction ended well: whatever it shows to be over is."""
        if self._now is None or (self._now.of_writes and not writing):
            return
        with self._lock:
            outage, self._now = self._now, None
            if outage is None or self._last.get(outage.name) != self._since:
                return  # its beginning was not told
            seconds, met = self._clock() - self._since, self._met
        log.warning("the database is back: %s for %.1f s, met %d times", outage.name, seconds, met)
