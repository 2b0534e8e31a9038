"""A real server in a process of its own, and what is sent to it: honest requests, and some that never end."""

from __future__ import annotations

import http.client
import socket
import time

HEAD = b"POST /oauth/token HTTP/1.1\r\nHost: pay.example.test\r\nContent-Type: application/x-www-form-urlencoded\r\n"
CHUNKED = (
    b"POST /v1/checkouts HTTP/1.1\r\nHost: pay.example.test\r\nContent-Type: application/json\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n"
)
UNFINISHED = {
    "a body of one byte": HEAD + b"Content-Length: 900\r\n\r\na",
    "a body in drips": CHUNKED,
    "half a header": b"GET /v1/me HTTP/1.1\r\nHost: pay.example.test\r\nX-Half",
    "nothing": b"",
}
DRIP = b"1\r\na\r\n"
FIRST_SECONDS, BODY_SECONDS, HEADER_SECONDS = 2, 4, 4
START = (
    "import gateway.web.front as front, gateway.process.server as server; "
    f"front.FIRST_SECONDS, front.BODY_SECONDS, server.HEADER_SECONDS = {FIRST_SECONDS, BODY_SECONDS, HEADER_SECONDS}; "
    "server.run('gateway.process.server:application', host='127.0.0.1', port={port})"
)


def wait_for(port: int) -> None:
    for _ in range(2400):  # a busy machine starts slowly
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
