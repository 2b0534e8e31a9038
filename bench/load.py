"""A load of keep-alive clients in threads, and what they waited."""

from __future__ import annotations

import http.client
import json
import math
import socket
import statistics
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Request = tuple[str, str, dict[str, str], bytes]


@dataclass(frozen=True, slots=True)
class Waits:
    """Waiting times of one round in milliseconds, and its length in seconds."""

    milliseconds: list[float]
    seconds: float
    errors: int

    @property
    def rate(self) -> float:
        """Answers per second."""
        return len(self.milliseconds) / self.seconds

    def percentile(self, share: int) -> float:
        """The waiting time that ``share`` percent stay below, in milliseconds; with no answer there is none."""
        if len(self.milliseconds) < 2:  # of a round too short for the machine
            return self.milliseconds[0] if self.milliseconds else math.nan
        return statistics.quantiles(self.milliseconds, n=100, method="inclusive")[share - 1]


def run(
    host: str,
    port: int,
    make: Callable[[int], Request],
    *,
    clients: int,
    seconds: float,
    most: int = 10**9,
) -> Waits:
    """Send what ``make(number)`` makes from ``clients`` connections for ``seconds``, at most so many requests."""
    waits: list[float] = []
    errors = [0]
    lock = threading.Lock()
    numbers = iter(range(most))
    end = time.perf_counter() + seconds

    def client() -> None:
        connection = http.client.HTTPConnection(host, port, timeout=30)
        connection.connect()
        # http.client sends head and body apart; Nagle's algorithm could add 40 ms that are not the server's.
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        mine: list[float] = []
        failed = 0
        while time.perf_counter() < end:
            with lock:
                number = next(numbers, None)
            if number is None:
                break
            method, path, headers, body = make(number)
            started = time.perf_counter()
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            answer.read()
            mine.append((time.perf_counter() - started) * 1000)
            failed += answer.status >= 400
        connection.close()
        with lock:
            waits.extend(mine)
            errors[0] += failed

    started = time.perf_counter()
    threads = [threading.Thread(target=client) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return Waits(waits, time.perf_counter() - started, errors[0])


def as_json(body: Any) -> bytes:
    """A body as it goes on the wire."""
    return json.dumps(body).encode()
