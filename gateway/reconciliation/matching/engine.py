"""Runs the steps of the matching, on whichever engine holds the tables (``tables.py``)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from gateway.reconciliation.matching import texts
from gateway.reconciliation.matching.tables import Tables, on_duckdb
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
NEAR_DAYS = 7
MOST_ROUNDS = 200
"""Rounds of pairing; what is left after them is compared as a group."""


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

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._numbers = count()

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
        columns = zip(zip(*chunk, strict=True), kinds, strict=True)
        self._tables.add(table, [_column(values, kind) for values, kind in columns])

    def add_aliases(self, rows: Iterable[tuple[str, str]]) -> None:
        """Other words for what ours are named: an id of ours, and the name."""
        self._add("aliases", rows, (object, object))

    def rename(self) -> None:
        """Let a name of theirs that is another word for one of ours be that name."""
        self._tables.create("renamed", texts.RENAMED)
        self._tables.drop("theirs")
        self._tables.rename("renamed", "theirs")

    def match(self, rules: Rules, progress: Callable[[float], object] = lambda done: None) -> int:
        """Compare the sides; returns how many lines of the file differ. ``progress`` is told shares up to 1."""
        self._tables.all_added()
        values = {**rules.values(), "text": self._tables.text}
        steps = len(texts.BEFORE_PAIRS) + len(texts.AFTER_PAIRS) + 2
        done = count(1)
        for name, text in texts.BEFORE_PAIRS:
            self._make(name, text, values)
            progress(next(done) / steps)
        self._make("pairs", texts.NO_PAIRS, values)
        self._pair("named", values, which="moved = 1 AND name IS NOT NULL", bucket="name")
        progress(next(done) / steps)
        if rules.by_amount:
            self._pair_by_amount(values)
        progress(next(done) / steps)
        for name, text in texts.AFTER_PAIRS:
            self._make(name, text, values)
            progress(next(done) / steps)
        return self._tables.number("SELECT count(DISTINCT line) FROM exceptions")

    def exceptions(self) -> Iterator[Difference]:
        """All that differs, in the order of the file; what the file lacks comes last."""
        for row in self._tables.rows("SELECT * FROM exceptions ORDER BY line NULLS LAST, ours_id"):
            one = Difference(*row)
            yield replace(one, ours_day=EPOCH + timedelta(days=row[-1])) if row[-1] is not None else one

    def counts(self) -> dict[str, int]:
        """How many differences there are of each verdict."""
        rows = self._tables.rows("SELECT verdict, count(*) FROM exceptions GROUP BY verdict")
        return dict.fromkeys(VERDICTS[1:], 0) | {verdict: int(count) for verdict, count in rows}

    def _make(self, name: str, text: str, values: dict[str, Any]) -> None:
        self._tables.create(name, text.format(**values))

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
            made = self._tables.number(f"SELECT count(*) FROM {pairs}")
            failed = 0 if made else failed + 1
            if failed == 2 or (not made and values["window"] == ANY_DAY):
                return
            if not made:
                continue
            self._tables.append("pairs", f"SELECT line, part, id FROM {pairs}")
            left_theirs, left_ours = f"{stem}_theirs_{number}", f"{stem}_ours_{number}"
            self._make(left_theirs, texts.STILL_THEIRS, {"theirs": theirs, "pairs": pairs})
            self._make(left_ours, texts.STILL_OURS, {"ours": ours, "pairs": pairs})
            for table in (theirs, ours, pairs):
                self._tables.drop(table)
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
def matcher(folder: Path | None = None, *, spark: str = "") -> Iterator[Matcher]:
    """A matcher whose tables lie in a folder that vanishes with all it held.

    ``spark`` is the master of a Spark cluster whose machines all see ``folder``; DuckDB holds the tables without one.
    """
    if spark:
        from gateway.reconciliation.matching.spark import on_spark  # noqa: PLC0415 - an extra

        with on_spark(spark, folder) as far:
            yield Matcher(far)
    else:
        with on_duckdb(folder) as near:
            yield Matcher(near)
