"""SQLite files of a test run: copied from a template, put back after a test, and used again with their connections.

What costs is not the copy. A new connection reads the whole schema, hundreds of tables, indexes and triggers, which
takes longer than many a test, and prepares every statement anew. Used again is only a file whose schema a test left as
it was, and in which nobody is still at work.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from sqlalchemy import Pool

KEPT = 4
"""So many connections of a gateway are kept for the next one."""
INDEX_HEADER = 96
"""Bytes with which the index of a write-ahead log begins; where they are zeros, SQLite makes it anew from the log."""
SETTINGS = ("ignore_check_constraints = 0", "query_only = 0", "foreign_keys = 1")


class Busy(Exception):
    """Somebody is at work in a file."""


@dataclass
class File:
    """One file, and the connections that wait for its next use.

    It is written by hand, through descriptors that stay open: a process that closes one gives up every lock that it
    has on the file, those of its connections as well.
    """

    path: Path
    content: bytes
    pools: list[tuple[Any, Pool]] = field(default_factory=list)
    sessions: dict[Any, list[sqlite3.Connection]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._keeper = sqlite3.connect(self.path, isolation_level=None, timeout=0)
        self._keeper.execute("PRAGMA wal_checkpoint").fetchone()  # opens the log and its index
        names = (str(self.path), f"{self.path}-shm")
        self._data, self._index = (os.open(name, os.O_RDWR) for name in names)
        self._schema = self._version()
        self._nodes = self._on_disk()

    def restored(self) -> bool:
        """Put it back; False where that cannot be: somebody is at work in it, or it has another schema."""
        with suppress(sqlite3.Error, OSError, Busy):
            for key, pool in self.pools:
                self.sessions.setdefault(key, []).extend(_taken(pool))
            self.pools.clear()
            busy, *_ = self._keeper.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            if busy or self._version() != self._schema or self._on_disk() != self._nodes:
                return False
            os.pwrite(self._data, self.content, 0)
            os.ftruncate(self._data, len(self.content))
            os.pwrite(self._index, bytes(INDEX_HEADER), 0)
            return True
        return False

    def join(self, key: Any, pool: Pool) -> None:
        """Let a gateway's pool begin with the connections that earlier ones of its limits left."""
        waiting, make_one = self.sessions.setdefault(key, []), pool._invoke_creator  # type: ignore[attr-defined]
        pool._creator = lambda: waiting.pop() if waiting else make_one(None)  # type: ignore[attr-defined,assignment]
        self.pools.append((key, pool))

    def close(self) -> None:
        """Give up every connection, and the file."""
        for session in [session for sessions in self.sessions.values() for session in sessions]:
            session.close()
        self._keeper.close()
        os.close(self._data)
        os.close(self._index)
        shutil.rmtree(self.path.parent, ignore_errors=True)

    def _version(self) -> int:
        return int(self._keeper.execute("PRAGMA schema_version").fetchone()[0])

    def _on_disk(self) -> tuple[Any, ...]:
        """Which file it is, and who may read it: a test may have put another in its place."""
        of_file, of_index = os.stat(self.path), os.stat(f"{self.path}-shm")
        return of_file.st_ino, of_file.st_mode, of_index.st_ino


class Files:
    """The files of this process that wait for a test, and those that are lent."""

    def __init__(self, template: Path) -> None:
        self._template, self._content = template, template.read_bytes()
        self._waiting: list[File] = []
        self._lent: dict[str, File] = {}

    @contextmanager
    def lent(self) -> Iterator[Path]:
        """Path of a migrated, empty database."""
        file = self._waiting.pop() if self._waiting else self._made()
        url = f"sqlite:///{file.path}"
        self._lent[url] = file
        try:
            yield file.path
        finally:
            del self._lent[url]
            if file.restored():
                self._waiting.append(file)
            else:
                file.close()

    def join(self, url: str, key: Any, pool: Pool) -> None:
        """Tell the pool of a new gateway of the connections that wait for it, if its database is one of these."""
        if url in self._lent:
            self._lent[url].join(key, pool)

    def close(self) -> None:
        """Give them all up."""
        for file in self._waiting:
            file.close()

    def begin_anew(self) -> None:
        """In a process that was forked from this one: nothing of what the other holds, a connection least of all."""
        self._of_the_other = (self._waiting, self._lent)
        self._waiting, self._lent = [], {}

    def _made(self) -> File:
        path = Path(mkdtemp(prefix="fenqi-lite-")) / "fenqi.sqlite"
        shutil.copy(self._template, path)
        return File(path, self._content)


def _taken(pool: Pool) -> list[sqlite3.Connection]:
    """The connections of a pool, as if they were new; those beyond the first few are closed. Raises ``Busy``."""
    if pool.checkedout():  # type: ignore[attr-defined]
        raise Busy
    idle = [pool.connect() for _ in range(pool.checkedin())]  # type: ignore[attr-defined]
    for connection in idle[KEPT:]:
        connection.invalidate()
    sessions = []
    for connection in idle[:KEPT]:
        session: Any = connection.dbapi_connection
        connection.detach()
        session.rollback()
        for setting in SETTINGS:
            session.execute(f"PRAGMA {setting}")
        sessions.append(session)
    return sessions
