"""A real server whose threads are all taken: whoever comes is refused at once, however slowly the request is sent."""

from __future__ import annotations

import http.client
import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from gateway.web.front import THREADS
from tests.gateway.web.real_server import CHUNKED, HEAD, UNFINISHED, asked, wait_for
from tests.ports import free_port
from tests.warm import Process, python

PATIENCE, HEADER_SECONDS = 0.3, 2
START = (
    "import gateway.web.line as line, gateway.process.server as server; "
    f"line.PATIENCE, server.HEADER_SECONDS = {PATIENCE, HEADER_SECONDS}; "
    "server.run('tests.gateway.web.before_the_front:holding', host='127.0.0.1', port={port})"
)
GET = b"GET /v1/me HTTP/1.1\r\nHost: pay.example.test\r\n\r\n"
UNSENT = {
    "a body of one byte": HEAD + b"Content-Length: 900\r\n\r\na",
    "a body that waits to be asked for": HEAD + b"Content-Length: 900\r\nExpect: 100-continue\r\n\r\n",
    "a body in drips": CHUNKED + b"1\r\na\r\n",
    "a body that would be too long": HEAD + b"Content-Length: 9000000\r\n\r\na",
}


@pytest.fixture
def refusing(tmp_path: Path) -> Iterator[Any]:
    """The port, and the process, of a server that refuses everybody until a file ``go`` is in ``tmp_path``."""
    port = free_port()
    environ = {**os.environ, "DATABASE_URL": "", "FENQI_DATA_DIR": str(tmp_path)}
    server = Process(python, START.format(port=port), environ=environ, log=tmp_path / "server.log")
    try:
        wait_for(port)
        with ExitStack() as held:
            for number in range(
                THREADS + 60
            ):  # some for the threads, one that waits, and more on a slow machine
                one = held.enter_context(socket.create_connection(("127.0.0.1", port)))
                one.sendall(GET)
                one.settimeout(PATIENCE if number >= THREADS else 0.01)
                try:
                    assert one.recv(4096).startswith(b"HTTP/1.1 503 ")
                    break
                except TimeoutError:
                    pass
            yield port, server
    finally:
        server.kill()
        server.wait(timeout=30)


def test_who_is_refused_is_refused_before_the_body_came_and_holds_nothing(
    refusing: Any, tmp_path: Path
) -> None:
    port, server = refusing

    with ExitStack() as stack:
        slow = []
        for number in range(100):
            sent = list(UNSENT.values())[number % len(UNSENT)]
            slow.append(stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=10)))
            slow[-1].sendall(sent)
        headless = [
            stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=10)) for _ in range(50)
        ]
        for one in headless:
            one.sendall(UNFINISHED["half a header"])
        started = time.monotonic()
        for one in slow:
            answer = http.client.HTTPResponse(one)
            answer.begin()
            problem = json.loads(answer.read())
            assert (answer.status, problem["code"]) == (503, "overloaded")
            assert 1 <= int(answer.headers["Retry-After"]) <= 10
            assert problem["request_id"] == answer.headers["X-Request-Id"]
            assert one.recv(1) == b"", "and the rest of the body is waited for by nobody"
        assert asked(port, "GET", "/healthz")[0] == 200
        assert time.monotonic() - started < HEADER_SECONDS, "not one waited until its body or header was late"
        for one in headless:
            assert one.recv(1) == b""

    _whole_ones_keep_their_connection(port)
    (tmp_path / "go").touch()
    server.terminate()
    assert server.wait(timeout=20) == 0


def _whole_ones_keep_their_connection(port: int) -> None:
    for tries_left in (2, 1, 0):
        try:
            _six_on_one_connection(port)
        except (
            ConnectionError,
            http.client.RemoteDisconnected,
        ):  # it was idle for too long, on a busy machine
            if not tries_left:
                raise
        else:
            return


def _six_on_one_connection(port: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.connect()
    kept = connection.sock
    for _ in range(3):
        for method, body in (("GET", None), ("POST", b'{"amount": 1}')):
            connection.request(method, "/v1/checkouts", body)
            answer = connection.getresponse()
            assert (answer.status, json.loads(answer.read())["status"]) == (503, 503)
            assert connection.sock is kept
    connection.close()
