"""Delivering in parallel: threads talk to the endpoints, one thread talks to the database.

Each ``step`` writes down every run that has come back and takes new ones, in two transactions for all of them together.
There are two lanes. Endpoints that did not answer, or were slow, have their own, so that however many they are, they
delay only each other. In the fast lane nobody has more than a few threads either: an endpoint that dies holds
those until its first time-out.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from gateway.db.transactions import READ_COMMITTED, Transaction
from gateway.errors import Unavailable
from gateway.webhooks.delivery import queue, sending
from gateway.webhooks.delivery.queue import Run
from gateway.webhooks.delivery.sending import Done

if TYPE_CHECKING:
    from gateway.web.context import Gateway

log = logging.getLogger("gateway.webhooks")


class Executor(Protocol):
    """Runs a call in a separate thread, now or when one is free."""

    def submit(self, call: Callable[..., Any], /, *arguments: Any) -> Any:
        """Run it later with these arguments; what it returns is not waited for."""
        ...


@dataclass(slots=True)
class Lane:
    """Threads for endpoints of one kind, at most ``each`` for one of them."""

    slow: bool
    threads: int
    each: int
    running: Counter[str] = field(default_factory=Counter)
    last: str = ""
    """The endpoint that was served last: the next look begins behind it."""

    @property
    def free(self) -> int:
        """How many more deliveries may begin."""
        return self.threads - self.running.total()

    def full(self) -> list[str]:
        """Endpoints that have all the threads they may."""
        return [endpoint for endpoint, count in self.running.items() if count >= self.each]


FAST_THREADS, SLOW_THREADS = 16, 8
THREADS = FAST_THREADS + SLOW_THREADS


class Dispatcher:
    """Delivers what is due; ``step`` is called by one thread, again and again."""

    def __init__(self, gateway: Gateway, executor: Executor) -> None:
        self._gateway, self._executor = gateway, executor
        self._lanes = (Lane(False, FAST_THREADS, each=3), Lane(True, SLOW_THREADS, each=1))
        self._came_back: list[tuple[Lane, str, Done | None]] = []
        self._news = threading.Condition()

    def step(self) -> int:
        """Write down what came back and send what is due; returns how many runs that was together."""
        return self.write_down() + sum(self._fill(lane) for lane in self._lanes)

    def write_down(self) -> int:
        """Write down what came back; returns how many runs that was."""
        with self._news:
            back, self._came_back = self._came_back, []
        try:
            if back:
                self._gateway.db.write(lambda tx: _settle_all(tx, back), READ_COMMITTED)
        except Unavailable:
            with self._news:
                self._came_back = back + self._came_back  # written down as soon as the database is back
            raise
        except Exception:
            log.exception("runs could not be written down together; each is tried alone")
            for one in back:
                self._write_down_alone(one)
        for lane, endpoint_id, _ in back:
            lane.running[endpoint_id] -= 1
            lane.running += Counter()  # drops zero counts
        return len(back)

    def _write_down_alone(self, one: tuple[Lane, str, Done | None]) -> None:
        try:
            self._gateway.db.write(lambda tx: _settle_all(tx, [one]), READ_COMMITTED)
        except Exception:  # its lease ends by itself; the others must not wait for it
            log.exception("a run of deliveries to %s could not be written down", one[1])

    def wait(self, seconds: float) -> None:
        """Until something comes back, ``seconds`` at most."""
        with self._news:
            if not self._came_back:
                self._news.wait(seconds)

    @property
    def idle(self) -> bool:
        """Whether nothing is on its way."""
        return not any(lane.running for lane in self._lanes)

    def _fill(self, lane: Lane) -> int:
        if lane.free <= 0:
            return 0
        with self._gateway.db.read() as tx:
            chosen = queue.endpoints_due(
                tx, slow=lane.slow, after=lane.last, limit=lane.free, busy=lane.full()
            )
        if not chosen:
            return 0
        runs = self._gateway.db.write(lambda tx: _claim_all(tx, chosen), READ_COMMITTED)
        for run in runs:
            lane.running[run.endpoint.id] += 1
            self._executor.submit(self._send, lane, run)
        lane.last = chosen[-1]
        return len(runs)

    def _send(self, lane: Lane, run: Run) -> None:
        done: Done | None = None
        try:
            done = sending.send(self._gateway, run)
        except Exception:  # the lease ends by itself and the run is taken again
            log.exception("a run of deliveries to %s failed", run.endpoint.id)
        finally:
            with self._news:
                self._came_back.append((lane, run.endpoint.id, done))
                self._news.notify()


def _settle_all(tx: Transaction, back: list[tuple[Lane, str, Done | None]]) -> None:
    for _, _, done in sorted(back, key=lambda run: run[1]):  # endpoints are locked in one order
        if done is not None:
            sending.settle(tx, done)


def _claim_all(tx: Transaction, endpoint_ids: list[str]) -> list[Run]:
    return [run for run in (queue.claim(tx, one) for one in endpoint_ids) if run is not None]
