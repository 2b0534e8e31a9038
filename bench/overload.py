"""Overload: what is still carried out when five times as much is asked as the server can do."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from bench.checkout import order
from bench.load import Request, Waits, as_json, run
from bench.report import Row, at_least
from bench.size import Size
from bench.wire import Flow, flow, numbered, tool

CLIENTS, TIMES, PAUSE = 8, 5, 0.5
"""As many connections as threads show the most that is carried out; then each of many pauses between its requests."""
MOST_CLIENTS = 2000
SETTLE = 1.5
"""Seconds before each load, in which those of the one before who wait in line are answered, though nobody listens."""
TRIES = 4
"""So often more connections are taken until the load is what it is to be: who waits in line asks nothing meanwhile."""
GOAL = 0.8


def measure(place: dict[str, Any], size: Size) -> list[Row]:
    """Print how much of the peak is carried out under the overload, and how long those wait who are refused."""
    print(
        f"overload: {TIMES} x the peak by {tool()}, {size.rounds} x {size.seconds:g} s, goal {GOAL:.2f} of the peak"
        " carried out, for both merchants together"
    )
    rows = []
    for title, make in {"one payment list": _read, "checkout creation": _write}.items():
        clients, peaks, carried = CLIENTS, [], []
        for turn in range(size.rounds):
            peak = _flood(place, make(place["token"]), size, CLIENTS, pause=0, name=f"peak-{title}-{turn}")
            for attempt in range(TRIES):
                if size.seconds >= 1 and clients == CLIENTS:
                    clients = min(round(TIMES * peak.rate * PAUSE), MOST_CLIENTS)
                name = f"over-{title}-{turn}-{attempt}"
                with _neighbour(place, make(place["other_token"]), size.seconds, name) as beside:
                    over = _flood(place, make(place["token"]), size, clients, pause=PAUSE, name=name)
                (waits,) = beside
                asked = (over.rate + waits.rate) / peak.rate
                if size.seconds < 1 or asked >= TIMES or clients == MOST_CLIENTS:
                    break
                clients = min(round(clients * TIMES / asked), MOST_CLIENTS)
            modest = waits.rate - waits.errors / waits.seconds
            peaks.append(peak.good)
            carried.append(over.good + modest)
            print(
                f"  {title:17} round {turn + 1}: peak {peak.good:.0f}/s (p99 {peak.p99:.0f} ms, errors {peak.errors});"
                f" {asked:.1f} x asked by {clients}: {over.good + modest:.0f}/s carried out,"
                f" {(over.good + modest) / peak.good:.2f} of the peak; p50 {over.p50:.0f}, p99 {over.p99:.0f} ms"
                f" ({over.errors} told to come back, {100 * over.sending:.0f} % of a processor for {tool()})"
            )
            print(
                f"    of them for another merchant beside it: {modest:.0f}/s, p50 {waits.percentile(50):.0f},"
                f" p99 {waits.percentile(99):.0f} ms, errors {waits.errors}"
            )
        goal = at_least(GOAL, of_yardstick=True)
        rows.append(
            Row(f"overload: {title}", statistics.median(carried), "/s", goal, statistics.median(peaks))
        )
    print()
    return rows


def _flood(
    place: dict[str, Any], request: Request, size: Size, clients: int, *, pause: float, name: str
) -> Flow:
    if size.seconds >= 1:
        time.sleep(SETTLE)
    return flow(
        place["host"],
        place["port"],
        request,
        clients=clients,
        seconds=size.seconds,
        pause=pause,
        name=name,
    )


@contextmanager
def _neighbour(place: dict[str, Any], request: Request, seconds: float, name: str) -> Iterator[list[Waits]]:
    """Another merchant asks for the same meanwhile, one request after the other; its waits are there at the end."""
    waits: list[Waits] = []

    def ask() -> None:
        make = partial(numbered, request, f"beside-{name}")
        waits.append(run(place["host"], place["port"], make, clients=1, seconds=seconds))

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        yield waits
    finally:
        asking.join()


def _read(token: str) -> Request:
    return "GET", "/v1/payments?limit=10", {"Authorization": f"Bearer {token}"}, b""


def _write(token: str) -> Request:
    headers = {
        "Authorization": f"Bearer {token}",
        "Content-Type": "application/json",
        "Idempotency-Key": "{n}",
    }
    return "POST", "/v1/checkouts", headers, as_json({**order(0), "merchant_reference": "{n}"})
