"""Matching two sides of a reconciliation beside the bare join of the same rows in DuckDB, with its peak of memory."""

from __future__ import annotations

import statistics
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from typing import Any

from bench import books
from bench.report import Row, at_most
from bench.size import Size
from gateway.reconciliation.matching.engine import Matcher, Rules
from gateway.reconciliation.matching.tables import on_duckdb

GOAL = 3.0
MEMORY = "1GB"
BARE = """
CREATE TABLE bare AS SELECT t.line, o.number, t.amount - o.amount AS apart
FROM theirs AS t FULL JOIN ours AS o ON t.name = o.name
"""
THEIRS = """
INSERT INTO theirs SELECT i + 2, 0, 'ORD' || lpad((i * 7919 % {rows})::VARCHAR, 12, '0'),
       1000 + i % 5000 + CASE WHEN i % 1000 = 7 THEN 1 ELSE 0 END, 20000 + i % 30, 1, NULL
FROM range({rows}) AS r(i) WHERE i % 1000 <> 3
"""
OURS = """
INSERT INTO ours SELECT i, 'cap_' || lpad(i::VARCHAR, 12, '0'), 'ORD' || lpad((i * 7919 % {rows})::VARCHAR, 12, '0'),
       1000 + i % 5000, 20000 + i % 30, 1, 10, 1
FROM range({rows}) AS r(i) WHERE i % 1000 <> 5
"""
"""One row in a thousand differs, one is missing here, and one is missing there."""


def measure(place: dict[str, Any], size: Size) -> list[Row]:
    """Seconds of the whole matching and of the bare join, in turn; ``place`` is not used."""
    runs = [_apart(size.matched, size.memory) for _ in range(size.rounds)]
    ratio = statistics.median(whole / bare for bare, whole, _ in runs)
    bare, whole = (statistics.median(run[place] for run in runs) for place in (0, 1))
    print(
        f"reconciliation: {size.matched:,} x {size.matched:,} rows, {size.rounds} rounds: whole {whole:.2f} s, bare "
        f"join {bare:.2f} s, ratio {ratio:.2f}; peak {max(run[2] for run in runs):.0f} MiB\n"
    )
    name = f"reconciliation: {size.matched:,} x {size.matched:,} rows"
    goal = at_most(GOAL, of_yardstick=True)
    return [Row(name, whole, "s", goal, bare, ratio)]


def _apart(rows: int, alone: bool) -> tuple[float, float, float]:
    if not alone:
        return compare(rows)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(partial(compare, rows)).result()


def compare(rows: int) -> tuple[float, float, float]:
    """Seconds of the bare join and of the matching, and the peak of memory in MiB."""
    with on_duckdb(memory=MEMORY) as tables:
        sql, matching = tables.connection, Matcher(tables)
        for text in (THEIRS, OURS):
            sql.execute(text.format(rows=rows))
        began = time.perf_counter()
        sql.execute(BARE)
        bare = time.perf_counter() - began
        sql.execute("DROP TABLE bare")
        began = time.perf_counter()
        found = matching.match(Rules(window_days=5))
        whole = time.perf_counter() - began
    differing, lacking = len(range(7, rows, 1000)), len(range(5, rows, 1000))
    assert found == differing + lacking, f"{found} of {differing + lacking} differences were found"
    return bare, whole, books.peak_mib()
