"""SIMULATOR of an institution behind an HTTP API like Stripe's that fails in every way an answer can fail, by plan."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

FAULTS = (
    "request dropped",
    "acted, then hangs",
    "acted, then reset",
    "acted, then 500",
    "500 before acting",
    "acted, answer drips",
    "acted, answer is no JSON",
    "acted, answer cut short",
    "acts half a minute late, twice",
    "429 with Retry-After",
)
"""What befalls the first sending of an instruction; every tenth instruction has the same."""
REFUSED, NONE = "connection refused", "none"
ACTS_FIRST = {fault for fault in FAULTS if fault.startswith("acted")}
LATE = timedelta(seconds=30)
FILTERS = ("customer", "payment_intent", "transfer_group")
"""By which objects can be listed."""


class Book:
    """What the institution has moved. With ``honours_keys`` a repeated idempotency key is the same request."""

    def __init__(self, clock: Callable[[], datetime], *, hang_seconds: float) -> None:
        self.clock, self.hang_seconds = clock, hang_seconds
        self.honours_keys = True
        self.objects: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.seen: Counter[str] = Counter()
        self.befell: dict[str, str] = {}
        """The fault that each reference met."""
        self.asked = 0
        self._by_key: dict[str, dict[str, Any]] = {}
        self._of: dict[tuple[str, str, str], list[dict[str, Any]]] = defaultdict(list)
        self._late: list[tuple[datetime, str, str, dict[str, str]]] = []
        self._lock = threading.Lock()

    def fault(self, reference: str, number: int) -> str | None:
        """What befalls this sending: instructions take the faults in turn, each at its first sending."""
        with self._lock:
            first = reference not in self.seen
            self.seen[reference] += 1
            fault = FAULTS[(len(self.seen) - 1) % len(FAULTS)] if first and number == 1 else None
            self.befell.setdefault(reference, fault or NONE)
            return fault

    def act(self, kind: str, key: str, values: dict[str, str]) -> dict[str, Any]:
        """Make the object, unless the key is honoured and known."""
        with self._lock:
            if self.honours_keys and key in self._by_key:
                return self._by_key[key]
            made: dict[str, Any] = {
                "id": f"{kind[:2]}_{len(self.objects[kind]) + 1}",
                "created": len(self.objects[kind]) + 1,
                "amount": int(values["amount"]),
                "currency": values.get("currency", "cny"),
                "status": "succeeded",
                "metadata": {
                    name[9:-1]: text for name, text in values.items() if name.startswith("metadata[")
                },
                **{name: values[name] for name in FILTERS if name in values},
            }
            self.objects[kind].append(made)
            for name in FILTERS:
                if name in made:
                    self._of[kind, name, made[name]].append(made)
            self._by_key[key] = made
            return made

    def act_later(self, kind: str, key: str, values: dict[str, str]) -> None:
        """Act in half a minute, and again with the same key, as an institution that had lost its own answer."""
        with self._lock:
            self._late.append((self.clock() + LATE, kind, key, values))

    def catch_up(self) -> None:
        """Do what has become late."""
        with self._lock:
            due = [late for late in self._late if late[0] <= self.clock()]
            self._late = [late for late in self._late if late[0] > self.clock()]
        for _, kind, key, values in due:
            honoured, self.honours_keys = self.honours_keys, True  # its own repetition it knows itself
            self.act(kind, key, values)
            self.act(kind, key, values)
            self.honours_keys = honoured

    def listed(self, kind: str, query: dict[str, str]) -> list[dict[str, Any]]:
        """Objects that match what is asked."""
        filters = {name: query[name] for name in FILTERS if name in query}
        with self._lock:
            found = self.objects[kind]
            for name, text in filters.items():  # each finds little, however much there is
                found = self._of[kind, name, text]
            return [one for one in found if all(one.get(name) == text for name, text in filters.items())]

    def moved_fen(self) -> Counter[str]:
        """What was moved under each reference, of all kinds."""
        moved: Counter[str] = Counter()
        for objects in self.objects.values():
            for one in objects:
                moved[one["metadata"]["reference"]] += one["amount"]
        return moved


class Handler(BaseHTTPRequestHandler):
    """One request."""

    server: Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    """Head and body are two writes: the second would wait 40 ms for the system to acknowledge the first."""

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        """Answer a question."""
        book, url = self.server.book, urlsplit(self.path)
        book.asked += 1
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        _, _, *path = url.path.split("/")
        if path == ["customers", "search"]:
            shopper = query["query"].split("'")[-2]
            found = [{"id": f"cus_{shopper}", "created": 1, "metadata": {"shopper": shopper}}]
            self._tell({"data": found, "has_more": False})
        elif path[0] == "customers":
            self._tell({"id": path[1], "invoice_settings": {"default_payment_method": "pm_1"}})
        else:
            self._tell({"data": book.listed(path[0], query), "has_more": False})

    def do_POST(self) -> None:
        """Carry out an instruction, or fail at it."""
        book = self.server.book
        book.asked += 1
        text = self.rfile.read(int(self.headers["Content-Length"])).decode()
        values = {name: found[0] for name, found in parse_qs(text).items()}
        kind, key = self.path.split("/")[2], self.headers["Idempotency-Key"]
        fault = book.fault(values["metadata[reference]"], int(values.get("metadata[part]", "1")))
        made = book.act(kind, key, values) if fault is None or fault in ACTS_FIRST else {}
        if fault is None:
            self._tell(made)
        else:
            self._fail(fault, made, lambda: book.act_later(kind, key, values))

    def _fail(self, fault: str, made: dict[str, Any], act_later: Callable[[], None]) -> None:
        if fault == "acts half a minute late, twice":
            act_later()
        if fault in ("acted, then 500", "500 before acting"):
            self._tell({"error": {"type": "api_error"}}, status=500)
        elif fault == "429 with Retry-After":
            self._tell({"error": {"type": "rate_limit"}}, status=429, retry_after="7")
        elif fault == "acted, answer is no JSON":
            self._send(b"<html>all is well</html>")
        elif fault == "acted, answer cut short":
            body = json.dumps(made).encode()
            self._send(body[: len(body) // 2], length=len(body))
            self.close_connection = True
        elif fault == "acted, answer drips":
            self._drip(json.dumps(made).encode())
        else:
            if fault == "acted, then hangs":
                time.sleep(self.server.book.hang_seconds)
            if fault == "acted, then reset":
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
            self.connection.close()

    def _drip(self, body: bytes) -> None:
        """A byte every so often: each alone comes in time, the whole does not."""
        try:
            self._send(b"", length=len(body))
            for place in range(len(body)):
                self.wfile.write(body[place : place + 1])
                self.wfile.flush()
                time.sleep(self.server.book.hang_seconds / 10)
        except OSError:
            self.close_connection = True

    def _tell(self, told: dict[str, Any], *, status: int = 200, retry_after: str = "") -> None:
        self._send(json.dumps(told).encode(), status=status, retry_after=retry_after)

    def _send(
        self, body: bytes, *, status: int = 200, length: int | None = None, retry_after: str = ""
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        if retry_after:
            self.send_header("Retry-After", retry_after)
        self.end_headers()
        self.wfile.write(body)


class Server(ThreadingHTTPServer):
    """Listens on the loopback."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, book: Book, port: int = 0) -> None:
        self.book = book
        super().__init__(("127.0.0.1", port), Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no error here."""


@contextmanager
def listening(book: Book, port: int = 0) -> Iterator[Server]:
    """The institution at work."""
    server = Server(book, port)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
