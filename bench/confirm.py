"""The whole confirm: from the shopper's identity to the lender's decision and the commit, scored for real.

Driven through the test helper, which runs identification, disclosure and confirmation in one transaction. The phone is
no sandbox number, so every decision comes from the models.
"""

from __future__ import annotations

from typing import Any

import requests

from bench.checkout import order
from bench.load import Request, as_json, run
from bench.size import Size

CLIENTS = 4


def measure(place: dict[str, Any], size: Size) -> None:
    """Print the waiting times of confirms, and of the bare INSERT at the same number of clients."""
    print(f"confirm: identity -> decision -> commit, {CLIENTS} clients, {size.rounds} x {size.seconds:g} s")
    headers = {"Authorization": f"Bearer {place['token']}", "Content-Type": "application/json"}
    url = f"http://{place['host']}:{place['port']}"
    for turn in range(size.rounds):
        ready = [_open(url, headers, turn, number) for number in range(int(120 * size.seconds))]

        def confirm(number: int, ready: list[str] = ready, turn: int = turn) -> Request:
            if number >= len(ready):
                return "GET", "/healthz", {}, b""
            phone = f"139{turn:02}{number:06}"
            return (
                "POST",
                f"/v1/test_helpers/checkouts/{ready[number]}/complete",
                headers,
                as_json({"phone": phone}),
            )

        found = run(place["host"], place["port"], confirm, clients=CLIENTS, seconds=size.seconds)
        done = found.milliseconds[: len(ready)]
        waits = type(found)(done, found.seconds, found.errors)
        bare = run(
            place["host"],
            place["port"],
            lambda n: ("POST", "/yardstick/", {}, b"x"),
            clients=CLIENTS,
            seconds=min(size.seconds, 1),
        )
        print(
            f"  round {turn + 1}: p50 {waits.percentile(50):.1f}  p95 {waits.percentile(95):.1f}"
            f"  p99 {waits.percentile(99):.1f} ms ({len(done)} confirms, errors {waits.errors});"
            f" bare INSERT p50 {bare.percentile(50):.1f}  p99 {bare.percentile(99):.1f} ms"
        )
    print("  goal: p95 <= 300 ms on 2 cores\n")


def _open(url: str, headers: dict[str, str], turn: int, number: int) -> str:
    body = order(number)
    body["merchant_reference"] = f"confirm-{turn}-{number}"
    answer = requests.post(f"{url}/v1/checkouts", json=body, headers=headers, timeout=10)
    answer.raise_for_status()
    return str(answer.json()["id"])
