"""Tables of a matching on Apache Spark (extra ``[spark]``): a database of its own, in a folder that all machines see.

What is added lies in Parquet files that DuckDB writes here, so that no row passes through Spark's Python; what comes
out is fetched partition by partition.
"""

from __future__ import annotations

import os
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from gateway.reconciliation.matching.tables import ADDED, DuckTables, on_duckdb

OPTIONS = {
    "spark.ui.enabled": "false",
    "spark.sql.catalogImplementation": "in-memory",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "true",  # a sum too large is an error, never another number
    "spark.log.level": "ERROR",
}


class SparkTables:
    """Tables in a database of Spark's, as Parquet files."""

    text = "STRING"

    def __init__(self, session: Any, added: DuckTables, folder: Path) -> None:
        self._session = session
        self._added = added
        self._folder = folder

    def add(self, table: str, columns: Sequence[Any]) -> None:
        """See ``Tables``."""
        self._added.add(table, columns)

    def all_added(self) -> None:
        """Hand what was added to Spark, unless a step before has."""
        for name in ADDED:
            self._hand_over(name)

    def create(self, name: str, select: str) -> None:
        """See ``Tables``."""
        self.all_added()
        self._session.sql(f"CREATE TABLE {name} USING parquet AS {select}")

    def append(self, name: str, select: str) -> None:
        """See ``Tables``."""
        self._session.sql(f"INSERT INTO {name} {select}")

    def drop(self, name: str) -> None:
        """See ``Tables``."""
        self._session.sql(f"DROP TABLE {name}")

    def rename(self, name: str, new: str) -> None:
        """See ``Tables``."""
        self._session.sql(f"ALTER TABLE {name} RENAME TO {new}")

    def number(self, select: str) -> int:
        """See ``Tables``."""
        return int(self._session.sql(select).first()[0])

    def rows(self, select: str) -> Iterator[tuple[Any, ...]]:
        """See ``Tables``."""
        for row in self._session.sql(select).toLocalIterator():
            yield tuple(row)

    def _hand_over(self, name: str) -> None:
        place = self._folder / "added" / name
        if place.exists():
            return
        place.mkdir(parents=True)
        file = str(place / "rows.parquet").replace("'", "''")
        self._added.connection.execute(f"COPY {name} TO '{file}' (FORMAT parquet)")
        self._added.drop(name)
        self._session.sql(f"CREATE TABLE {name} USING parquet LOCATION '{place.as_uri()}'")


@cache
def _session(master: str) -> Any:
    """The process's connection to the cluster, made by the first who needs it."""
    import pyspark  # noqa: PLC0415 - an extra
    from pyspark.sql import SparkSession  # noqa: PLC0415

    os.environ.setdefault("SPARK_HOME", str(Path(pyspark.__file__).parent))
    builder = SparkSession.builder.master(master).appName("fenqi-reconciliation")
    for name, value in OPTIONS.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


def end() -> None:
    """Leave the cluster, if this process is on one."""
    from pyspark.sql import SparkSession  # noqa: PLC0415 - an extra

    _session.cache_clear()
    if (active := SparkSession.getActiveSession()) is not None:
        active.stop()


@contextmanager
def on_spark(master: str, folder: Path | None = None) -> Iterator[SparkTables]:
    """Tables in a database of the cluster that vanishes at the end, with its files."""
    session = _session(master).newSession()
    database = f"reconciliation_{uuid.uuid4().hex}"
    with (
        tempfile.TemporaryDirectory(prefix="fenqi-reconciliation-", dir=folder) as own,
        on_duckdb(folder) as added,
    ):
        session.sql(f"CREATE DATABASE {database} LOCATION '{(Path(own) / 'tables').as_uri()}'")
        try:
            session.sql(f"USE {database}")
            yield SparkTables(session, added, Path(own))
        finally:
            session.sql("USE default")
            session.sql(f"DROP DATABASE {database} CASCADE")
