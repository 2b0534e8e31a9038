"""The engine: one place that sets and asserts what each database must guarantee."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass, replace
from typing import Any

import psycopg
from psycopg.errors import _WaitTimeout
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL, Connection, ExceptionContext, make_url

SQLITE_PRAGMAS = {
    "journal_mode": "wal",
    "synchronous": 2,
    "foreign_keys": 1,
    "recursive_triggers": 1,
    "secure_delete": 1,
}
"""WAL with FULL synchronous: an acknowledged commit survives a power loss. ``recursive_triggers`` makes
INSERT OR REPLACE fire the delete triggers that guard the ledger. ``secure_delete`` overwrites what is deleted with
zeros, so that an erased key is in no freed page; see ``scrub`` for the write-ahead log."""

TURN_SECONDS = 10
"""So long a writer of SQLite waits for the others of its process."""
COMMAND_SECONDS = 120
"""So long a command waits for SQLite's writers; PostgreSQL's it waits for as long as it takes."""
PING_SECONDS, GRACE_SECONDS = 3, 2
"""How long a connection from the pool may take to show that it lives, and by how much an answer may be later than the
server's own limit before the server counts as frozen."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a connection waits, in seconds; 0: for ever. SQLite knows only ``lock``."""

    connect: int = 5
    statement: int = 15
    lock: int = 10
    idle: int = 60
    """For us, inside a transaction."""
    tcp: int = 15
    """For the other side to acknowledge what was sent, or to show that it is there."""

    def patient(self) -> Limits:
        """For commands, which read and change a lot at once, and wait for each other."""
        return replace(self, statement=0, lock=0, idle=0)


def connect(url: str, limits: Limits = Limits()) -> Engine:  # it cannot be changed
    """Engine for a database URL; ``sqlite:///FILE`` or ``postgresql://…`` (psycopg 3 is chosen by itself).

    Errors show the statement without its parameters, which may be personal.
    """
    target = canonical_url(url)
    if target.get_backend_name() == "sqlite":
        return _sqlite(target, limits)
    engine = create_engine(
        target, pool_pre_ping=True, pool_size=10, max_overflow=10, pool_timeout=10, hide_parameters=True
    )
    event.listen(engine, "handle_error", _hide_rows)

    @event.listens_for(engine, "do_connect")
    def bounded(_dialect: Any, _record: Any, arguments: list[Any], options: dict[str, Any]) -> Any:
        connection = Bounded.connect(*arguments, **_bounds(limits, options))
        connection.patience = limits.statement + GRACE_SECONDS if limits.statement else None
        return connection

    ping = engine.dialect.do_ping

    def ping_soon(connection: Any) -> bool:
        with connection.within(PING_SECONDS):
            return ping(connection)

    engine.dialect.do_ping = ping_soon  # type: ignore[assignment, method-assign]
    return engine


class Bounded(psycopg.Connection[Any]):
    """A connection that gives up a server which is frozen: the server's own limits act no more then."""

    patience: float | None = None

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        """As psycopg waits, but for ``patience`` seconds at most. Raises ``OperationalError``."""
        try:
            return super().wait(gen, interval, self.patience if timeout is None else timeout)
        except _WaitTimeout:
            self.pgconn.finish()
            raise psycopg.OperationalError(f"no answer within {self.patience} seconds") from None

    @contextlib.contextmanager
    def within(self, seconds: float) -> Any:
        """Be less patient for a while."""
        before, self.patience = self.patience, seconds
        try:
            yield
        finally:
            self.patience = before


def _bounds(limits: Limits, options: dict[str, Any]) -> dict[str, Any]:
    """Parameters of libpq for the limits; what the URL says itself wins."""
    milliseconds = {
        "statement_timeout": limits.statement,
        "lock_timeout": limits.lock,
        "idle_in_transaction_session_timeout": limits.idle,
    }
    ours = " ".join(f"-c {name}={seconds * 1000}" for name, seconds in milliseconds.items() if seconds)
    found: dict[str, Any] = {}
    if limits.connect:
        found["connect_timeout"] = limits.connect
    if limits.tcp:
        found |= {
            "keepalives": 1,
            "keepalives_idle": limits.tcp,
            "keepalives_interval": max(limits.tcp // 3, 1),
            "keepalives_count": 3,
            "tcp_user_timeout": limits.tcp * 1000,
        }
    found |= options
    if ours:
        found["options"] = f"{ours} {options.get('options', '')}".strip()
    return found


def canonical_url(url: str) -> URL:
    """The URL with the driver we lock: ``postgres://`` and ``postgresql://`` become ``postgresql+psycopg://``."""
    target = make_url(url)
    if target.drivername in ("postgres", "postgresql"):
        target = target.set(drivername="postgresql+psycopg")
    if target.drivername not in ("sqlite", "postgresql+psycopg"):
        raise ValueError(f"unsupported database {target.drivername!r}: use sqlite:///FILE or postgresql://…")
    return target


def _hide_rows(context: ExceptionContext) -> None:
    """Take the DETAIL out of PostgreSQL's errors: of a row that breaks a constraint it prints every column."""
    for error in (context.original_exception, context.sqlalchemy_exception):
        if error is not None and error.args and isinstance(error.args[0], str):
            error.args = (error.args[0].partition("\nDETAIL:")[0], *error.args[1:])


def _sqlite(target: URL, limits: Limits) -> Engine:
    patience = limits.lock or COMMAND_SECONDS
    engine = create_engine(
        target, connect_args={"timeout": patience, "check_same_thread": False}, hide_parameters=True
    )

    @event.listens_for(engine, "do_connect")
    def own(_dialect: Any, _record: Any, arguments: list[Any], _options: dict[str, Any]) -> None:
        # SQLite gives its write-ahead log the mode of the file, so it is set before anything is in it.
        path = str(arguments[0])
        if path != ":memory:" and not path.startswith("file:"):
            with contextlib.suppress(OSError):  # SQLite says itself what is wrong with the place
                os.close(os.open(path, os.O_CREAT | os.O_EXCL, 0o600))

    @event.listens_for(engine, "connect")
    def set_pragmas(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # we send BEGIN ourselves, see below
        for name, wanted in SQLITE_PRAGMAS.items():
            connection.execute(f"PRAGMA {name} = {wanted}")
            (found,) = connection.execute(f"PRAGMA {name}").fetchone()
            if found != wanted and str(target.database) not in ("", ":memory:", "None"):
                raise RuntimeError(f"SQLite refused PRAGMA {name} = {wanted} (it is {found})")

    @event.listens_for(engine, "checkin")
    def leave_nothing_open(connection: Any, _record: Any) -> None:
        # A commit that SQLite refuses leaves the transaction open, and with it the lock of all writers.
        if connection is not None and connection.in_transaction:
            connection.rollback()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A write transaction takes its lock at once: a reader that upgrades later could only fail.
        immediate = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")

    return engine
