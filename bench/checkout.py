"""Checkout creation (token, schema, key, four quotes with both yearly rates, row) beside one bare INSERT."""

from __future__ import annotations

import time
from typing import Any

from bench.load import Request, as_json
from bench.report import Row, at_least
from bench.size import Size
from bench.wire import flow, tool

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


def measure(place: dict[str, Any], size: Size) -> list[Row]:
    """Requests per second of both, round by round; the result is of the round in the middle."""
    print(
        f"checkout: POST /v1/checkouts beside Flask + 1 INSERT + commit, "
        f"{CLIENTS} clients by {tool()}, {size.rounds} x {size.seconds:g} s"
    )
    rounds = []
    headers = {"Content-Type": "application/json"}
    insert: Request = ("POST", "/yardstick/", headers, as_json(order(0)))
    named = {"Authorization": f"Bearer {place['token']}", "Idempotency-Key": "{n}", **headers}
    create: Request = ("POST", "/v1/checkouts", named, as_json({**order(0), "merchant_reference": "{n}"}))
    for turn in range(size.rounds):
        found = flow(
            place["host"],
            place["port"],
            create,
            clients=CLIENTS,
            seconds=size.seconds,
            name=f"bench-{time.time_ns()}",
        )
        bare = flow(place["host"], place["port"], insert, clients=CLIENTS, seconds=size.seconds)
        rounds.append((found.rate / bare.rate, found.rate, bare.rate))
        print(
            f"  round {turn + 1}: {found.rate:7.0f}/s (p50 {found.p50:.1f}, p99 {found.p99:.1f} ms, "
            f"errors {found.errors})   yardstick {bare.rate:7.0f}/s   ratio {rounds[-1][0]:.2f}"
        )
    print()
    _, rate, bare_rate = sorted(rounds)[len(rounds) // 2]
    return [Row("checkout: creation", rate, "/s", at_least(0.25, of_yardstick=True), bare_rate)]
