"""Copies of a SQLite file: taken while others write, and put where no database is."""

from __future__ import annotations

import os
import secrets
import sqlite3
from contextlib import closing
from pathlib import Path

from gateway.backups import folders
from gateway.backups.manifest import BackupError

FILE = "database.sqlite"
PAGES_A_STEP = 2_000


def copy(source: Path, target: Path) -> None:
    """Copy the database of one moment, in steps. Raises ``BackupError``.

    The moment is held by a reading transaction: writers go on, and none of them has the copy begin again. The
    write-ahead log grows until it is done.
    """
    folders.new_file(target)
    try:
        with closing(_opened(source)) as there, closing(sqlite3.connect(target)) as here:
            there.execute("BEGIN")
            there.execute("SELECT count(*) FROM sqlite_master").fetchone()
            there.backup(here, pages=PAGES_A_STEP, sleep=0)
            there.rollback()
    except sqlite3.Error as error:
        raise BackupError(f"{source} cannot be copied to {target.parent.parent}: {error}.") from None


def make_one_file(copy: Path) -> None:
    """Leave no log beside a copy, look through all of it, and bring it to the disk. Raises ``BackupError``."""
    with closing(sqlite3.connect(copy)) as here:
        here.execute("PRAGMA journal_mode = DELETE").fetchone()
        _must_be_whole(here, copy)
    folders.sync(copy)


def must_be_empty(target: Path) -> None:
    """Do nothing where no database is. Raises ``BackupError``."""
    if target.exists() and target.stat().st_size:
        try:
            with closing(_opened(target)) as there:
                tables = there.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        except sqlite3.Error as error:
            raise BackupError(f"{target} exists and cannot be read ({error}): move it away first.") from None
        if tables:
            raise BackupError(
                f"{target} is not empty: a backup is only restored where no database is. Move the file away, also "
                "where an earlier restore was interrupted, and run the command again."
            )
    for beside in (Path(f"{target}-wal"), Path(f"{target}-journal")):
        if beside.exists():
            raise BackupError(f"There is {beside}, the log of a database: restore into a new data folder.")


def put(source: Path, target: Path) -> None:
    """Put a copy where no database is; it gets its name when all of it is there. Raises ``BackupError``."""
    for left in target.parent.glob(f".{target.name}.restoring-*"):
        left.unlink()
    partial = target.parent / f".{target.name}.restoring-{secrets.token_hex(8)}"
    try:
        folders.copied(source, partial)
        with closing(sqlite3.connect(partial)) as here:
            _must_be_whole(here, source)
        must_be_empty(target)
        target.unlink(missing_ok=True)
        os.link(partial, target)
        folders.sync(target.parent)
    except sqlite3.Error as error:
        raise BackupError(f"{source} is not a sound database: {error}. Use another backup.") from None
    finally:
        partial.unlink(missing_ok=True)


def _opened(path: Path) -> sqlite3.Connection:
    """A connection that makes no file."""
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=rw", uri=True, isolation_level=None)


def _must_be_whole(connection: sqlite3.Connection, path: Path) -> None:
    found = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if found != "ok":
        raise BackupError(f"{path} is damaged: {found}. Use another backup, or copy from a sound database.")
