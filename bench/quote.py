"""Four plans with schedules, both yearly rates, ceiling, disclosure and hash, beside json.dumps of the same plans."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from datetime import date
from functools import partial
from typing import Any

from bench.report import Row, at_most
from bench.size import Size
from gateway.plans.pricing import Lender, Price, offered
from gateway.process.onboarding import standard_prices

DAY = date(2026, 11, 23)
LENDER = Lender("demo_bank", "bank")
AMOUNTS = range(100_000, 10_000_000, 9_973)
"""Amounts in fen, a new one each time, so that nothing about an amount is remembered."""
GOAL_MS = 1.0


def catalogue(category: str) -> dict[int, Price]:
    """The standard prices of a category by term."""
    return {price.term: price for price in standard_prices(category)}


def quote(prices: dict[int, Price], amount_fen: int) -> list[dict[str, Any]]:
    """The plans of one amount: the pure part of ``plans.service.quote``."""
    plans, _ = offered(
        prices,
        order_fen=amount_fen,
        financed_fen=amount_fen,
        terms=None,
        contract_date=DAY,
        lender=LENDER,
    )
    return plans


def measure(place: dict[str, Any], size: Size) -> list[Row]:
    """The time of one quote and of the yardstick, round by round; ``place`` is not used: no server is asked."""
    print(
        f"quote: four plans beside json.dumps of them, {size.rounds} x {size.seconds:g} s for each catalogue"
    )
    rows = []
    for category in ("3c", "furnishing", "education"):
        prices, found, bare = catalogue(category), [], []
        for _ in range(size.rounds):
            found += _times(partial(quote, prices), size.seconds / 2)
            ready = {amount: quote(prices, amount) for amount in AMOUNTS[:200]}
            bare += _times(partial(_dumped, ready), size.seconds / 2, AMOUNTS[:200])
        p50, p99, yardstick = _percentile(found, 50), _percentile(found, 99), statistics.median(bare)
        print(
            f"  {category:10}: p50 {p50:.3f} ms, p99 {p99:.3f} ms   json.dumps p50 {yardstick:.3f} ms   "
            f"ratio {p50 / yardstick:.1f}"
        )
        rows.append(Row(f"quote: {category}, p50", p50, "ms", at_most(GOAL_MS), yardstick))
    print()
    return rows


def _dumped(ready: dict[int, list[dict[str, Any]]], amount_fen: int) -> str:
    return json.dumps(ready[amount_fen])


def _times(work: Callable[[int], Any], seconds: float, amounts: range = AMOUNTS) -> list[float]:
    """Milliseconds of each call, for about so many seconds; the garbage collector runs as it does in a server."""
    times: list[float] = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        for amount in amounts:
            start = time.perf_counter()
            work(amount)
            times.append((time.perf_counter() - start) * 1000)
            if start >= end:
                break
    return times


def _percentile(times: list[float], percent: int) -> float:
    return sorted(times)[len(times) * percent // 100]
