"""Growth: what each step costs behind many payments beside what it costs behind none, on PostgreSQL.

The many are a year of real purchases, written again and again (see ``copies``). Counted are the rows and blocks that
PostgreSQL reads for a step, which no busy machine blurs, and, in turn on both databases, the time that it takes.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import URL, Connection, create_engine, event, text
from sqlalchemy.pool import Pool

from bench import books
from bench.copies import Sample
from bench.shops import Clock, Shop, gateway_at, history, settle_down
from bench.size import Size
from gateway import keyring
from gateway.config import from_environment
from gateway.core.calendar import shanghai_date, working_day_from
from gateway.core.identifiers import first_id
from gateway.db.engine import canonical_url
from gateway.db.migrate import upgrade
from gateway.process import gauges
from gateway.process.daily import run_day, settle, sweep
from gateway.process.worker import drain
from gateway.web.paging import encoded

GOAL = 1.2
GOAL_BYTES = 25_000
SLACK = 40
"""So many rows more than behind none are no growth: pages that are full, planners that look first."""
MONTHS, PAGE = 14, 20
MANY = 1_000
"""From so many payments on the sample is of fourteen months, and plans are the planner's own."""
Cost = dict[str, tuple[int, int, int]]
"""By table: rows read, blocks touched, walks over the whole table."""
COUNTERS = """
SELECT t.relname,
       t.seq_tup_read
       + (SELECT coalesce(sum(i.idx_tup_read), 0) FROM pg_stat_user_indexes i WHERE i.relid = t.relid),
       coalesce(s.heap_blks_read + s.heap_blks_hit, 0) + coalesce(s.idx_blks_read + s.idx_blks_hit, 0)
       + coalesce(s.toast_blks_read + s.toast_blks_hit, 0) + coalesce(s.tidx_blks_read + s.tidx_blks_hit, 0),
       t.seq_scan
  FROM pg_stat_user_tables t JOIN pg_statio_user_tables s USING (relid)"""
FILLED = "SELECT (SELECT count(*) FROM payment), (SELECT count(*) FROM loan WHERE status IN ('active', 'overdue'))"


@dataclass
class Side:
    """One of the two databases: a shop on it, and somebody who reads PostgreSQL's counters."""

    shop: Shop
    watcher: Connection
    page: int
    numbers: Iterator[int] = field(default_factory=count)
    settled_on: date = date.min

    def purchase(self, *, captured: bool = False) -> str:
        """A payment of somebody who has never bought."""
        number = next(self.numbers)
        payment = self.shop.approved(10**6 + number, phone=f"137{number:08}")
        if captured:
            self.shop.post(f"/v1/payments/{payment}/capture")
        return payment

    def counters(self) -> Cost:
        """What was read so far."""
        rows = self.watcher.execute(text(COUNTERS))
        return {name: (int(read), int(blocks), int(walks)) for name, read, blocks, walks in rows}

    def written_bytes(self) -> int:
        """How far the write-ahead log has come."""
        return int(self.watcher.execute(text("SELECT pg_current_wal_insert_lsn() - '0/0'")).scalar_one())


Step = Callable[[Side], Callable[[], object]]
"""Makes ready, and returns what is measured."""


def _create(side: Side) -> Callable[[], object]:
    body = side.shop.order(2 * 10**6 + next(side.numbers))
    return lambda: side.shop.post("/v1/checkouts", body)


def _confirm(side: Side) -> Callable[[], object]:
    number = next(side.numbers)
    checkout = side.shop.post("/v1/checkouts", side.shop.order(10**6 + number))["id"]
    return lambda: side.shop.completed(checkout, phone=f"137{number:08}")


def _capture(side: Side) -> Callable[[], object]:
    payment = side.purchase()
    return lambda: side.shop.post(f"/v1/payments/{payment}/capture")


def _refund(side: Side, *, settled: bool) -> Callable[[], object]:
    payment = side.purchase(captured=True)
    if settled:
        _settle(side)
    body = {"payment": payment, "amount": 30_000, "reason": "scratch"}
    return lambda: side.shop.post("/v1/refunds", body)


def _settle(side: Side) -> None:
    """Close the next working day's batch."""
    gateway = side.shop.gateway
    first = max(side.settled_on, shanghai_date(side.shop.clock.now)) + timedelta(days=3)
    side.settled_on = working_day_from(first, gateway.ports.working_days)
    if not settle(gateway, side.settled_on):
        raise RuntimeError(f"nothing was settled on {side.settled_on}")


def _settlement(side: Side) -> Callable[[], object]:
    side.purchase(captured=True)
    return lambda: _settle(side)


def _get(path: str) -> Step:
    return lambda side: lambda: side.shop.get(path.format(page=side.page))


def _older(side: Side) -> Callable[[], object]:
    """A page of the past; behind none, where there is no past, the first one."""
    months = timedelta(days=200 if side.page == PAGE else 20)
    older = int((side.shop.clock.now - months).timestamp() * 1000)
    cursor = encoded(first_id("pay", older if side.shop.name == "Many" else 2**45))
    return lambda: side.shop.get(f"/v1/payments?limit={side.page}&cursor={cursor}")


def _of_reference(side: Side) -> Callable[[], object]:
    payment = side.shop.get("/v1/payments?limit=1")["data"][0]
    return lambda: side.shop.get(f"/v1/payments?merchant_reference={payment['merchant_reference']}")


def _idle(job: Callable[[Side], object]) -> Step:
    """A job when there is nothing to do; the first sweep of a process also searches the whole book."""

    def ready(side: Side) -> Callable[[], object]:
        settle_down(side.shop.gateway)
        return lambda: job(side)

    return ready


STEPS: dict[str, Step] = {
    "checkout": _create,
    "confirm": _confirm,
    "capture": _capture,
    "refund, not settled yet": lambda side: _refund(side, settled=False),
    "refund, settled": lambda side: _refund(side, settled=True),
    "settlement": _settlement,
    "orders: first page": _get("/v1/payments?limit={page}"),
    "orders: a page of the past": _older,
    "orders: by reference": _of_reference,
    "balance": _get("/v1/balance"),
    "settlements": _get("/v1/settlements?limit={page}"),
    "events": _get("/v1/events?limit={page}"),
    "balance entries": _get("/v1/balance_entries?limit={page}"),
    "a day without work": _idle(lambda side: run_day(side.shop.gateway, side.shop.tenant)),
    "a sweep without work": _idle(lambda side: sweep(side.shop.gateway)),
    "an empty outbox": _idle(lambda side: drain(side.shop.gateway)),
    "gauges": _idle(lambda side: gauges._read(side.shop.gateway)),
}


@dataclass
class Measured:
    """What a step cost on both sides, behind none first."""

    costs: tuple[Cost, Cost]
    milliseconds: tuple[float, float]
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
        more = {name: many[name][0] - none.get(name, (0, 0, 0))[0] * GOAL for name in self.large & many.keys()}
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
    return Side(shop, watcher, page=PAGE if size.payments >= MANY else 2)


def _fill(side: Side, size: Size) -> None:
    """Write the year of one shop and of two smaller ones so often that there are as many payments as are wanted."""
    shop, began = side.shop, time.perf_counter()
    app, engine = shop.app, shop.gateway.db.engine
    shops = [shop, *(Shop(app, shop.clock, name) for name in ("Second", "Third"))]
    empty = _bytes_of_tables(side.watcher)
    sample = Sample(engine)
    sample.begin()
    made = history(shops, MONTHS if size.payments >= MANY else 2)
    lived = time.perf_counter() - began
    sample.multiply(max(size.payments // made, 1))
    took = time.perf_counter() - began - lived
    [payments, open_loans] = side.watcher.execute(text(FILLED)).one()
    print(f"  {payments} payments, {open_loans} loans open, written in {took:.1f} s (the sample took {lived:.1f})")
    _print_bytes(empty, _bytes_of_tables(side.watcher), payments)


def _measured(both: tuple[Side, Side], step: Step, size: Size) -> Measured:
    """Both sides in turn; what is counted is the last repetition, when statements are prepared."""
    milliseconds: tuple[list[float], list[float]] = ([], [])
    costs: list[Cost] = []
    repetitions = size.rounds * 5 if size.payments >= MANY else 1
    for turn in range(repetitions):
        for side, times in zip(both, milliseconds, strict=True):
            act = step(side)
            side.shop.renew()
            last = turn == repetitions - 1
            before, written = (side.counters(), side.written_bytes()) if last else ({}, 0)
            began = time.perf_counter()
            act()
            times.append((time.perf_counter() - began) * 1000)
            if last:
                written = side.written_bytes() - written
                costs.append(_difference(before, side.counters()))
    [none, many], [fast, slow] = costs, (statistics.median(times) for times in milliseconds)
    return Measured((none, many), (fast, slow), written, _large(both[1].watcher, size))


def _large(connection: Connection, size: Size) -> set[str]:
    """Tables with rows in proportion to the payments; a walk over another one is what a planner likes."""
    rows = connection.execute(text("SELECT relname, n_live_tup FROM pg_stat_user_tables"))
    return {name for name, number in rows if number >= size.payments / 10}


def _difference(before: Cost, after: Cost) -> Cost:
    cost = {}
    for name, now in after.items():
        rows, blocks, walks = (one - other for one, other in zip(now, before.get(name, (0, 0, 0)), strict=True))
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
    print(f"  {'behind none / many':28}{'rows read':>16}{'blocks':>16}{'ms':>18}{'WAL kB':>9}  grows")
    grown = 0
    for name, one in measured.items():
        rows, blocks = (f"{one.total(0, what)} / {one.total(1, what)}" for what in (0, 1))
        fast, slow = one.milliseconds
        grown += bool(one.grows)
        print(
            f"  {name:28}{rows:>16}{blocks:>16}{f'{fast:.1f} / {slow:.1f}':>18}{one.written / 1000:>9.1f}"
            f"  {', '.join(one.named(table) for table in one.grows[:3]) or '-'}"
        )
    print(f"  goal: rows and time within {GOAL - 1:.0%}; errors {grown} (steps that read more rows behind many)\n")


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
    print(f"  an order takes {total / 1000:.1f} kB of disk (goal {GOAL_BYTES / 1000:.0f}); rows + indexes, in kB:")
    largest = sorted((name for name in each if sum(each[name]) > 100), key=lambda name: -sum(each[name]))
    shown = [f"{name} {each[name][0] / 1000:.1f} + {each[name][1] / 1000:.1f}" for name in largest]
    for start in range(0, len(shown), 4):
        print("    " + ", ".join(shown[start : start + 4]))
