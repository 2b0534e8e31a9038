"""Checkout creation (token, schema, key, four quotes with both yearly rates, row) beside one bare INSERT."""

from __future__ import annotations

import statistics
from typing import Any

from bench.load import Request, as_json, run
from bench.size import Size

CLIENTS = 8


def order(number: int) -> dict[str, Any]:
    """A checkout body with its own reference."""
    return {
        "amount": 599_900,
        "merchant_reference": f"bench-{number}",
        "items": [{"name": "Phone", "quantity": 1, "unit_price": 599_900}],
        "category": "3c",
        "return_url": "https://shop.example/return",
        "cancel_url": "https://shop.example/cart",
    }


def measure(place: dict[str, Any], size: Size) -> None:
    """Print requests per second of both, round by round, and the ratio."""
    print(
        f"checkout: POST /v1/checkouts beside Flask + 1 INSERT + commit, "
        f"{CLIENTS} clients, {size.rounds} x {size.seconds:g} s"
    )
    ratios = []
    for turn in range(size.rounds):
        base = turn * 10**6

        def create(number: int, base: int = base) -> Request:
            body = as_json(order(base + number))
            headers = {
                "Authorization": f"Bearer {place['token']}",
                "Content-Type": "application/json",
                "Idempotency-Key": f"bench-{base + number}",
            }
            return "POST", "/v1/checkouts", headers, body

        def insert(number: int) -> Request:
            return "POST", "/yardstick/", {"Content-Type": "application/json"}, as_json(order(number))

        found = run(place["host"], place["port"], create, clients=CLIENTS, seconds=size.seconds)
        bare = run(place["host"], place["port"], insert, clients=CLIENTS, seconds=size.seconds)
        ratios.append(found.rate / bare.rate)
        waits = f"p50 {found.percentile(50):.1f}, p99 {found.percentile(99):.1f} ms"
        print(
            f"  round {turn + 1}: {found.rate:7.0f}/s ({waits}, errors {found.errors})"
            f"   yardstick {bare.rate:7.0f}/s   ratio {ratios[-1]:.2f}"
        )
    print(f"  median ratio {statistics.median(ratios):.2f} (goal 0.25)\n")
