"""A server whose senders are slow: they hold a socket each and nothing else; and what the front makes of a request."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from gateway.app import gateway_of
from gateway.config import from_environment
from gateway.onboarding import onboard
from gateway.web.bodies import MAX_BODY_BYTES
from gateway.web.front import Front, environ_of

HEAD = b"POST /oauth/token HTTP/1.1\r\nHost: pay.example.test\r\nContent-Type: application/x-www-form-urlencoded\r\n"
UNFINISHED = {
    "a body of one byte": HEAD + b"Content-Length: 900\r\n\r\na",
    "a body in drips": HEAD + b"Transfer-Encoding: chunked\r\n\r\n",
    "half a header": b"GET /v1/me HTTP/1.1\r\nHost: pay.example.test\r\nX-Half",
    "nothing": b"",
}
DRIP = b"1\r\na\r\n"
FIRST_SECONDS, BODY_SECONDS, HEADER_SECONDS = 2, 4, 4
START = (
    "import gateway.web.front as front, gateway.server as server; "
    f"front.FIRST_SECONDS, front.BODY_SECONDS, server.HEADER_SECONDS = {FIRST_SECONDS, BODY_SECONDS, HEADER_SECONDS}; "
    "server.run('gateway.server:application', host='127.0.0.1', port={port})"
)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[dict[str, Any]]:
    """A server behind one proxy, with deadlines short enough to be waited for, and a merchant of it."""
    folder = tmp_path_factory.mktemp("front")
    shutil.copy(sqlite_template, folder / "fenqi.sqlite")
    environ = {
        **os.environ,
        "DATABASE_URL": "",
        "FENQI_DATA_DIR": str(folder),
        "FENQI_PUBLIC_URL": "https://pay.example.test",
        "FENQI_PROXIES": "1",
        "FENQI_WORKER_IN_PROCESS": "0",
    }
    credentials = onboard(
        gateway_of(from_environment(environ)),
        name="门店",
        name_en="Shop",
        category="3c",
        mode="test",
        email="owner@shop.example",
        webhook_url=None,
    )
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen([sys.executable, "-c", START.format(port=port)], env=environ)
    try:
        wait_for(port)
        yield {"port": port, "folder": folder, **credentials}
    finally:
        server.terminate()
        server.wait(timeout=30)


def wait_for(port: int) -> None:
    for _ in range(600):
        try:
            if asked(port, "GET", "/healthz")[0] == 200:
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError("the server did not start")


def asked(
    port: int, method: str, path: str, body: bytes | None = None, **headers: str
) -> tuple[int, http.client.HTTPMessage, bytes]:
    """Status, headers and body of one request on a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        named = {
            "Host": "pay.example.test",
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        connection.request(method, path, body, named)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


class Slow:
    """Sockets whose requests never end; one that the server gives up is opened again."""

    def __init__(self, port: int, count: int) -> None:
        kinds = list(UNFINISHED)
        self._port = port
        self._sockets = [self._open(kinds[at % len(kinds)]) for at in range(count)]

    def _open(self, kind: str) -> tuple[str, socket.socket]:
        connection = socket.create_connection(("127.0.0.1", self._port))
        connection.sendall(UNFINISHED[kind])
        connection.setblocking(False)
        return kind, connection

    def go_on(self) -> None:
        """The next drip of each, and a new socket for each that was closed."""
        for at, (kind, connection) in enumerate(self._sockets):
            try:
                if kind == "a body in drips":
                    connection.send(DRIP)
                ended = connection.recv(4096) is not None
            except BlockingIOError:
                ended = False
            except OSError:
                ended = True
            if ended:
                connection.close()
                self._sockets[at] = self._open(kind)

    def close(self) -> None:
        for _, connection in self._sockets:
            connection.close()


def test_two_hundred_slow_sockets_delay_neither_health_nor_honest_requests(place: dict[str, Any]) -> None:
    form = b"grant_type=client_credentials&client_id=%b&client_secret=%b" % (
        place["client_id"].encode(),
        place["client_secret"].encode(),
    )
    slow, best = Slow(place["port"], 200), 10.0
    try:
        for _ in range(3):  # other tests may keep the machine busy
            waits = []
            for _ in range(50):
                slow.go_on()
                started = time.perf_counter()
                assert asked(place["port"], "GET", "/healthz")[0] == 200
                waits.append(time.perf_counter() - started)
                status, _, _ = asked(
                    place["port"],
                    "POST",
                    "/oauth/token",
                    form,
                    Content_Type="application/x-www-form-urlencoded",
                )
                assert status == 200, "an honest request does not wait for slow ones"
            best = min(best, statistics.quantiles(waits, n=100, method="inclusive")[98])
            if best <= 0.1:
                break
    finally:
        slow.close()
    assert best <= 0.1


@pytest.mark.parametrize("kind", [kind for kind in UNFINISHED if "body" in kind])
def test_a_body_beyond_its_time_is_answered_with_a_problem_and_the_connection_ends(
    kind: str, place: dict[str, Any]
) -> None:
    with socket.create_connection(("127.0.0.1", place["port"]), timeout=30) as connection:
        started = time.monotonic()
        connection.sendall(UNFINISHED[kind])
        said = b""
        while part := connection.recv(4096):
            said += part
    head, _, body = said.partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 408 ")
    assert b"content-type: application/problem+json" in head.lower()
    problem = json.loads(body)
    assert problem["code"] == "request_too_slow"
    assert problem["request_id"].encode() in head
    assert FIRST_SECONDS <= time.monotonic() - started < BODY_SECONDS + 2


@pytest.mark.parametrize("kind", [kind for kind in UNFINISHED if "body" not in kind])
def test_headers_that_do_not_come_end_the_connection(kind: str, place: dict[str, Any]) -> None:
    with socket.create_connection(("127.0.0.1", place["port"]), timeout=30) as connection:
        started = time.monotonic()
        connection.sendall(UNFINISHED[kind])

        assert connection.recv(4096) == b""
        assert time.monotonic() - started < HEADER_SECONDS + 2


def test_what_is_too_long_is_refused_before_it_is_read(place: dict[str, Any]) -> None:
    with socket.create_connection(("127.0.0.1", place["port"]), timeout=5) as connection:
        connection.sendall(
            HEAD + b"Content-Length: %d\r\nExpect: 100-continue\r\n\r\n" % (MAX_BODY_BYTES + 1)
        )
        assert connection.recv(4096).startswith(b"HTTP/1.1 413 "), "not one byte was asked for"
    with socket.create_connection(("127.0.0.1", place["port"]), timeout=5) as connection:
        connection.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
        for _ in range(MAX_BODY_BYTES // 4096 + 1):
            connection.sendall(b"1000\r\n" + b"a" * 4096 + b"\r\n")
        assert connection.recv(4096).startswith(b"HTTP/1.1 413 ")
    with socket.create_connection(("127.0.0.1", place["port"]), timeout=5) as connection:
        connection.sendall(b"GET /readyz HTTP/1.1\r\nHost: pay.example.test\r\nX-Long: " + b"a" * 200_000)
        assert connection.recv(4096).startswith(b"HTTP/1.1 431 ")


class Headers:
    """Headers as granian gives them; a name may come twice."""

    def __init__(self, *pairs: tuple[str, str]) -> None:
        self._pairs = pairs

    def items(self) -> list[tuple[str, str]]:
        return list(self._pairs)

    def get(self, name: str) -> str | None:
        return dict(self._pairs).get(name)


def scope_of(*headers: tuple[str, str], **changes: str) -> Any:
    facts = {
        "method": "POST", "path": "/支付/a\nb", "query_string": "q=é&q=%20", "http_version": "1.1", "scheme": "http",
        "server": "[::1]:8400", "client": "[2001:db8::7]:50123",
    }  # fmt: skip
    return SimpleNamespace(**{**facts, **changes}, headers=Headers(*headers))


def test_a_request_becomes_what_wsgi_asks_for() -> None:
    environ = environ_of(
        scope_of(
            ("content-length", "3"),
            ("content-type", "text/plain"),
            ("cookie", "a=1"),
            ("cookie", "b=2"),
            ("accept", "text/html"),
            ("accept", "*/*"),
            ("x_forwarded_for", "6.6.6.6"),
        ),
        b"abc",
    )

    assert environ["PATH_INFO"].encode("latin-1").decode() == "/支付/a\nb"
    assert environ["QUERY_STRING"].encode("latin-1").decode() == "q=é&q=%20"
    assert environ["REMOTE_ADDR"] == "2001:db8::7"
    assert (environ["CONTENT_TYPE"], environ["CONTENT_LENGTH"]) == ("text/plain", "3")
    assert (environ["HTTP_COOKIE"], environ["HTTP_ACCEPT"]) == ("a=1; b=2", "text/html,*/*")
    assert "HTTP_X_FORWARDED_FOR" not in environ, "a header with underscores passes for nobody's"
    assert environ["wsgi.input"].read() == b"abc"


def test_an_application_that_fails_is_answered_for_and_its_thread_goes_on() -> None:
    answers: list[Any] = []
    closed = []

    class Parts(list[bytes]):
        def close(self) -> None:
            closed.append(True)

    def application(environ: dict[str, Any], start_response: Any) -> Any:
        if environ["PATH_INFO"] == "/fails":
            raise RuntimeError("on purpose")
        start_response("200 OK", [("X-Said", "yes")])
        return Parts([b"o", b"k"])

    protocol = SimpleNamespace(response_bytes=lambda *answer: answers.append(answer))

    async def ask() -> None:
        front = Front(application)
        front.__rsgi_init__(asyncio.get_running_loop())
        await front.__rsgi__(scope_of(path="/fails"), protocol)
        await front.__rsgi__(scope_of(path="/"), protocol)

    interval = sys.getswitchinterval()
    try:
        asyncio.run(ask())
    finally:
        sys.setswitchinterval(interval)

    assert [status for status, _, _ in answers] == [500, 200]
    assert json.loads(answers[0][2])["request_id"] == dict(answers[0][1])["X-Request-Id"]
    assert answers[1] == (200, [("X-Said", "yes")], b"ok")
    assert closed == [True]
