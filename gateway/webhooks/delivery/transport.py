"""The connection behind a delivery: to an address that was checked, with a cap on every wait and on every byte.

One ``Line`` serves the deliveries of one run to one endpoint over one connection. Its name is resolved once, all its
addresses are checked, and the socket goes to one of them while TLS and the Host header keep the name. Redirects are
answers like any other, proxies of the environment are not asked, and nothing is decompressed.
"""

from __future__ import annotations

import http.client
import io
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from requests.utils import DEFAULT_CA_BUNDLE_PATH

from gateway.webhooks.delivery.addresses import AddressRefused, Rules, Target, check, parse

CONNECT_SECONDS = 3.0
TOTAL_SECONDS = 10.0
BODY_SECONDS = 2.0
"""How long the body of an answer is waited for; its status has decided already."""
KEPT_BYTES = 1024
DRAINED_BYTES = 16 * 1024
"""An answer up to this size leaves the connection open for the next delivery."""
TRIED_ADDRESSES = 3
LOOK_UPS, LOOK_UP_SECONDS = 3, 2.0
"""Registrations that may look up a name at once, and how long the next one waits for its turn."""

Resolver = Callable[[str], list[str]]


class NotDelivered(Exception):
    """No answer came; ``kind`` is one of a few words, the message says more."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Answer:
    """What the endpoint answered: ``body`` is the first kilobyte."""

    status: int
    retry_after: str | None
    body: bytes


@dataclass(frozen=True, slots=True)
class Caps:
    """Longest waits in seconds."""

    connect: float = CONNECT_SECONDS
    total: float = TOTAL_SECONDS
    body: float = BODY_SECONDS


def system_resolver(host: str) -> list[str]:
    """All addresses of a name, by the machine's resolver. Raises ``OSError``."""
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class Transport:
    """The port through which webhooks leave; ``resolve``, ``caps`` and ``tls`` are a test's to replace."""

    def __init__(
        self,
        resolve: Resolver = system_resolver,
        *,
        caps: Caps | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.caps = caps or Caps()
        self._resolve = resolve
        self._looking_up = threading.BoundedSemaphore(LOOK_UPS)
        self._tls = tls

    def check(self, url: str, rules: Rules) -> None:
        """Whether a delivery to ``url`` would be tried today. Raises ``AddressRefused``.

        A look-up can take as long as somebody else's name server likes, so only a few callers wait for one at once.
        """
        target = parse(url, rules)
        if not self._looking_up.acquire(timeout=LOOK_UP_SECONDS):
            raise AddressRefused("Too many host names are being resolved right now: try again.")
        try:
            self.addresses(target, rules)
        finally:
            self._looking_up.release()

    def addresses(self, target: Target, rules: Rules) -> list[str]:
        """The checked addresses of a target: its one look-up. Raises ``AddressRefused``."""
        try:
            found = self._resolve(target.host)
        except (OSError, UnicodeError):
            raise AddressRefused(f"{target.host} cannot be resolved.") from None
        return check(target, found, rules)

    def line(self, url: str, rules: Rules) -> Line:
        """A line to ``url``; nothing is opened yet."""
        return Line(self, url, rules)

    @property
    def tls(self) -> ssl.SSLContext:
        """Verify names and certificates against the system's authorities and those that requests brings."""
        if self._tls is None:
            context = ssl.create_default_context()
            context.load_verify_locations(DEFAULT_CA_BUNDLE_PATH)
            self._tls = context
        return self._tls


class Line:
    """One endpoint's connection, for as long as one run of deliveries lasts."""

    def __init__(self, transport: Transport, url: str, rules: Rules) -> None:
        self._transport, self._url, self._rules = transport, url, rules
        self._open: _Connection | None = None
        self._began = time.monotonic()

    def __enter__(self) -> Line:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def seconds(self) -> float:
        """How long this line has existed."""
        return time.monotonic() - self._began

    def close(self) -> None:
        """Hang up."""
        if self._open is not None:
            self._open.close()
            self._open = None

    def post(self, headers: Mapping[str, str], body: bytes) -> Answer:
        """Send one request and wait for its status. Raises ``NotDelivered``."""
        deadline = time.monotonic() + self._transport.caps.total
        try:
            if self._open is not None:
                try:
                    return self._exchange(headers, body, deadline)
                except (http.client.HTTPException, ConnectionError, ssl.SSLEOFError):
                    self.close()  # closed while idle, or out of step: once more, on a new connection
            self._open = self._connected(deadline)
            return self._exchange(headers, body, deadline)
        except Exception as error:
            self.close()
            raise _named(error) from error

    def _connected(self, deadline: float) -> _Connection:
        target = parse(self._url, self._rules)
        addresses = self._transport.addresses(target, self._rules)[:TRIED_ADDRESSES]
        for number, address in enumerate(addresses, start=1):
            connection = _Connection(target, address, self._transport, deadline)
            try:
                connection.connect()
            except OSError as error:
                connection.close()
                if number == len(addresses) or isinstance(error, ssl.SSLError):
                    raise
            else:
                return connection
        raise AssertionError("unreachable: check() refuses a name without addresses")

    def _exchange(self, headers: Mapping[str, str], body: bytes, deadline: float) -> Answer:
        connection = self._open
        assert connection is not None
        response = connection.send_and_wait(headers, body, deadline)
        connection.deadline = min(deadline, time.monotonic() + self._transport.caps.body)
        kept = b""
        try:
            kept = response.read(KEPT_BYTES)
            rest = response.read(DRAINED_BYTES) if len(kept) == KEPT_BYTES else b""
            finished = response.isclosed() or (len(rest) < DRAINED_BYTES and not response.read(1))
        except (OSError, http.client.HTTPException, ValueError):
            finished = False
        if not finished or response.will_close:
            self.close()
        return Answer(response.status, response.headers.get("Retry-After"), kept)


class _Connection(http.client.HTTPConnection):
    """A connection to one checked address, whose every wait ends at ``deadline`` (monotonic seconds)."""

    def __init__(self, target: Target, address: str, transport: Transport, deadline: float) -> None:
        super().__init__(target.host, target.port)
        self.target, self.address, self.transport, self.deadline = target, address, transport, deadline
        self.response_class = self._response  # type: ignore[assignment]  # called like the class it stands for

    def connect(self) -> None:
        wait = min(self.left(), self.transport.caps.connect)
        self.sock = socket.create_connection((self.address, self.target.port), timeout=wait)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.target.secure:
            self.sock.settimeout(min(self.left(), self.transport.caps.connect))
            self.sock = self.transport.tls.wrap_socket(self.sock, server_hostname=self.target.host)

    def send_and_wait(
        self, headers: Mapping[str, str], body: bytes, deadline: float
    ) -> http.client.HTTPResponse:
        self.deadline = deadline
        self.sock.settimeout(self.left())
        self.putrequest("POST", self.target.path, skip_host=True, skip_accept_encoding=True)
        self.putheader("Host", self.target.host_header)
        for name, value in headers.items():
            self.putheader(name, value)
        self.putheader("Content-Length", str(len(body)))
        self.endheaders(body)
        return self.getresponse()

    def left(self) -> float:
        """Seconds until the deadline. Raises ``TimeoutError`` when it has passed."""
        seconds = self.deadline - time.monotonic()
        if seconds <= 0:
            raise TimeoutError("no complete answer in time")
        return seconds

    def _response(self, sock: Any, **options: Any) -> http.client.HTTPResponse:
        return http.client.HTTPResponse(_Timed(self, sock), **options)  # type: ignore[arg-type]


class _Timed(io.RawIOBase):
    """The reading end of a socket; each read waits no longer than the connection's deadline.

    A socket's own time-out restarts with every byte: an endpoint that drips would hold its thread for hours.
    """

    def __init__(self, connection: _Connection, sock: socket.socket) -> None:
        self._connection, self._sock = connection, sock
        self._raw: Any = sock.makefile("rb", buffering=0)

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(self._connection.left())
        count: int | None = self._raw.readinto(buffer)
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


def _named(error: Exception) -> Exception:
    """The transport's own error for what went wrong; other errors pass through unchanged."""
    if isinstance(error, AddressRefused):
        return NotDelivered("address_refused", str(error))
    if isinstance(error, TimeoutError):
        return NotDelivered("timed_out", "There was no complete response in time.")
    if isinstance(error, ssl.SSLError):
        return NotDelivered(
            "tls_failed", f"TLS failed: {getattr(error, 'verify_message', '') or error.reason}."
        )
    if isinstance(error, (http.client.HTTPException, ValueError)):
        kind = "connection_closed" if isinstance(error, http.client.RemoteDisconnected) else "answer_invalid"
        return NotDelivered(kind, f"The answer is not HTTP: {type(error).__name__}.")
    if isinstance(error, OSError):
        return NotDelivered("connection_failed", f"The connection failed: {error.strerror or error}.")
    return error
