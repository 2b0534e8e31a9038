"""Runs the matching on DuckDB: a database in a folder of its own that vanishes, with a bound on its memory."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from gateway.reconciliation.matching import texts
from gateway.reconciliation.matching.texts import ANY_DAY
from gateway.reconciliation.reading.cells import days_since_1970

VERDICTS = (
    "matched",
    "amount_differs",
    "missing_here",
    "missing_there",
    "duplicate",
    "status_differs",
    "fee_differs",
)
CHUNK = 20_000
EPOCH = date(1970, 1, 1)
MEMORY = "512MB"
THREADS = 2
NEAR_DAYS = 7
MOST_ROUNDS = 200
"""Rounds of pairing; what is left after them is compared as a group."""
THEIRS = "line BIGINT, part INTEGER, name VARCHAR, amount BIGINT, day INTEGER, moved INTEGER, fee BIGINT"
OURS = "number BIGINT, id VARCHAR, name VARCHAR, amount BIGINT, day INTEGER, moved INTEGER, fee BIGINT, due INTEGER"


@dataclass(frozen=True, slots=True)
class Rules:
    """What counts as equal: fen apart, days apart (None is any), and whether an amount and a day are enough."""

    tolerance_fen: int = 0
    window_days: int | None = None
    by_amount: bool = False

    def values(self) -> dict[str, Any]:
        """The numbers that stand in the SQL."""
        window = ANY_DAY if self.window_days is None else int(self.window_days)
        return {
            "tolerance": int(self.tolerance_fen),
            "window": window,
            "by_amount": int(self.by_amount),
            "near_days": NEAR_DAYS,
            "text": "VARCHAR",
        }


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference: the line of the file (None where it lacks one), the row of ours, fen, and a suggestion."""

    line: int | None
    verdict: str
    theirs_fen: int | None
    ours_id: str | None
    ours_fen: int | None
    difference_fen: int
    suggestion: str | None
    suggested_line: int | None
    suggested_id: str | None
    ours_day: date | None
    """The day of ours, of what the file lacks."""


class Matcher:
    """Two sides on their way into the matching, and what comes of it."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self._numbers = count()
        self.connection.execute(f"CREATE TABLE theirs ({THEIRS})")
        self.connection.execute(f"CREATE TABLE ours ({OURS})")
        self.connection.execute("CREATE TABLE aliases (alias VARCHAR, name VARCHAR)")

    def add_theirs(self, rows: Iterable[tuple[int, int, str | None, int, date, bool, int | None]]) -> None:
        """Rows of the file: line, part, name, fen, day, whether money moved, fee in fen."""
        self._add("theirs", rows, (int, int, object, int, "day", int, "null"))

    def add_ours(self, rows: Iterable[tuple[str, str, int, date, bool, int | None, bool]]) -> None:
        """Rows of ours: id, name, fen, day, whether money moved, fee in fen, whether the file's period holds it."""
        numbered = ((next(self._numbers), *row) for row in rows)
        self._add("ours", numbered, (int, object, object, int, "day", int, "null", int))

    def _add(self, table: str, rows: Iterable[tuple[Any, ...]], kinds: tuple[Any, ...]) -> None:
        chunk: list[tuple[Any, ...]] = []
        for row in rows:
            chunk.append(row)
            if len(chunk) == CHUNK:
                self._insert(table, chunk, kinds)
                chunk = []
        if chunk:
            self._insert(table, chunk, kinds)

    def _insert(self, table: str, chunk: list[tuple[Any, ...]], kinds: tuple[Any, ...]) -> None:
        columns = {
            f"c{place}": _column(values, kind)
            for place, (values, kind) in enumerate(zip(zip(*chunk, strict=True), kinds, strict=True))
        }
        self.connection.register("chunk", columns)
        self.connection.execute(f"INSERT INTO {table} SELECT {', '.join(columns)} FROM chunk")
        self.connection.unregister("chunk")

    def add_aliases(self, rows: Iterable[tuple[str, str]]) -> None:
        """Other words for what ours are named: an id of ours, and the name."""
        self._add("aliases", rows, (object, object))

    def rename(self) -> None:
        """Let a name of theirs that is another word for one of ours be that name."""
        self.connection.execute(
            "CREATE TABLE renamed AS SELECT t.line, t.part, coalesce(o.name, t.name) AS name, t.amount, t.day, "
            "t.moved, t.fee FROM theirs AS t LEFT JOIN (SELECT alias, min(name) AS name FROM aliases GROUP BY alias) "
            "AS o ON o.alias = t.name"
        )
        self.connection.execute("DROP TABLE theirs")
        self.connection.execute("ALTER TABLE renamed RENAME TO theirs")

    def match(self, rules: Rules, progress: Callable[[float], object] = lambda done: None) -> int:
        """Compare the sides; returns how many lines of the file differ. ``progress`` is told shares up to 1."""
        values = rules.values()
        steps = len(texts.BEFORE_PAIRS) + len(texts.AFTER_PAIRS) + 2
        done = count(1)
        for name, text in texts.BEFORE_PAIRS:
            self._make(name, text, values)
            progress(next(done) / steps)
        self.connection.execute("CREATE TABLE pairs (line BIGINT, part INTEGER, id VARCHAR)")
        self._pair("named", values, which="moved = 1 AND name IS NOT NULL", bucket="name")
        progress(next(done) / steps)
        if rules.by_amount:
            self._pair_by_amount(values)
        progress(next(done) / steps)
        for name, text in texts.AFTER_PAIRS:
            self._make(name, text, values)
            progress(next(done) / steps)
        found = self.connection.execute("SELECT count(DISTINCT line) FROM exceptions").fetchone()
        return int(found[0])

    def exceptions(self) -> Iterator[Difference]:
        """All that differs, in the order of the file; what the file lacks comes last."""
        rows = self.connection.execute("SELECT * FROM exceptions ORDER BY line NULLS LAST, ours_id")
        while chunk := rows.fetchmany(CHUNK):
            for row in chunk:
                one = Difference(*row)
                yield replace(one, ours_day=EPOCH + timedelta(days=row[-1])) if row[-1] is not None else one

    def counts(self) -> dict[str, int]:
        """How many differences there are of each verdict."""
        rows = self.connection.execute("SELECT verdict, count(*) FROM exceptions GROUP BY verdict").fetchall()
        return dict.fromkeys(VERDICTS[1:], 0) | {verdict: int(count) for verdict, count in rows}

    def _make(self, name: str, text: str, values: dict[str, Any]) -> None:
        self.connection.execute(f"CREATE TABLE {name} AS {text.format(**values)}")

    def _pair_by_amount(self, values: dict[str, Any]) -> None:
        """Pair what no name explains by amount and day: rows without a name, or with one that is unknown here."""
        self._make("loose_theirs", texts.REST_THEIRS, values)
        self._make("loose_ours", texts.REST_OURS, values)
        which = "name IS NULL OR NOT EXISTS (SELECT 1 FROM ours AS o WHERE o.name = {table}.name)"
        self._pair("loose", values, which=which, bucket="''", source=("loose_theirs", "loose_ours"))

    def _pair(
        self,
        stem: str,
        values: dict[str, Any],
        *,
        which: str,
        bucket: str,
        source: tuple[str, str] = ("open_theirs", "open_ours"),
    ) -> None:
        theirs, ours = f"{stem}_theirs_0", f"{stem}_ours_0"
        ours_which = "moved = 1"
        theirs_which = which.format(table=source[0])
        self._make(theirs, texts.LEFT_THEIRS.format(bucket=bucket, rows=source[0], which=theirs_which), {})
        self._make(ours, texts.LEFT_OURS.format(bucket=bucket, rows=source[1], which=ours_which), {})
        failed = 0
        for number in range(1, MOST_ROUNDS):
            text = texts.NEAREST if failed else texts.IN_ORDER
            pairs = f"{stem}_pairs_{number}"
            self._make(pairs, text, {**values, "theirs": theirs, "ours": ours})
            made = self.connection.execute(f"SELECT count(*) FROM {pairs}").fetchone()[0]
            failed = 0 if made else failed + 1
            if failed == 2 or (not made and values["window"] == ANY_DAY):
                return
            if not made:
                continue
            self.connection.execute(f"INSERT INTO pairs SELECT line, part, id FROM {pairs}")
            left_theirs, left_ours = f"{stem}_theirs_{number}", f"{stem}_ours_{number}"
            self._make(left_theirs, texts.STILL_THEIRS, {"theirs": theirs, "pairs": pairs})
            self._make(left_ours, texts.STILL_OURS, {"ours": ours, "pairs": pairs})
            for table in (theirs, ours, pairs):
                self.connection.execute(f"DROP TABLE {table}")
            theirs, ours = left_theirs, left_ours


def _column(values: tuple[Any, ...], kind: Any) -> Any:
    if kind == "day":
        return np.fromiter((days_since_1970(value) for value in values), dtype=np.int32, count=len(values))
    if kind == "null":
        empty = np.fromiter((value is None for value in values), dtype=bool, count=len(values))
        return np.ma.array([value or 0 for value in values], mask=empty, dtype=np.int64)
    if kind is object:
        return np.array(values, dtype=object)
    return np.fromiter(values, dtype=np.int64, count=len(values))


@contextmanager
def matcher(folder: Path | None = None, *, memory: str = MEMORY) -> Iterator[Matcher]:
    """A matcher in a folder that vanishes with all it held; what is more than ``memory`` waits there."""
    with tempfile.TemporaryDirectory(prefix="fenqi-reconciliation-", dir=folder) as own:
        # In memory up to the bound; DuckDB moves what is more into the folder, also of its tables.
        options: dict[str, Any] = {"memory_limit": memory, "temp_directory": own, "threads": THREADS}
        connection = duckdb.connect(":memory:", config=options)
        try:
            connection.execute("SET preserve_insertion_order = false")
            yield Matcher(connection)
        finally:
            connection.close()
