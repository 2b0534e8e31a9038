"""Growth: what each step costs behind many payments beside what it costs behind none, on PostgreSQL.

The many are a year of real purchases, written again and again (see ``copies``). Counted are the rows and blocks that
PostgreSQL reads for a step, which no busy machine blurs, and, in turn on both databases, the CPU that the gateway and
PostgreSQL spend on it.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import URL, Connection, create_engine, event, text
from sqlalchemy.pool import Pool

from bench import books
from bench.copies import Sample
from bench.shops import Clock, Shop, gateway_at, history
from bench.size import Size
from bench.steps import PAGE, STEPS, Cost, Cpu, Side, Step
from gateway import keyring
from gateway.config import from_environment
from gateway.db.engine import canonical_url
from gateway.db.migrate import upgrade

GOAL = 1.2
GOAL_BYTES = 25_000
KNOWN = {
    "balance": {"ledger_posting"},
    "a sweep without work": {"ledger_entry", "ledger_link"},
    "gauges": {"ledger_entry", "ledger_link"},
}
"""What grows, or is bounded by more than is there behind none; docs/performance.md says how it would be cured."""
SLACK = 40
"""So many rows more than behind none are no growth: pages that are full, planners that look first."""
MONTHS = 14
MANY = 1_000
"""From so many payments on the sample is of fourteen months, and plans are the planner's own."""
FILLED = (
    "SELECT (SELECT count(*) FROM payment), (SELECT count(*) FROM loan WHERE status IN ('active', 'overdue'))"
)


@dataclass
class Measured:
    """What a step cost on both sides, behind none first."""

    costs: tuple[Cost, Cost]
    cpu: tuple[Cpu, Cpu]
    written: int
    large: set[str]
    """Tables that grow with the payments."""

    def total(self, side: int, what: int) -> int:
        """Rows (0), blocks (1) or walks (2) of all tables."""
        return sum(cost[what] for cost in self.costs[side].values())

    @property
    def grows(self) -> list[str]:
        """The tables of which more rows are read behind many, most first."""
        none, many = self.costs
        more = {
            name: many[name][0] - none.get(name, (0, 0, 0))[0] * GOAL for name in self.large & many.keys()
        }
        return sorted((name for name in more if more[name] > SLACK), key=lambda name: -more[name])

    def named(self, table: str) -> str:
        """A table of which more is read, and how many rows."""
        rows, _, walks = self.costs[1][table]
        return f"{table} {rows}{' in a walk' if walks else ''}"


def measure(place: dict[str, Any], size: Size) -> None:
    """Print what each step costs behind none and behind many, and what an order takes on the disk."""
    del place
    print(f"growth: each step behind {size.payments} payments beside the same behind none, on PostgreSQL")
    if not size.postgresql:
        print("  not measured: 0.0 s\n")
        return
    with tempfile.TemporaryDirectory(prefix="fenqi-growth-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # under root PostgreSQL runs as a user of its own, which must get in
        with books.postgresql(folder) as url, _flushed_counters():
            if not url:
                print("  no PostgreSQL server: 0.0 s measured\n")
                return
            with sides(folder, url, size) as both:
                _print_steps({name: _measured(both, step, size) for name, step in STEPS.items()})


@contextmanager
def sides(folder: Path, url: str, size: Size) -> Iterator[tuple[Side, Side]]:
    """Behind none and behind many: two databases of one server, of which the first is at ``url``."""
    upgrade(url)
    keyring.create(folder)
    own = canonical_url(url)
    beside = own.set(database=f"{own.database}_many")
    administrator = create_engine(own.set(database="postgres"), isolation_level="AUTOCOMMIT").connect()
    administrator.execute(text(f"CREATE DATABASE {beside.database} TEMPLATE {own.database}"))
    if size.payments < MANY:  # so small a table is read faster as a whole; what has no index at all shows
        for database in (own.database, beside.database):
            administrator.execute(text(f"ALTER DATABASE {database} SET enable_seqscan = off"))
    clock, engines = Clock(), []
    try:
        none, many = (_side(folder, place, clock, size) for place in (own, beside))
        engines = [side.shop.gateway.db.engine for side in (none, many)]
        _fill(many, size)
        for side in (none, many):
            for _ in range(side.page + 1):
                side.purchase()
        yield none, many
    finally:
        for engine in engines:
            engine.dispose()
        administrator.execute(text(f"DROP DATABASE {beside.database} WITH (FORCE)"))
        administrator.close()


def _side(folder: Path, url: URL, clock: Clock, size: Size) -> Side:
    settings = from_environment(
        data_dir=str(folder), database_url=url.render_as_string(hide_password=False), rate_limits="off"
    )
    shop = Shop(gateway_at(settings, clock), clock, "Many" if str(url.database).endswith("_many") else "None")
    watcher = create_engine(url, isolation_level="AUTOCOMMIT").connect()
    return Side(shop, watcher, page=PAGE if size.payments >= MANY else 1)


def _fill(side: Side, size: Size) -> None:
    """Write the year of one shop and of two smaller ones so often that there are as many payments as are wanted."""
    shop, began = side.shop, time.perf_counter()
    app, engine = shop.app, shop.gateway.db.engine
    shops = [shop, *(Shop(app, shop.clock, name) for name in ("Second", "Third"))]
    empty = _bytes_of_tables(side.watcher)
    sample = Sample(engine)
    sample.begin()
    made = history(shops, MONTHS if size.payments >= MANY else 1)
    lived = time.perf_counter() - began
    sample.multiply(max(size.payments // made, 1))
    took = time.perf_counter() - began - lived
    [payments, open_loans] = side.watcher.execute(text(FILLED)).one()
    print(
        f"  {payments} payments, {open_loans} loans open, written in {took:.1f} s (the sample took {lived:.1f})"
    )
    _print_bytes(empty, _bytes_of_tables(side.watcher), payments)


def _measured(both: tuple[Side, Side], step: Step, size: Size) -> Measured:
    """Both sides in turn; what is counted is the last repetition, when statements are prepared."""
    spent: tuple[list[Cpu], list[Cpu]] = ([], [])
    costs: list[Cost] = []
    repetitions = size.rounds * 5 if size.payments >= MANY else 1
    for turn in range(repetitions):
        for side, times in zip(both, spent, strict=True):
            act = step(side)
            side.shop.renew()
            before, written = side.counters(), side.written_bytes()
            gateway, server = side.cpu_seconds()
            act()
            then_gateway, then_server = side.cpu_seconds()
            times.append(((then_gateway - gateway) * 1000, (then_server - server) * 1000))
            if turn == repetitions - 1:
                written = side.written_bytes() - written
                costs.append(_difference(before, side.counters()))
    [none, many], [cheap, dear] = costs, (_medians(times) for times in spent)
    return Measured((none, many), (cheap, dear), written, _large(both[1].watcher, size))


def _medians(times: list[Cpu]) -> Cpu:
    gateway, server = zip(*times, strict=True)
    return statistics.median(gateway), statistics.median(server)


def _large(connection: Connection, size: Size) -> set[str]:
    """Tables with rows in proportion to the payments; a walk over another one is what a planner likes."""
    rows = connection.execute(text("SELECT relname, n_live_tup FROM pg_stat_user_tables"))
    return {name for name, number in rows if number >= size.payments / 10}


def _difference(before: Cost, after: Cost) -> Cost:
    cost = {}
    for name, now in after.items():
        rows, blocks, walks = (
            one - other for one, other in zip(now, before.get(name, (0, 0, 0)), strict=True)
        )
        if rows or blocks or walks:
            cost[name] = (rows, blocks, walks)
    return cost


@contextmanager
def _flushed_counters() -> Iterator[None]:
    """Let each connection that comes back to its pool report at once what it has read."""

    def flush(connection: Any, _record: Any) -> None:
        if isinstance(connection, psycopg.Connection) and not connection.closed:
            connection.execute("SELECT pg_stat_force_next_flush()")
            connection.commit()

    event.listen(Pool, "checkin", flush)
    try:
        yield
    finally:
        event.remove(Pool, "checkin", flush)


def _print_steps(measured: dict[str, Measured]) -> None:
    heads = zip(
        ("rows read", "blocks", "CPU ms", "PostgreSQL ms", "WAL kB"), (16, 16, 16, 15, 8), strict=True
    )
    print(f"  {'behind none / many':28}{''.join(f'{head:>{width}}' for head, width in heads)}  grows")
    errors = 0
    for name, one in measured.items():
        rows, blocks = (f"{one.total(0, what)} / {one.total(1, what)}" for what in (0, 1))
        cpu, server = (f"{one.cpu[0][part]:.1f} / {one.cpu[1][part]:.1f}" for part in (0, 1))
        errors += not KNOWN.get(name, set()).issuperset(one.grows)
        print(
            f"  {name:28}{rows:>16}{blocks:>16}{cpu:>16}{server:>15}{one.written / 1000:>8.1f}"
            f"  {', '.join(one.named(table) for table in one.grows[:3]) or '-'}"
        )
    print(
        f"  goal: rows and CPU within {GOAL - 1:.0%}; errors {errors} (steps that grow and are not known to)\n"
    )


def _bytes_of_tables(connection: Connection) -> dict[str, tuple[int, int]]:
    """Of each table the bytes of its rows and of its indexes."""
    query = """SELECT relname, pg_total_relation_size(oid) - pg_indexes_size(oid), pg_indexes_size(oid)
                 FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"""
    return {name: (rows, indexes) for name, rows, indexes in connection.execute(text(query))}


def _print_bytes(empty: dict[str, tuple[int, int]], full: dict[str, tuple[int, int]], payments: int) -> None:
    each = {
        name: ((full[name][0] - empty[name][0]) / payments, (full[name][1] - empty[name][1]) / payments)
        for name in full
    }
    total = sum(map(sum, each.values()))
    print(
        f"  an order takes {total / 1000:.1f} kB of disk (goal {GOAL_BYTES / 1000:.0f}); rows + indexes, in kB:"
    )
    largest = sorted((name for name in each if sum(each[name]) > 100), key=lambda name: -sum(each[name]))
    shown = [f"{name} {each[name][0] / 1000:.1f} + {each[name][1] / 1000:.1f}" for name in largest]
    for start in range(0, len(shown), 4):
        print("    " + ", ".join(shown[start : start + 4]))
