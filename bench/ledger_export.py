"""Export of the ledger in each format beside the bare SELECT of the same rows, each in a process of its own.

``FENQI_BENCH_POSTINGS=1000000`` measures a larger book (100,000 postings otherwise). The books are made anew in a
SQLite file; ``FENQI_BENCH_LEDGER_URL`` names an empty database to fill instead, such as one on PostgreSQL.
"""

from __future__ import annotations

import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from sqlalchemy import insert, select

from gateway.core.identifiers import IdSource
from gateway.db.engine import connect
from gateway.db.migrate import upgrade
from gateway.db.transactions import Database
from gateway.ledger.accounts import account_id
from gateway.ledger.export import FORMATS, ROWS_AT_ONCE, Span, export_file, lines_of
from gateway.ledger.models import ACCOUNT, ENTRY, POSTING, SEAL
from gateway.ledger.postings import Entries, drawdown

POSTINGS = int(os.environ.get("FENQI_BENCH_POSTINGS", "100000"))
GIVEN_URL = os.environ.get("FENQI_BENCH_LEDGER_URL", "")
NOW = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
MERCHANTS = 50
ENTRIES_AT_ONCE = 2_000
ENTRIES_A_DAY = 700


@dataclass(frozen=True, slots=True)
class Run:
    """Seconds that one run took, and the most memory its process ever held, in MB."""

    seconds: float
    peak_mb: float


def measure(place: dict[str, Any], *, seconds: float, rounds: int) -> None:
    """Print postings per second, ratio to the SELECT and peak memory; ``place`` and ``seconds`` are not used."""
    with tempfile.TemporaryDirectory(prefix="fenqi-bench-ledger-") as folder:
        url = GIVEN_URL or f"sqlite:///{folder}/ledger.sqlite"
        lines = fill(url)
        print(f"ledger_export: {lines:,} postings on {url.partition(':')[0]}, median of {rounds} rounds")
        works: dict[str, Callable[[], None]] = {"SELECT": partial(fetch, url)}
        works |= {format: partial(write, url, format, Path(folder) / f"book.{format}") for format in FORMATS}
        runs: dict[str, list[Run]] = {name: [] for name in works}
        for _ in range(rounds):
            for name, work in works.items():
                runs[name].append(apart(work))
        _print(runs, lines)


def _print(runs: dict[str, list[Run]], lines: int) -> None:
    bare = statistics.median(run.seconds for run in runs["SELECT"])
    for name, of_name in runs.items():
        took = statistics.median(run.seconds for run in of_name)
        peak = max(run.peak_mb for run in of_name)
        print(
            f"  {name:10} {took:7.2f} s  {lines / took:10,.0f} postings/s   ratio {took / bare:5.2f}   {peak:4.0f} MB"
        )
    print()


def fetch(url: str) -> None:
    """The yardstick: the same rows as the driver gives them, in the same blocks, and dropped."""
    engine = connect(url)
    sql = str(lines_of(Span()).compile(engine))
    with engine.connect().execution_options(stream_results=True) as connection:
        rows = connection.exec_driver_sql(sql).cursor
        while rows is not None and rows.fetchmany(ROWS_AT_ONCE):
            pass


def write(url: str, format: str, out: Path) -> None:
    """What is measured: the file as the command writes it."""
    with _database(url).read() as tx:
        export_file(tx, out, format=format)


def apart(work: Callable[[], None]) -> Run:
    """Run ``work`` in a fresh process, so that its peak memory is its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_timed, work).result()


def _timed(work: Callable[[], None]) -> Run:
    start = time.perf_counter()
    work()
    return Run(time.perf_counter() - start, _peak_mb())


def _peak_mb() -> float:
    """This process's own peak: ``ru_maxrss`` on Linux also counts the parent's from before the program began."""
    status = Path("/proc/self/status")
    if status.exists():
        words = status.read_text().split()
        return int(words[words.index("VmHWM:") + 1]) / 1024
    bytes_each = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * bytes_each / 1024**2


def fill(url: str) -> int:
    """Make books of ``POSTINGS`` lines of captures or a few more, day by day; returns how many lines."""
    upgrade(url)
    engine = connect(url)
    with engine.begin() as connection:
        if connection.execute(select(ENTRY.c.id).limit(1)).first():
            raise SystemExit("FENQI_BENCH_LEDGER_URL must name a database without ledger entries")
    lines, first = 0, 0
    while lines < POSTINGS:
        rows = list(_captures(first, first + ENTRIES_AT_ONCE))
        with engine.begin() as connection:
            if first == 0:
                connection.execute(insert(ACCOUNT), _accounts(rows))
            connection.execute(insert(ENTRY), [entry for entry, _ in rows])
            connection.execute(insert(POSTING), [line for entry in rows for line in _lines(*entry)])
            connection.execute(insert(SEAL), [_seal(*entry) for entry in rows])
        lines += sum(len(posted) for _, posted in rows)
        first += ENTRIES_AT_ONCE
    engine.dispose()
    return lines


def _captures(first: int, end: int) -> Iterator[tuple[dict[str, Any], Entries]]:
    for number in range(first, end):
        merchant = f"mer_{number % MERCHANTS:02}"
        lines = drawdown(
            loan=f"ln_{number:026}",
            payment=f"pay_{number:026}",
            funder="demo_bank",
            merchant=merchant,
            principal_fen=100_000 + number,
            fee_net_fen=900,
            vat_fen=90,
            subsidy_fen=0,
        )
        yield _entry(number, merchant), lines


def _entry(number: int, merchant: str) -> dict[str, Any]:
    return {
        "id": f"ent_{number:026}",
        "mode": "test",
        "kind": "capture",
        "key": f"capture:pay_{number:026}",
        "request_sha256": "0" * 64,
        "merchant_id": merchant,
        "object_type": "payment",
        "object_id": f"pay_{number:026}",
        "effective_date": date(2026, 1, 1) + timedelta(days=number // ENTRIES_A_DAY % 365),
        "recorded_at": NOW + timedelta(milliseconds=number),
    }


def _lines(entry: dict[str, Any], lines: Entries) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(lines, start=1):
        yield {
            "entry_id": entry["id"],
            "line": number,
            "account_id": account_id("test", line.kind, line.owner),
            "amount": line.amount_fen,
            "object_id": line.about,
        }


def _seal(entry: dict[str, Any], lines: Entries) -> dict[str, Any]:
    return {"entry_id": entry["id"], "lines": len(lines), "gross": lines.gross_fen}


def _accounts(rows: list[tuple[dict[str, Any], Entries]]) -> list[dict[str, Any]]:
    used = {(line.kind, line.owner) for _, lines in rows for line in lines}
    return [
        {"id": account_id("test", kind, owner), "mode": "test", "kind": kind, "owner": owner}
        for kind, owner in sorted(used)
    ]


def _database(url: str) -> Database:
    return Database(connect(url), clock=lambda: NOW, ids=IdSource(lambda: 0, lambda bits: 0))
