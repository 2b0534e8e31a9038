"""The steps of a purchase and the jobs beside it, on a gateway of this process, and what PostgreSQL counts of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import count
from pathlib import Path

from sqlalchemy import Connection, text

from bench.shops import Shop, settle_down
from gateway.core.calendar import shanghai_date, working_day_from
from gateway.core.identifiers import first_id
from gateway.process import gauges
from gateway.process.daily import run_day, settle, sweep
from gateway.process.worker import drain
from gateway.web.paging import encoded

PAGE = 20
Cost = dict[str, tuple[int, int, int]]
"""By table: rows read, blocks touched, walks over the whole table."""
Cpu = tuple[float, float]
"""Milliseconds of the gateway, and of PostgreSQL."""
COUNTERS = """
SELECT t.relname,
       t.seq_tup_read
       + (SELECT coalesce(sum(i.idx_tup_read), 0) FROM pg_stat_user_indexes i WHERE i.relid = t.relid),
       coalesce(s.heap_blks_read + s.heap_blks_hit, 0) + coalesce(s.idx_blks_read + s.idx_blks_hit, 0)
       + coalesce(s.toast_blks_read + s.toast_blks_hit, 0) + coalesce(s.tidx_blks_read + s.tidx_blks_hit, 0),
       t.seq_scan
  FROM pg_stat_user_tables t JOIN pg_statio_user_tables s USING (relid)"""
SESSIONS = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"


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

    def cpu_seconds(self) -> tuple[float, float]:
        """CPU of this process, and of the sessions of this database where the server runs on this machine."""
        sessions = self.watcher.execute(text(SESSIONS)).scalars()
        spent = [_of_process(session) for session in sessions]
        return time.process_time(), sum(spent)

    def written_bytes(self) -> int:
        """How far the write-ahead log has come."""
        return int(self.watcher.execute(text("SELECT pg_current_wal_insert_lsn() - '0/0'")).scalar_one())


def _of_process(pid: int) -> float:
    """Seconds on a CPU; 0 where that is not told."""
    told = Path(f"/proc/{pid}/schedstat")
    try:
        return int(told.read_text().split()[0]) / 1e9
    except OSError:
        return 0.0


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


def _repayment(side: Side) -> Callable[[], object]:
    payment = side.purchase(captured=True)
    loan = side.shop.get(f"/v1/payments/{payment}")["captures"][0]["loan"]
    return lambda: side.shop.post(f"/v1/test_helpers/loans/{loan}/repay", {"early_settlement": True})


def _get(path: str) -> Step:
    return lambda side: lambda: side.shop.get(path.format(page=side.page))


def _older(side: Side) -> Callable[[], object]:
    """A page of the past; behind none, where there is no past, the first one."""
    months = timedelta(days=200 if side.page == PAGE else 20)
    older = int((side.shop.clock.now - months).timestamp() * 1000)
    cursor = encoded("payment:" + first_id("pay", older if side.shop.name == "Many" else 2**45))
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
    "early settlement": _repayment,
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
