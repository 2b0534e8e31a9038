"""Overload: what is still carried out when five times as much is asked as the server can do."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from bench.checkout import order
from bench.load import Request, Waits, as_json, run
from bench.size import Size
from bench.wire import flow, tool

CLIENTS, TIMES, PAUSE = 8, 5, 0.5
"""As many connections as threads show the most that is carried out; then each of many pauses between its requests."""


def measure(place: dict[str, Any], size: Size) -> None:
    """Print how much of the peak is carried out under the overload, and how long those wait who are refused."""
    print(
        f"overload: {TIMES} x the peak by {tool()}, {size.rounds} x {size.seconds:g} s, goal 0.80 of the peak"
    )
    for title, request in {"one payment list": _read(place), "checkout creation": _write(place)}.items():
        for turn in range(size.rounds):
            names = (f"over-{title}-{turn}", f"peak-{title}-{turn}")
            peak = flow(
                place["host"], place["port"], request, clients=CLIENTS, seconds=size.seconds, name=names[1]
            )
            clients = min(round(TIMES * peak.rate * PAUSE), 4000) if size.seconds >= 1 else CLIENTS
            with neighbour(place, size.seconds) as beside:
                over = flow(
                    place["host"],
                    place["port"],
                    request,
                    clients=clients,
                    seconds=size.seconds,
                    pause=PAUSE,
                    name=names[0],
                )
            print(
                f"  {title:17} round {turn + 1}: peak {peak.good:.0f}/s (p99 {peak.p99:.0f} ms, errors {peak.errors});"
                f" {over.rate / peak.rate:.1f} x asked by {clients}: {over.good:.0f}/s carried out,"
                f" {over.good / peak.good:.2f} of the peak; p50 {over.p50:.0f}, p99 {over.p99:.0f} ms"
                f" ({over.errors} told to come back)"
            )
            for waits in beside:
                print(
                    f"    another merchant beside it: {waits.rate:.0f}/s, p50 {waits.percentile(50):.0f},"
                    f" p99 {waits.percentile(99):.0f} ms, errors {waits.errors}"
                )
    print()


@contextmanager
def neighbour(place: dict[str, Any], seconds: float) -> Iterator[list[Waits]]:
    """Another merchant asks for its payments meanwhile, one request after the other; its waits are there at the end."""
    found: list[Waits] = []
    request = "GET", "/v1/payments?limit=10", {"Authorization": f"Bearer {place['other_token']}"}, b""

    def ask() -> None:
        found.append(run(place["host"], place["port"], lambda _: request, clients=1, seconds=seconds))

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        yield found
    finally:
        asking.join()


def _read(place: dict[str, Any]) -> Request:
    return "GET", "/v1/payments?limit=10", {"Authorization": f"Bearer {place['token']}"}, b""


def _write(place: dict[str, Any]) -> Request:
    headers = {
        "Authorization": f"Bearer {place['token']}",
        "Content-Type": "application/json",
        "Idempotency-Key": "{n}",
    }
    return "POST", "/v1/checkouts", headers, as_json({**order(0), "merchant_reference": "{n}"})
