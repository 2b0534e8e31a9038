"""``verify --only facts`` beside the bare sums of the rows that it recomputes: a book of loans, billed and settled."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from bench import books, purchases
from bench.report import Row
from bench.size import Size
from gateway import keyring
from gateway.app import create_app
from gateway.config import from_environment
from gateway.core.calendar import shanghai_date
from gateway.db.migrate import upgrade
from gateway.db.transactions import Transaction
from gateway.payments.collections import service as collections
from gateway.process.daily import run_day
from gateway.proof import facts

SUMMED = {
    "loan_instalment": "payment_fen",
    "loan_bill": "principal_fen",
    "loan": "principal_fen",
    "capture": "amount_fen",
    "payment": "amount_fen",
    "settlement_line": "net_fen",
    "ledger_posting": "amount",
}
LATER = books.NOON.replace(month=12, day=24)
LOANS = 4
"""A fourth of the loans of the day that ``day`` measures: 5,000."""


def measure(place: dict[str, Any], size: Size) -> list[Row]:
    """The proof's time over the yardstick's, on both databases; ``place`` is not used."""
    del place
    loans = max(2, size.loans // LOANS)
    print(
        f"verify_facts: {loans} loans recomputed beside SELECT SUM of the same rows, medians of {size.rounds}"
    )
    with books.databases(size) as urls, tempfile.TemporaryDirectory(prefix="fenqi-bench-") as folder:
        rows = [_measure(url, size, loans, Path(folder) / url.partition(":")[0]) for url in urls]
    print()
    return rows


def _measure(url: str, size: Size, loans: int, folder: Path) -> Row:
    moment = [books.NOON]
    upgrade(url)
    settings = from_environment(data_dir=str(folder), database_url=url)
    keyring.create(settings.data_dir)
    app = create_app(settings, clock=lambda: moment[0])
    gateway = app.extensions["fenqi"]
    tenant = purchases.book(app, loans)
    moment[0] = LATER
    today = shanghai_date(moment[0])
    while gateway.db.write(lambda tx: collections.bill_and_collect(tx, tenant, today=today)):
        pass
    run_day(gateway, tenant)
    books.analyse(gateway.db)
    pairs = []
    for _ in range(size.rounds):
        with gateway.db.read() as tx:
            pairs.append((_seconds(_verify, tx), _seconds(_bare, tx)))
    took, bare = map(statistics.median, zip(*pairs, strict=True))
    peak = ""
    if size.memory:
        proof, sums = (books.apart(partial(_apart, url, work)).peak_mib for work in (_verify, _bare))
        peak = f"; peak memory {proof:.0f} MiB, of the bare sums {sums:.0f} MiB"
    print(
        f"  {gateway.db.engine.dialect.name:10}: {took:.2f} s, {loans / took:,.0f} loans/s, "
        f"bare {bare:.4f} s, ratio {took / bare:,.0f}{peak}"
    )
    gateway.db.engine.dispose()
    return Row(
        f"verify_facts: {loans:,} loans on {gateway.db.engine.dialect.name}", took, "s", yardstick=bare
    )


def _apart(url: str, work: Callable[[Transaction], object]) -> None:
    with books.database(url).read() as tx:
        tx.wall = tx.now = LATER
        work(tx)


def _seconds(work: Callable[[Transaction], object], tx: Transaction) -> float:
    start = time.perf_counter()
    work(tx)
    return time.perf_counter() - start


def _verify(tx: Transaction) -> None:
    report = facts.verify(tx)
    assert report.ok, report.sentences


def _bare(tx: Transaction) -> None:
    for table, column in SUMMED.items():
        tx.connection().exec_driver_sql(f"SELECT SUM({column}) FROM {table}").all()
