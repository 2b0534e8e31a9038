"""Shops that listen: an HTTP sink that answers as told, and a socket that behaves as told."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook

from gateway.process.worker import drain


@dataclass(frozen=True)
class Got:
    """One request as the shop saw it; header names in lower case."""

    path: str
    headers: dict[str, str]
    body: bytes

    def verified(self, secret: str, clock: Any) -> dict[str, Any]:
        """The event, after the standard's own library has checked the signature and we the timestamp."""
        assert int(self.headers["webhook-timestamp"]) == int(clock.now.timestamp())
        webhook = Webhook(secret)
        # Theirs reads the machine's clock.
        webhook._Webhook__verify_timestamp = lambda _: clock.now  # type: ignore[attr-defined]
        return webhook.verify(self.body, self.headers)


@dataclass
class Sink:
    """A shop's endpoint on the loopback: it keeps what it gets; ``answer`` makes status and headers of each."""

    port: int = 0
    got: list[Got] = field(default_factory=list)
    answer: Callable[[Got], tuple[int, dict[str, str]]] = lambda got: (204, {})
    body: bytes = b""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hooks"

    def says(self, status: int, **headers: str) -> None:
        """Answer everything like this from now on."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answer = lambda got: (status, named)

    def take(self) -> list[Got]:
        """What came since the last look."""
        found, self.got = self.got, []
        return found


@contextmanager
def listening() -> Iterator[Sink]:
    sink = Sink()

    class Hooks(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            got = Got(self.path, headers, self.rfile.read(int(headers["content-length"])))
            sink.got.append(got)
            status, more = sink.answer(got)
            self.send_response(status)
            for name, value in more.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(sink.body)))
            self.end_headers()
            self.wfile.write(sink.body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hooks)
    server.handle_error = lambda *_: None  # a gateway that hangs up early is what some tests are about
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    sink.port = server.server_port
    try:
        yield sink
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def sink() -> Iterator[Sink]:
    with listening() as found:
        yield found


@pytest.fixture
def new_sink() -> Iterator[Callable[[], Sink]]:
    with ExitStack() as stack:
        yield lambda: stack.enter_context(listening())


@pytest.fixture
def misbehaving() -> Iterator[Callable[[Callable[[socket.socket], None]], int]]:
    """Start a server that does with each connection what it is told; returns its port."""
    stop = threading.Event()
    with ExitStack() as stack:

        def start(act: Callable[[socket.socket], None]) -> int:
            server = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            server.settimeout(0.05)
            thread = threading.Thread(target=serve, args=(server, act), daemon=True)
            stack.callback(thread.join)
            stack.callback(stop.set)
            thread.start()
            return int(server.getsockname()[1])

        def serve(server: socket.socket, act: Callable[[socket.socket], None]) -> None:
            while not stop.is_set():
                try:
                    connection, _ = server.accept()
                except TimeoutError:
                    continue
                with connection, suppress(OSError):  # the gateway hangs up, as it should
                    act(connection)

        yield start


@pytest.fixture
def deliver(app) -> Callable[[], int]:
    """Deliver until nothing is due; returns how many deliveries were taken."""

    def work() -> int:
        total = 0
        while taken := drain(app.extensions["fenqi"]):
            total += taken
        return total

    return work


@pytest.fixture
def hooked(api, sink) -> dict[str, Any]:
    """An endpoint of ``api`` at the sink, as its creation answered."""
    answer = api.post("/v1/webhook_endpoints", {"url": sink.url})
    assert answer.status_code == 201, answer.text
    return answer.json


def log_of(api: Any, endpoint: dict[str, Any], **query: str) -> list[dict[str, Any]]:
    """The endpoint's deliveries, the newest first."""
    api.login()
    asked = "&".join(f"{name}={value}" for name, value in query.items())
    answer = api.get(f"/v1/webhook_endpoints/{endpoint['id']}/deliveries?limit=100&{asked}")
    assert answer.status_code == 200, answer.text
    return answer.json["data"]


@pytest.fixture
def deliveries(api) -> Callable[..., list[dict[str, Any]]]:
    return lambda endpoint, **query: log_of(api, endpoint, **query)
