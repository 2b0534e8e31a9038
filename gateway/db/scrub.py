"""What was deleted leaves the files, too: the write-ahead log and freed pages of SQLite, the dead rows of PostgreSQL.

Beyond the reach of this module are backups, archives of PostgreSQL's log, and blocks that a disk or file system has
set aside.
"""

from __future__ import annotations

import re
import time
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

ATTEMPT_MS = 250
"""How long one attempt waits for readers: others cannot write meanwhile."""
BETWEEN_SECONDS = 0.25
CHUNK = 1 << 20


def scrub(engine: Engine, tables: Collection[str], *, seconds: float, whole: bool = False) -> str | None:
    """Rewrite what may hold deleted rows of ``tables``; returns why it is not complete yet, None when it is.

    Waits at most ``seconds`` for transactions that still read the old state. ``whole`` rewrites all of a SQLite file:
    for what was deleted by a program that did not overwrite it.
    """
    latest = time.monotonic() + seconds
    while True:
        why = _sqlite(engine, whole) if engine.dialect.name == "sqlite" else _postgres(engine, tables)
        if why is None or time.monotonic() > latest:
            return why
        time.sleep(BETWEEN_SECONDS)


def files_with(engine: Engine, secret: bytes) -> list[str]:
    """The files of a SQLite database in which ``secret`` still stands; none on PostgreSQL, whose files are not ours."""
    name = engine.url.database
    if engine.dialect.name != "sqlite" or not name:
        return []
    paths = (Path(f"{name}{ending}") for ending in ("", "-wal", "-shm"))
    return [str(path) for path in paths if path.is_file() and any(_chunks_with(path, secret))]


def _sqlite(engine: Engine, whole: bool) -> str | None:
    raw = engine.raw_connection()
    try:
        connection: Any = raw.driver_connection
        connection.execute(f"PRAGMA busy_timeout = {ATTEMPT_MS}")
        if whole:
            connection.execute("VACUUM")
        busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return "another connection still reads an older state of the database" if busy else None
    except engine.dialect.loaded_dbapi.OperationalError as error:
        locked = "locked" in str(error) or "busy" in str(error)
        return "another connection is writing to the database" if locked else f"SQLite says: {error}"
    finally:
        raw.invalidate()  # a pooled connection has its own patience
        raw.close()


def _postgres(engine: Engine, tables: Collection[str]) -> str | None:
    """Rewrite each table: dead rows are left out unless an older transaction could still see them."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        notices: list[tuple[str, str, str]] = []

        def note(said: Any) -> None:  # its texts are gone once the statement is over
            notices.append(
                (said.severity_nonlocalized, said.message_primary or "", said.message_detail or "")
            )

        driver: Any = connection.connection.driver_connection
        driver.add_notice_handler(note)
        try:
            connection.exec_driver_sql(f"SET lock_timeout = {ATTEMPT_MS}")
            connection.exec_driver_sql("SET statement_timeout = 0")
            driver.patience = None
            for table in tables:
                connection.exec_driver_sql(f"VACUUM (FULL, VERBOSE) {table}")
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) == "55P03":  # lock_not_available
                return "another transaction still holds the table of keys"
            return f"PostgreSQL says: {str(error.orig).partition(chr(10))[0]}"
        finally:
            connection.invalidate()  # with its handler and its patience
    return _left_behind(notices, tables)


def _left_behind(notices: list[tuple[str, str, str]], tables: Collection[str]) -> str | None:
    """What PostgreSQL says it did not do: it warns where it may not, and counts dead rows that it had to keep."""
    warnings = [primary for severity, primary, _ in notices if severity == "WARNING"]
    if warnings:
        return (
            f"PostgreSQL refused: {warnings[0]}. As the owner of the tables, run fenqi-gateway privacy scrub"
        )
    details = [re.search(r"\d+", detail) for _, _, detail in notices]
    counts = [int(match[0]) for match in details if match]
    if len(counts) < len(tables):
        return "PostgreSQL did not say whether every table was rewritten"
    return "a transaction that began before the erasure is still open" if any(counts) else None


def _chunks_with(path: Path, secret: bytes) -> Iterator[bool]:
    with path.open("rb") as file:
        tail = b""
        while chunk := file.read(CHUNK):
            if secret in tail + chunk:
                yield True
            tail = chunk[-len(secret) :]
