"""The front of a server process: a request is read whole, within its time, before a thread of the application is taken.

granian hands requests over as soon as their headers are there (``gateway.process.handing_over``), by one thread. That
answers /healthz, however busy the others are, and refuses who would wait too long for a thread of the application
before it asks for the body, so that an overload costs those who are answered next to nothing (``gateway.web.line``).
Bodies are read on an event loop: whoever sends slowly costs a socket and nothing else. Headers are read by granian,
within limits that ``gateway.process.server`` sets.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
from io import BytesIO
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from gateway.errors import GatewayError, InvalidRequest, Overloaded, PayloadTooLarge, RequestTooSlow
from gateway.web.bodies import MAX_BODY_BYTES, MAX_UPLOAD_BYTES
from gateway.web.legible import check_form, check_query
from gateway.web.line import WHOSE, Known, Line
from gateway.web.rate_limits import network_of
from gateway.web.refusals import Answer, healthy, refusal

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

log = logging.getLogger("gateway.front")
THREADS = 8
BODY_SECONDS = 10
"""A body that is not complete by then is given up."""
UPLOAD_SECONDS = 120
UPLOADS_AT_ONCE = 4
"""Forms with files that are held in memory while they come; further ones are asked to come back."""
UNKNOWN_AT_ONCE = 2
"""Of these, with an Authorization header that was not seen to be valid before: anybody can send one slowly."""
FIRST_SECONDS = 5
"""So long nothing is asked of a body; from then on it has come, on the average, at the least rate or faster."""
LEAST_RATE = 1000
"""Bytes a second."""
SWITCH_SECONDS = 0.001
"""How long a thread computes while another waits for its turn: most wait for a database, and the loop must not."""
HEALTH_PATH = "/healthz"
READY_PATH = "/readyz"
"""Waits in a line of its own: a flood of strangers must not make a load balancer take every server away."""
OUR_FAULT = "Something went wrong on our side."

Asked = tuple[Any, Any, bytes]
"""A request: granian's scope and protocol, and the body."""


class Front:
    """A WSGI application behind a line that is short, with a bounded pool of threads of its own."""

    def __init__(self, app: WSGIApplication, *, proxies: int = 0) -> None:
        self._app, self._proxies = app, proxies
        self._calls: SimpleQueue[None] = SimpleQueue()
        """One for each that waits in the line: it wakes a thread."""
        self._line: Line[Asked] = Line(THREADS)
        self._known = Known()
        self._uploads = self._unknown = 0
        self._loop: asyncio.AbstractEventLoop
        self._reading: set[asyncio.Task[None]] = set()

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to serve; bodies are read on the loop."""
        self._loop = loop
        sys.setswitchinterval(SWITCH_SECONDS)
        for number in range(THREADS):
            threading.Thread(target=self._work, name=f"request {number}", daemon=True).start()

    def take(self, scope: Any, protocol: Any) -> None:
        """Take on, refuse or answer a request whose headers are there: called by the one thread that hands all over."""
        try:
            self._take(scope, protocol)
        except GatewayError as error:
            protocol.response_bytes(*refusal(error, scope))
        except BaseException:  # whoever calls has nobody to tell
            log.exception("a request was not taken on")
            protocol.response_bytes(*refusal(GatewayError(OUR_FAULT), scope))

    def _take(self, scope: Any, protocol: Any) -> None:
        if scope.path == HEALTH_PATH and scope.method in ("GET", "HEAD"):
            protocol.response_bytes(*healthy())
            return
        if scope.query_string:
            check_query(scope.query_string)
        headers = scope.headers  # a copy each time
        whose, known = self._whose(scope, headers)
        if headers.get("content-length", "0") != "0" or "transfer-encoding" in headers:
            self._line.look(whose, known=known)
            self._loop.call_soon_threadsafe(self._read, scope, protocol, whose, known)
            return
        self._line.enter(whose, (scope, protocol, b""), known=known)
        self._calls.put(None)

    def _read(self, *request: Any) -> None:
        """Begin to read a body."""
        task = self._loop.create_task(self._read_and_enter(*request))
        self._reading.add(task)
        task.add_done_callback(self._reading.discard)

    async def _read_and_enter(self, scope: Any, protocol: Any, whose: str, known: bool) -> None:
        """Let a request wait for a thread once its body is there in whole: until then it takes nobody's place."""
        try:
            body = await self._body(scope, protocol, known)
            check_form(scope.headers.get("content-type", ""), body)
            self._line.enter(whose, (scope, protocol, body), known=known)
        except GatewayError as error:
            protocol.response_bytes(*refusal(error, scope))
        except Exception:
            log.exception("a body was not read")
            protocol.response_bytes(*refusal(GatewayError(OUR_FAULT), scope))
        else:
            self._calls.put(None)

    def _whose(self, scope: Any, headers: Any) -> tuple[str, bool]:
        """Whom the line counts a request for, and whether that is known.

        It is the tenant of its Authorization header if that was right before, else where it came from: whoever has a
        network of IPv6 has all of its addresses, and one line.
        """
        if scope.path == READY_PATH:
            return READY_PATH, True
        header = headers.get("authorization")
        known = self._known.of(header) if header else None
        return (known, True) if known else (network_of(address_of(scope, self._proxies)), False)

    async def _body(self, scope: Any, protocol: Any, known: bool) -> bytes:
        """The body, once it is there in whole. Raises ``PayloadTooLarge``, ``RequestTooSlow`` or ``InvalidRequest``."""
        length = scope.headers.get("content-length")
        if length is None and not scope.headers.get("content-type", "").startswith("application/json"):
            # Where a chunk breaks off, the body seems to end: JSON then lacks its last brace, a form lacks nothing.
            raise InvalidRequest(
                "Send a Content-Length header: only JSON bodies can be chunked. Nothing was changed."
            )
        most = MAX_BODY_BYTES
        if length is not None and int(length) > most:
            if not scope.headers.get("content-type", "").startswith("multipart/form-data"):
                raise PayloadTooLarge(f"Send at most {most} bytes.")
            signed = bool(scope.headers.get("authorization"))
            return await self._upload(protocol, int(length), signed=signed, known=known)
        return await self._whole(protocol, length, most, BODY_SECONDS)

    async def _upload(self, protocol: Any, length: int, *, signed: bool, known: bool) -> bytes:
        """A form with a file, which is larger and takes longer; few come at once. Raises as ``_body`` does."""
        if length > MAX_UPLOAD_BYTES or not signed:
            raise PayloadTooLarge(f"Send at most {MAX_UPLOAD_BYTES} bytes, with an Authorization header.")
        if self._uploads >= UPLOADS_AT_ONCE or (not known and self._unknown >= UNKNOWN_AT_ONCE):
            raise Overloaded(retry_after=5)
        self._uploads += 1
        self._unknown += not known
        try:
            return await self._whole(protocol, str(length), MAX_UPLOAD_BYTES, UPLOAD_SECONDS)
        finally:
            self._uploads -= 1
            self._unknown -= not known

    async def _whole(self, protocol: Any, length: str | None, most: int, seconds: int) -> bytes:
        started, body = self._loop.time(), bytearray()
        try:
            async with asyncio.timeout_at(started + FIRST_SECONDS) as deadline:
                async for part in protocol:
                    body += part
                    if len(body) > most:
                        raise PayloadTooLarge(f"Send at most {most} bytes.")
                    if length is not None and len(body) >= int(length):
                        break
                    deadline.reschedule(started + min(seconds, FIRST_SECONDS + len(body) / LEAST_RATE))
        except TimeoutError:
            raise RequestTooSlow(
                f"Send the body within {seconds} seconds and, after the first {FIRST_SECONDS} seconds, at "
                f"{LEAST_RATE} bytes a second or more. Nothing was changed."
            ) from None
        if length is not None and len(body) != int(length):
            # The sender went away; half a form would read as a whole one with another amount.
            raise InvalidRequest(f"The body ended after {len(body)} of {length} bytes. Nothing was changed.")
        return bytes(body)

    def _work(self) -> None:
        """Answer one request after another; the answer leaves from this thread."""
        while True:
            self._calls.get()
            taken = self._line.leave()
            scope, protocol, body = taken.what
            try:
                if taken.late:
                    protocol.response_bytes(*refusal(Overloaded(retry_after=1), scope))
                else:
                    protocol.response_bytes(*self._answer(environ_of(scope, body)))
            except BaseException:  # the thread serves the next request, whatever was wrong with this one
                log.exception("a request was not answered")
                protocol.response_bytes(*refusal(GatewayError(OUR_FAULT), scope))
            finally:
                self._line.done(taken.began)

    def _answer(self, environ: dict[str, Any]) -> Answer:
        """What the application says, in whole: it has no answer that would not fit into memory."""
        status, named = 500, []

        def start_response(line: str, fields: list[tuple[str, str]], _failure: Any = None) -> Any:
            nonlocal status, named
            status, named = int(line[:3]), fields
            return None

        parts = self._app(environ, start_response)
        try:
            body = b"".join(parts)
        finally:
            getattr(parts, "close", _nothing)()
        if (whose := environ.get(WHOSE)) and (header := environ.get("HTTP_AUTHORIZATION")):
            self._known.remember(header, whose)
        return status, named, body


def _nothing() -> None:
    pass


def address_of(scope: Any, proxies: int) -> str:
    """The address that a request came from, as the outermost of our proxies saw it."""
    peer = str(scope.client).rpartition(":")[0].strip("[]")
    if not proxies:
        return peer
    told = [address.strip() for address in scope.headers.get("x-forwarded-for", "").split(",")]
    return told[-proxies] if len(told) >= proxies and told[-proxies] else peer


def environ_of(scope: Any, body: bytes) -> dict[str, Any]:
    """A request as WSGI (PEP 3333) has it, with the body in memory."""
    server, _, port = scope.server.rpartition(":")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": scope.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": scope.path.encode().decode("latin-1"),
        "QUERY_STRING": scope.query_string.encode().decode("latin-1"),
        "SERVER_NAME": server,
        "SERVER_PORT": port,
        "SERVER_PROTOCOL": f"HTTP/{scope.http_version}",
        "REMOTE_ADDR": address_of(scope, 0),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.scheme,
        "wsgi.input": BytesIO(body),
        "wsgi.input_terminated": True,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for name, value in scope.headers.items():
        if "_" in name:
            continue  # it would pass for the header with dashes, which a proxy in front may guard
        key = name.upper().replace("-", "_")
        if key not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            key = f"HTTP_{key}"
        environ[key] = (
            f"{environ[key]}{'; ' if name == 'cookie' else ','}{value}" if key in environ else value
        )
    return environ
