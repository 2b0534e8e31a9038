"""HTTP calls to foreign systems that end in time: a deadline over connecting, sending and every byte of the answer.

A socket's own time-out begins anew with every byte, so that a peer that drips would hold its thread for hours.
"""

from __future__ import annotations

import http.client
import io
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

_of_thread = threading.local()


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Let every call of this thread inside end so many seconds from now; an earlier deadline outside stays."""
    before: float | None = getattr(_of_thread, "deadline", None)
    deadline = time.monotonic() + seconds
    _of_thread.deadline = deadline if before is None else min(before, deadline)
    try:
        yield
    finally:
        _of_thread.deadline = before


def seconds_left() -> float:
    """Until the deadline of this thread. Raises ``TimeoutError`` when it has passed, or none was set."""
    deadline: float | None = getattr(_of_thread, "deadline", None)
    left = deadline - time.monotonic() if deadline is not None else 0.0
    if left <= 0:
        raise TimeoutError("no complete answer in time")
    return left


def session() -> requests.Session:
    """A session whose calls end by the deadline of ``within``; it asks no proxy and no ``.netrc`` of the machine."""
    made = requests.Session()
    made.trust_env = False
    for scheme in ("http://", "https://"):
        made.mount(scheme, _Adapter(pool_maxsize=16))
    return made


class _Timed(io.RawIOBase):
    """The reading end of a socket, each of whose reads waits no longer than the deadline."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock, self._raw = sock, sock.makefile("rb", buffering=0)

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(seconds_left())
        count: int | None = self._raw.readinto(buffer)  # type: ignore[attr-defined]
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


def _response(sock: socket.socket, **options: Any) -> http.client.HTTPResponse:
    return http.client.HTTPResponse(_Timed(sock), **options)  # type: ignore[arg-type]


class _Plain(HTTPConnection):
    response_class = staticmethod(_response)  # type: ignore[assignment]  # called like the class it stands for


class _Secure(HTTPSConnection):
    response_class = staticmethod(_response)  # type: ignore[assignment]


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _Plain


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _Secure


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, **options)
        self.poolmanager.pool_classes_by_scheme = {"http": _PlainPool, "https": _SecurePool}
