"""``ledger verify`` beside the bare sum of every account: SELECT account_id, SUM(amount) … GROUP BY account_id."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from bench import books
from bench.size import Size
from gateway.db.transactions import Database, Transaction
from gateway.ledger.integrity import chain
from gateway.ledger.integrity.verify import verify

BARE = "SELECT account_id, SUM(amount) FROM ledger_posting GROUP BY account_id"
GOAL = 12


def measure(place: dict[str, Any], size: Size) -> None:
    """Print verify's time without and with the chain over the yardstick's, on both databases; ``place`` is not used."""
    print(
        f"ledger_verify: verify beside the sums of all accounts, "
        f"{size.postings} postings, medians of {size.rounds} rounds"
    )
    with books.databases(size) as urls:
        for url in urls:
            _measure(url, size)
    print()


def _measure(url: str, size: Size) -> None:
    db = books.filled(url, size.postings)
    without = _ratio(db, size.rounds)
    start = time.perf_counter()
    while chain.extend(db):
        pass
    chaining = time.perf_counter() - start
    books.analyse(db)
    chained = _ratio(db, size.rounds)
    db.engine.dispose()
    run = books.apart if size.memory else books.timed
    bare, peak = (run(partial(_apart, url, work)).peak_mib for work in (_bare, _verify))
    print(
        f"  {db.engine.dialect.name:10}: ratio {without[0] / without[1]:5.1f} without the chain (goal {GOAL}), "
        f"{chained[0] / chained[1]:5.1f} with it; {without[0]:.3f} s, {chained[0]:.3f} s, bare {chained[1]:.4f} s; "
        f"chaining all took {chaining:.1f} s; peak memory {peak:.0f} MiB, of the bare sum {bare:.0f} MiB"
    )


def _ratio(db: Database, rounds: int) -> tuple[float, float]:
    """Median seconds of verify and of the yardstick, in turn."""
    with db.read() as tx:
        pairs = [(_seconds(_verify, tx), _seconds(_bare, tx)) for _ in range(rounds)]
    found, bare = zip(*pairs, strict=True)
    return statistics.median(found), statistics.median(bare)


def _seconds(work: Callable[[Transaction], object], tx: Transaction) -> float:
    start = time.perf_counter()
    work(tx)
    return time.perf_counter() - start


def _apart(url: str, work: Callable[[Transaction], object]) -> None:
    with books.database(url).read() as tx:
        work(tx)


def _verify(tx: Transaction) -> None:
    report = verify(tx)
    assert report.ok, report


def _bare(tx: Transaction) -> object:
    return tx.connection().exec_driver_sql(BARE).all()
