"""The engine: one place that sets and asserts what each database must guarantee."""

from __future__ import annotations

import contextlib
import os
from typing import Any

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


def connect(url: str) -> Engine:
    """Engine for a database URL; ``sqlite:///FILE`` or ``postgresql://…`` (psycopg 3 is chosen by itself).

    Errors show the statement without its parameters, which may be personal.
    """
    target = canonical_url(url)
    if target.get_backend_name() == "sqlite":
        return _sqlite(target)
    engine = create_engine(
        target, pool_pre_ping=True, pool_size=10, max_overflow=10, pool_timeout=10, hide_parameters=True
    )
    event.listen(engine, "handle_error", _hide_rows)
    return engine


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


def _sqlite(target: URL) -> Engine:
    engine = create_engine(
        target, connect_args={"timeout": 10, "check_same_thread": False}, hide_parameters=True
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

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A write transaction takes its lock at once: a reader that upgrades later could only fail.
        immediate = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")

    return engine
