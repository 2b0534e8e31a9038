"""Where the tables of a matching lie: the port, and DuckDB, in a folder of its own that vanishes."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import duckdb

MEMORY = "512MB"
THREADS = 2
FETCHED = 20_000
ADDED = {
    "theirs": "line BIGINT, part INTEGER, name VARCHAR, amount BIGINT, day INTEGER, moved INTEGER, fee BIGINT",
    "ours": (
        "number BIGINT, id VARCHAR, name VARCHAR, amount BIGINT, day INTEGER, moved INTEGER, fee BIGINT, due INTEGER"
    ),
    "aliases": "alias VARCHAR, name VARCHAR",
}
"""The tables that rows are added to, as DuckDB declares them."""


class Tables(Protocol):
    """What the steps of a matching need of an engine; SQL is text of ``texts.py``."""

    text: str
    """The engine's type of text."""

    def add(self, table: str, columns: Sequence[Any]) -> None:
        """Add rows to one of ``ADDED``, as an array for each column."""

    def all_added(self) -> None:
        """No more rows are added."""

    def create(self, name: str, select: str) -> None:
        """Make the table ``name`` of what a query answers."""

    def append(self, name: str, select: str) -> None:
        """Add what a query answers to a table that ``create`` made."""

    def drop(self, name: str) -> None:
        """Take a table away."""

    def rename(self, name: str, new: str) -> None:
        """Give a table that ``create`` made another name."""

    def number(self, select: str) -> int:
        """The one number that a query answers."""

    def rows(self, select: str) -> Iterator[tuple[Any, ...]]:
        """What a query answers, row by row."""


class DuckTables:
    """Tables in DuckDB: in memory up to a bound; it moves what is more into the folder."""

    text = "VARCHAR"

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        for name, columns in ADDED.items():
            self.connection.execute(f"CREATE TABLE {name} ({columns})")

    def add(self, table: str, columns: Sequence[Any]) -> None:
        """See ``Tables``."""
        named = {f"c{place}": column for place, column in enumerate(columns)}
        self.connection.register("chunk", named)
        self.connection.execute(f"INSERT INTO {table} SELECT {', '.join(named)} FROM chunk")
        self.connection.unregister("chunk")

    def all_added(self) -> None:
        """Nothing is left to do."""

    def create(self, name: str, select: str) -> None:
        """See ``Tables``."""
        self.connection.execute(f"CREATE TABLE {name} AS {select}")

    def append(self, name: str, select: str) -> None:
        """See ``Tables``."""
        self.connection.execute(f"INSERT INTO {name} {select}")

    def drop(self, name: str) -> None:
        """See ``Tables``."""
        self.connection.execute(f"DROP TABLE {name}")

    def rename(self, name: str, new: str) -> None:
        """See ``Tables``."""
        self.connection.execute(f"ALTER TABLE {name} RENAME TO {new}")

    def number(self, select: str) -> int:
        """See ``Tables``."""
        return int(self.connection.execute(select).fetchone()[0])

    def rows(self, select: str) -> Iterator[tuple[Any, ...]]:
        """See ``Tables``."""
        answer = self.connection.cursor().execute(select)
        while chunk := answer.fetchmany(FETCHED):
            yield from chunk


@contextmanager
def on_duckdb(folder: Path | None = None, *, memory: str = MEMORY) -> Iterator[DuckTables]:
    """Tables in a database of DuckDB that vanishes; what is more than ``memory`` waits in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="fenqi-reconciliation-", dir=folder) as own:
        options: dict[str, Any] = {"memory_limit": memory, "temp_directory": own, "threads": THREADS}
        connection = duckdb.connect(":memory:", config=options)
        try:
            connection.execute("SET preserve_insertion_order = false")
            yield DuckTables(connection)
        finally:
            connection.close()
