"""Posting, all guards on, beside the same rows written straight by the driver into tables without guards."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

from bench import books
from bench.size import Size
from gateway.core.tenant import Tenant
from gateway.db.migrate import upgrade
from gateway.db.transactions import READ_COMMITTED, Database
from gateway.ledger import service
from gateway.ledger.booking import postings
from gateway.ledger.booking.postings import Event

SHOP = Tenant("mer_bench", "test")
BATCH, THREADS = 100, 8
GOALS = {
    "sqlite": {"book": 0.8, "book_many": 0.55, "hot accounts": 0.9},
    "postgresql": {"book": 0.7, "book_many": 0.7, "hot accounts": 0.9},
}
"""At least so much of the yardstick."""

RAW_TABLES = (
    "CREATE TABLE raw_entry (id text PRIMARY KEY, mode text, kind text, key text, request_sha256 text,"
    " reverses text UNIQUE, merchant_id text, object_type text, object_id text, effective_date text,"
    " recorded_at text, UNIQUE (mode, key))",
    "CREATE INDEX raw_entry_about ON raw_entry (object_id)",
    "CREATE TABLE raw_posting (entry_id text, line bigint, account_id text, amount bigint, object_id text,"
    " PRIMARY KEY (entry_id, line))",
    "CREATE INDEX raw_posting_of_account ON raw_posting (account_id, entry_id, line, amount)",
    "CREATE INDEX raw_posting_about ON raw_posting (object_id)",
    "CREATE TABLE raw_seal (entry_id text PRIMARY KEY, lines bigint, gross bigint)",
)
RAW_POSTGRESQL = """
    WITH e AS (INSERT INTO raw_entry SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[],
                 %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[])),
         s AS (INSERT INTO raw_seal SELECT * FROM unnest(%s::text[], %s::bigint[], %s::bigint[]))
    INSERT INTO raw_posting SELECT * FROM unnest(%s::text[], %s::bigint[], %s::text[], %s::bigint[], %s::text[])"""


def measure(place: dict[str, Any], size: Size) -> None:
    """Print entries per second beside the yardstick, alone, by the hundred, and from eight threads at once."""
    del place
    with books.databases(size) as urls:
        for url in urls:
            upgrade(url)
            db = books.database(url)
            with db.engine.begin() as connection:
                for statement in RAW_TABLES:
                    connection.exec_driver_sql(statement)
            print(f"ledger_post on {db.engine.dialect.name}: captures of four lines, all guards on")
            _measure(db, seconds=size.seconds, rounds=size.rounds)
            db.engine.dispose()
            print()


def _measure(db: Database, *, seconds: float, rounds: int) -> None:
    numbers = count(1)
    pairs: dict[str, tuple[Callable[[], int], Callable[[], int], int]] = {
        "book": (lambda: book(db, numbers), lambda: _raw(db, numbers, 1), 1),
        "book_many": (lambda: _book_many(db, numbers), lambda: _raw(db, numbers, BATCH), 1),
        "hot accounts": (lambda: book(db, numbers), lambda: _raw(db, numbers, 1), THREADS),
    }
    book(db, numbers)  # opens the accounts
    for name, (ours, raw, threads) in pairs.items():
        ratios, rates, slow = [], [], []
        for _ in range(rounds):
            found, waits = rate(ours, threads, seconds)
            bare, _ = rate(raw, threads, seconds)
            ratios.append(found / bare)
            rates.append(found)
            slow.append(statistics.quantiles(waits, n=100)[98] * 1000)
        print(
            f"  {name:12} {statistics.median(rates):7.0f} entries/s, p99 {statistics.median(slow):5.1f} ms, {threads}"
            f" threads; ratio {statistics.median(ratios):.2f} (goal {GOALS[db.engine.dialect.name][name]})"
        )


def rate(work: Callable[[], int], threads: int, seconds: float) -> tuple[float, list[float]]:
    """Entries per second of ``work`` in so many threads, and how long each call took (s)."""
    until = time.perf_counter() + seconds
    entries: list[int] = []
    waits: list[float] = []

    def run() -> None:
        mine = 0
        while (begun := time.perf_counter()) < until or len(waits) < 2:  # a percentile is of two at least
            mine += work()
            waits.append(time.perf_counter() - begun)
        entries.append(mine)

    runners = [threading.Thread(target=run) for _ in range(threads)]
    for runner in runners:
        runner.start()
    for runner in runners:
        runner.join()
    assert len(entries) == threads, "a writer failed"
    return sum(entries) / seconds, waits


def _event(number: int) -> Event:
    lines = postings.drawdown(
        loan=f"ln_{number}",
        payment=f"pay_{number}",
        funder="demo_bank",
        merchant=SHOP.merchant_id,
        principal_fen=100_000,
        fee_net_fen=900,
        vat_fen=100,
        subsidy_fen=0,
    )
    return Event("capture", ("payment", f"pay_{number}"), lines, key=f"capture:{number}", on=books.DAY)


def book(db: Database, numbers: Iterator[int]) -> int:
    """Book one capture in a transaction of its own."""
    event = _event(next(numbers))
    db.write(lambda tx: service.book(tx, SHOP, event), READ_COMMITTED)
    return 1


def _book_many(db: Database, numbers: Iterator[int]) -> int:
    events = [_event(next(numbers)) for _ in range(BATCH)]
    db.write(lambda tx: service.book_many(tx, SHOP, events), READ_COMMITTED)
    return BATCH


def _raw(db: Database, numbers: Iterator[int], entries: int) -> int:
    """Write the rows of so many entries and commit, as the driver does it best."""
    events = [(f"raw_{number:026}", _event(number)) for number in (next(numbers) for _ in range(entries))]
    rows = [
        [
            id,
            "test",
            d.kind,
            d.key,
            "0" * 64,
            None,
            SHOP.merchant_id,
            d.about[0],
            d.about[1],
            "2026-11-23",
            "now",
        ]
        for id, d in events
    ]
    seals = [[id, len(d.lines), d.lines.gross_fen] for id, d in events]
    lines = [
        [id, place, f"test:{line.kind}:{line.owner}", line.amount_fen, line.about]
        for id, d in events
        for place, line in enumerate(d.lines, start=1)
    ]
    connection: Any = db.engine.raw_connection()
    try:
        cursor = connection.cursor()
        if db.engine.dialect.name == "postgresql":
            columns = [list(column) for table in (rows, seals, lines) for column in zip(*table, strict=True)]
            cursor.execute(RAW_POSTGRESQL, columns)
            connection.commit()
        else:
            cursor.execute("BEGIN IMMEDIATE")
            cursor.executemany("INSERT INTO raw_entry VALUES (?,?,?,?,?,?,?,?,?,?,?)", rows)
            cursor.executemany("INSERT INTO raw_posting VALUES (?,?,?,?,?)", lines)
            cursor.executemany("INSERT INTO raw_seal VALUES (?,?,?)", seals)
            cursor.execute("COMMIT")
    finally:
        connection.close()
    return entries
