"""How much a measurement measures: the full size, whose figures mean something, and a smoke test."""

from __future__ import annotations

import os
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Size:
    """The numbers that every ``measure`` is given; each takes those that it needs."""

    seconds: float
    """Length of one round."""
    rounds: int
    """Rounds, in turn with the yardstick."""
    loans: int
    """Loans that fall due on one day."""
    postings: int
    """Size of the books that are read."""
    applicants: int
    """People in the world of links; a fifth of the newest applications is asked about."""
    deliveries: int
    """Webhooks that wait for one endpoint."""
    orders: int
    """Orders whose instructions meet every fault of an institution."""
    calls: int
    """Repetitions of what takes microseconds."""
    matched: int
    """Rows of each side of a reconciliation."""
    payments: int
    """Payments that stand behind a step."""
    lines: int
    """Lines of a settlement."""
    settled: int
    """Captures that one batch settles."""
    pause_seconds: float = 0.0
    """How long a client of a long run waits between two purchases."""
    postgresql: bool = True
    """Whether the books are also measured on PostgreSQL."""
    memory: bool = True
    """Whether what is asked for its peak memory runs in a process of its own, which knows it."""


def full(*, seconds: float, rounds: int) -> Size:
    """The size of a measurement.

    FENQI_BENCH_POSTINGS, _LOANS, _MATCHED, _PAYMENTS, _LINES, _SETTLED, _ORDERS and _PAUSE change it.
    """
    return Size(
        seconds=seconds,
        rounds=rounds,
        loans=int(os.environ.get("FENQI_BENCH_LOANS", "20000")),
        postings=int(os.environ.get("FENQI_BENCH_POSTINGS", "100000")),
        applicants=100_000,
        deliveries=3_000,
        orders=int(os.environ.get("FENQI_BENCH_ORDERS", "500")),
        calls=1_000,
        matched=int(os.environ.get("FENQI_BENCH_MATCHED", "1000000")),
        payments=int(os.environ.get("FENQI_BENCH_PAYMENTS", "100000")),
        pause_seconds=float(os.environ.get("FENQI_BENCH_PAUSE", "0")),
        lines=int(os.environ.get("FENQI_BENCH_LINES", "100000")),
        settled=int(os.environ.get("FENQI_BENCH_SETTLED", "1000000")),
    )


SMOKE = Size(
    seconds=0.2,
    rounds=1,
    loans=15,
    postings=300,
    applicants=400,
    deliveries=10,
    orders=1,
    calls=10,
    matched=2_000,
    payments=40,
    lines=600,
    settled=200,
    postgresql=False,
    memory=False,
)
"""Seconds altogether: every line of every measurement runs once, and the figures mean nothing."""
