"""A server whose senders are slow: they hold a socket each and nothing else; and what the front makes of a request."""

from __future__ import annotations

import json
import socket
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

from gateway.web.bodies import MAX_BODY_BYTES
from gateway.web.front import environ_of
from tests.gateway.web.before_the_front import answered, served
from tests.gateway.web.real_server import (
    BODY_SECONDS,
    CHUNKED,
    FIRST_SECONDS,
    HEAD,
    HEADER_SECONDS,
    UNFINISHED,
    Slow,
    asked,
)


def test_two_hundred_slow_sockets_delay_neither_health_nor_honest_requests(front: dict[str, Any]) -> None:
    form = b"grant_type=client_credentials&client_id=%b&client_secret=%b" % (
        front["client_id"].encode(),
        front["client_secret"].encode(),
    )
    slow, best = Slow(front["port"], 200), 10.0
    try:
        for _ in range(3):  # other tests may keep the machine busy
            waits = []
            for _ in range(50):
                slow.go_on()
                started = time.perf_counter()
                assert asked(front["port"], "GET", "/healthz")[0] == 200
                waits.append(time.perf_counter() - started)
                status, _, _ = asked(
                    front["port"],
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


def test_what_does_not_come_in_time_is_refused_and_the_connection_ends(front: dict[str, Any]) -> None:
    def sent(kind: str) -> tuple[bytes, float]:
        with socket.create_connection(("127.0.0.1", front["port"]), timeout=30) as connection:
            started = time.monotonic()
            connection.sendall(UNFINISHED[kind])
            said = b""
            while part := connection.recv(4096):
                said += part
            return said, time.monotonic() - started

    with ThreadPoolExecutor(len(UNFINISHED)) as pool:  # side by side, as each waits for seconds
        answers = dict(zip(UNFINISHED, pool.map(sent, UNFINISHED), strict=True))

    for kind, (said, took) in answers.items():
        if "body" not in kind:
            assert said == b"", kind
            assert took < HEADER_SECONDS + 2, kind
            continue
        head, _, body = said.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 408 "), kind
        assert b"content-type: application/problem+json" in head.lower()
        problem = json.loads(body)
        assert problem["code"] == "request_too_slow"
        assert problem["request_id"].encode() in head
        assert FIRST_SECONDS <= took < BODY_SECONDS + 2, kind


def test_what_is_too_long_is_refused_before_it_is_read(front: dict[str, Any]) -> None:
    with socket.create_connection(("127.0.0.1", front["port"]), timeout=5) as connection:
        connection.sendall(
            HEAD + b"Content-Length: %d\r\nExpect: 100-continue\r\n\r\n" % (MAX_BODY_BYTES + 1)
        )
        assert connection.recv(4096).startswith(b"HTTP/1.1 413 "), "not one byte was asked for"
    with socket.create_connection(("127.0.0.1", front["port"]), timeout=5) as connection:
        connection.sendall(CHUNKED)
        for _ in range(MAX_BODY_BYTES // 4096 + 1):
            connection.sendall(b"1000\r\n" + b"a" * 4096 + b"\r\n")
        assert connection.recv(4096).startswith(b"HTTP/1.1 413 ")
    with socket.create_connection(("127.0.0.1", front["port"]), timeout=5) as connection:
        connection.sendall(b"GET /readyz HTTP/1.1\r\nHost: pay.example.test\r\nX-Long: " + b"a" * 200_000)
        assert connection.recv(4096).startswith(b"HTTP/1.1 431 ")


def test_a_form_in_chunks_is_refused_as_it_may_be_cut_off(front: dict[str, Any]) -> None:
    with socket.create_connection(("127.0.0.1", front["port"]), timeout=5) as connection:
        connection.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n4\r\na=10\r\n")
        said = connection.recv(4096)

    assert said.startswith(b"HTTP/1.1 400 ")
    assert b"Content-Length" in said


def test_a_body_that_was_cut_off_is_not_acted_upon(front: dict[str, Any]) -> None:
    form = b"grant_type=client_credentials&client_id=%b&client_secret=%b" % (
        front["client_id"].encode(),
        front["client_secret"].encode(),
    )
    with socket.create_connection(("127.0.0.1", front["port"]), timeout=5) as connection:
        connection.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % (len(form) + 1) + form)
        connection.shutdown(socket.SHUT_WR)
        said = connection.recv(4096)

    assert said.startswith(b"HTTP/1.1 400 "), "a whole form, had its last byte not been missing"
    assert b"access_token" not in said
    assert f"ended after {len(form)} of {len(form) + 1} bytes".encode() in said


class Headers:
    """Headers as granian gives them; a name may come twice."""

    def __init__(self, *pairs: tuple[str, str]) -> None:
        self._pairs = pairs

    def items(self) -> list[tuple[str, str]]:
        return list(self._pairs)

    def get(self, name: str, default: str | None = None) -> str | None:
        return dict(self._pairs).get(name, default)

    def __contains__(self, name: str) -> bool:
        return name in dict(self._pairs)


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
    closed = []

    class Parts(list[bytes]):
        def close(self) -> None:
            closed.append(True)

    def application(environ: dict[str, Any], start_response: Any) -> Any:
        if environ["PATH_INFO"] == "/fails":
            raise RuntimeError("on purpose")
        start_response("200 OK", [("X-Said", "yes")])
        return Parts([b"o", b"k"])

    with served(application) as front:
        status, named, body = answered(front, scope_of(path="/fails"))
        assert status == 500
        assert json.loads(body)["request_id"] == dict(named)["X-Request-Id"]
        assert answered(front, scope_of(path="/")) == (200, [("X-Said", "yes")], b"ok")

        del front._line
        assert answered(front, scope_of(path="/"))[0] == 500, (
            "nor may the thread end that hands requests over"
        )

    assert closed == [True]


def test_a_body_is_given_to_the_application_once_it_is_there_in_whole() -> None:
    def application(environ: dict[str, Any], start_response: Any) -> Any:
        start_response("200 OK", [])
        return [environ["wsgi.input"].read()]

    with served(application) as front:
        for fields in ({"content-length": "4"}, {"transfer-encoding": "chunked"}):
            scope = scope_of(("content-type", "application/json"), *fields.items())
            assert answered(front, scope, b"{", b"  ", b"}") == (200, [], b"{  }")
        assert answered(front, scope_of(("content-length", "5")), b"{  }")[0] == 400
        assert answered(front, scope_of(("content-length", "5")), OSError("gone"))[0] == 500
