"""The front: what 200 slow senders cost everybody else."""

from __future__ import annotations

import contextlib
import socket
import statistics
from collections.abc import Iterator
from typing import Any

from bench.load import Request
from bench.report import Row, at_most
from bench.size import Size
from bench.wire import Flow, flow, tool

SLOW, CLIENTS = 200, 8
READ: Request = ("GET", "/yardstick/row", {}, b"")
HEALTH: Request = ("GET", "/healthz", {}, b"")
UNFINISHED = (
    b"POST /oauth/token HTTP/1.1\r\nHost: localhost\r\nContent-Length: 900\r\n\r\na",
    b"GET /v1/me HTTP/1.1\r\nHost: localhost\r\nX-Half",
)


def measure(place: dict[str, Any], size: Size) -> list[Row]:
    """Health and the rate of one SELECT, in turn with and without slow senders."""

    def of(request: Request, clients: int) -> Flow:
        return flow(place["host"], place["port"], request, clients=clients, seconds=size.seconds)

    print(
        f"front: {SLOW} slow senders beside {CLIENTS} clients by {tool()}, {size.rounds} x {size.seconds:g} s"
    )
    rounds = []
    for turn in range(size.rounds):
        quiet, free = of(HEALTH, 1), of(READ, CLIENTS)
        with slow_senders(place["port"]):
            health, read = of(HEALTH, 1), of(READ, CLIENTS)
        print(
            f"  round {turn + 1}: health p99 {health.p99:.1f} ms (errors {health.errors}; "
            f"{quiet.p99:.1f} ms when nobody is slow)   one SELECT {read.rate:.0f}/s (errors {read.errors}), "
            f"{read.rate / free.rate:.2f} of the rate when nobody is slow"
        )
        rounds.append((health.p99, read.rate, free.rate))
    print()
    health_p99, rate, free_rate = (statistics.median(figures) for figures in zip(*rounds, strict=True))
    return [
        Row("front: health beside slow senders, p99", health_p99, "ms", at_most(100)),
        Row("front: one SELECT beside slow senders", rate, "/s", yardstick=free_rate),
    ]


@contextlib.contextmanager
def slow_senders(port: int) -> Iterator[None]:
    """Sockets whose requests stay unfinished; the server ends each after its time."""
    with contextlib.ExitStack() as stack:
        for number in range(SLOW):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            connection.sendall(UNFINISHED[number % len(UNFINISHED)])
        yield
