"""Disk: what an order leaves on PostgreSQL from its checkout to its capture, in tables, TOAST and indexes.

Orders are made through the API, each of a person of their own, and vacuumed as autovacuum would. What passes by itself
is named apart: an answer is kept for a day, a code for minutes. Few orders make it look like more, as each index
ends in a page that is not full.
"""

from __future__ import annotations

import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, create_engine, text

from bench import books
from bench.report import Row, at_most
from bench.shops import Clock, Shop, gateway_at
from bench.size import Size
from gateway import keyring
from gateway.config import from_environment
from gateway.db.engine import canonical_url
from gateway.db.migrate import upgrade
from gateway.process.worker import drain

GOAL_KB = 25
WARM = 40
"""Orders before the measured ones: pages, free space maps and accounts that are there once."""
PASSING = ("idempotent_answer", "one_time_code", "login_attempt", "code_count")
EVERY = timedelta(minutes=3)
SIZES = """
SELECT relname, pg_total_relation_size(oid) - pg_indexes_size(oid), pg_indexes_size(oid)
  FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace"""
Bytes = dict[str, tuple[int, int]]
"""By table: of its rows with TOAST, and of its indexes."""


def measure(place: dict[str, Any], size: Size) -> list[Row] | None:
    """Print kilobytes of an order by table."""
    del place
    print(f"disk: {size.orders} orders on PostgreSQL, from checkout to capture, vacuumed")
    if not size.postgresql:
        print("  not measured: 0.0 s\n")
        return None
    with tempfile.TemporaryDirectory(prefix="fenqi-disk-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # under root PostgreSQL runs as a user of its own, which must get in
        with books.postgresql(folder) as url:
            if not url:
                print("  no PostgreSQL server: 0.0 s measured\n")
                return None
            return _told(*_measured(folder, url, size.orders), size.orders)


def _measured(folder: Path, url: str, orders: int) -> tuple[Bytes, Bytes]:
    """Sizes before and after so many orders."""
    upgrade(url)
    keyring.create(folder)
    clock = Clock()
    app = gateway_at(from_environment(data_dir=str(folder), database_url=url, rate_limits="off"), clock)
    shop = Shop(app, clock, "Disk")
    shop.gateway.ports.scorer.load()  # else a person would have to decide
    engine = create_engine(canonical_url(url), isolation_level="AUTOCOMMIT")
    with engine.connect() as watcher:
        before: Bytes = {}
        for number in range(WARM + orders):
            if number == WARM:
                before = _sizes(watcher)
            if number % WARM == 0:
                watcher.execute(text("VACUUM"))
            clock.now += EVERY
            payment = shop.approved(number, phone=f"139{number:08}")
            shop.post(f"/v1/payments/{payment}/capture")
        while drain(shop.gateway):
            pass
        after = _sizes(watcher)
    shop.gateway.db.engine.dispose()
    engine.dispose()
    return before, after


def _sizes(watcher: Connection) -> Bytes:
    watcher.execute(text("VACUUM (ANALYZE)"))
    return {name: (rows, indexes) for name, rows, indexes in watcher.execute(text(SIZES))}


def _told(before: Bytes, after: Bytes, orders: int) -> list[Row]:
    each = {
        name: ((rows - before[name][0]) / orders / 1000, (indexes - before[name][1]) / orders / 1000)
        for name, (rows, indexes) in after.items()
    }
    for name in sorted(each, key=lambda name: -sum(each[name])):
        if sum(each[name]) > 0.05:
            print(f"  {name:24} rows {each[name][0]:5.2f} + indexes {each[name][1]:5.2f} kB")
    passing = sum(sum(each[name]) for name in PASSING)
    stays = sum(map(sum, each.values())) - passing
    print(f"  stays {stays:.1f} kB; passes within a day {passing:.1f} kB\n")
    return [
        Row("disk: what stays of an order", stays, "kB", at_most(GOAL_KB)),
        Row("disk: with what passes within a day", stays + passing, "kB"),
    ]
