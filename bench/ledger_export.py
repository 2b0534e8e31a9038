"""Export of the ledger in each format beside the bare SELECT of the same rows, each in a process of its own."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from bench import books
from bench.size import Size
from gateway.ledger.reports.export import FORMATS, ROWS_AT_ONCE, Span, export_file, lines_of


def measure(place: dict[str, Any], size: Size) -> None:
    """Print postings per second, ratio to the SELECT and peak memory; ``place`` is not used."""
    with books.databases(size) as urls, tempfile.TemporaryDirectory(prefix="fenqi-bench-") as folder:
        for url in urls:
            books.filled(url, size.postings).engine.dispose()
            print(
                f"ledger_export: {size.postings:,} postings on {url.partition(':')[0]}, median of {size.rounds} rounds"
            )
            works: dict[str, Callable[[], None]] = {"SELECT": partial(fetch, url)}
            works |= {format: partial(write, url, format, Path(folder) / format) for format in FORMATS}
            runs: dict[str, list[books.Run]] = {name: [] for name in works}
            run = books.apart if size.memory else books.timed
            for _ in range(size.rounds):
                for name, work in works.items():
                    runs[name].append(run(work))
            _print(runs, size.postings)


def _print(runs: dict[str, list[books.Run]], postings: int) -> None:
    bare = statistics.median(run.seconds for run in runs["SELECT"])
    for name, of_name in runs.items():
        took = statistics.median(run.seconds for run in of_name)
        peak = max(run.peak_mib for run in of_name)
        print(
            f"  {name:10} {took:7.2f} s  {postings / took:10,.0f} postings/s"
            f"   ratio {took / bare:5.2f}   {peak:4.0f} MiB"
        )
    print()


def fetch(url: str) -> None:
    """The yardstick: the same rows as the driver gives them, in the same blocks, and dropped."""
    engine = books.database(url).engine
    sql = str(lines_of(Span()).compile(engine))
    with engine.connect().execution_options(stream_results=True) as connection:
        rows = connection.exec_driver_sql(sql).cursor
        while rows is not None and rows.fetchmany(ROWS_AT_ONCE):
            pass


def write(url: str, format: str, out: Path) -> None:
    """What is measured: the file as the command writes it."""
    with books.database(url).read() as tx:
        export_file(tx, out, format=format)
