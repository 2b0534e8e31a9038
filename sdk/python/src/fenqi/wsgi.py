"""Call a WSGI application in this process as if it were a server: a requests adapter, PEP 3333 throughout.

Good for tests against the real gateway, and for a program that runs beside the gateway in one process. Needs
nothing but requests. A timeout cannot interrupt the application, because it runs in the caller's thread.
"""

from __future__ import annotations

import contextvars
import io
import logging
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from email.message import Message
from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes, urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPHeaderDict, HTTPResponse
from urllib3.exceptions import ProtocolError

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

logger = logging.getLogger("fenqi")

_HOP_BY_HOP = frozenset(
    (
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    )
)


def wsgi_session(app: WSGIApplication, base_url: str) -> requests.Session:
    """A requests Session whose requests to ``base_url`` go to ``app``: pass it as ``Fenqi(session=…)``."""
    session = requests.Session()
    session.trust_env = False
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.mount(base_url.rstrip("/") + "/", WsgiAdapter(app))
    return session


class WsgiAdapter(HTTPAdapter):
    """A requests adapter that answers from ``app``. Each request runs in a fresh ``contextvars`` context.

    An exception that leaves the application becomes ``requests.ConnectionError``, as a server that died
    would; one raised while the body is read becomes ``requests.exceptions.ChunkedEncodingError``.
    ``remote_addr`` is what the application sees as the caller's address.
    """

    __attrs__ = [*HTTPAdapter.__attrs__, "app", "remote_addr"]  # noqa: RUF012 - requests pickles by this list

    def __init__(self, app: WSGIApplication, *, remote_addr: str = "127.0.0.1") -> None:
        super().__init__()
        self.app = app
        self.remote_addr = remote_addr

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: float | tuple[float, float] | tuple[float, None] | None = None,
        verify: bool | str = True,
        cert: bytes | str | tuple[bytes | str, bytes | str] | None = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """The application's answer to ``request``; timeout, verify, cert and proxies have no meaning here."""
        exchange = _Exchange(self.app, _environ(request, self.remote_addr))
        try:
            exchange.start()
        except Exception as error:
            logger.exception("the WSGI application failed on %s %s", request.method, request.path_url)
            raise requests.ConnectionError(
                f"the WSGI application failed: {type(error).__name__}: {error}", request=request
            ) from error
        return self.build_response(request, exchange.raw(request.method or "GET"))

    def close(self) -> None:
        """Nothing stays open between requests."""


class _Exchange(io.RawIOBase):
    """One call of the application: it is a readable file over the body, which is produced as it is read."""

    def __init__(self, app: WSGIApplication, environ: dict[str, Any]) -> None:
        self._app = app
        self._environ = environ
        self._context = contextvars.Context()
        self._iterable: Iterable[bytes] = ()
        self._chunks: Iterator[bytes] = iter(())
        self._left = b""
        self._written: list[bytes] = []
        self._status = ""
        self._headers: list[tuple[str, str]] = []

    def start(self) -> None:
        """Call the application up to its first piece of body, when its status and headers are final."""
        try:
            self._iterable = self._context.run(self._app, self._environ, self._start_response)
            self._chunks = iter(self._iterable)
            while not self._left and (chunk := self._next()) is not None:
                self._left = chunk
            if not self._status:
                raise RuntimeError("start_response was never called")
            self._left = b"".join([*self._written, self._left])
        except BaseException:
            self.close()
            raise

    def raw(self, method: str) -> HTTPResponse:
        """The answer as urllib3 would hand it to requests."""
        code, _, reason = self._status.partition(" ")
        headers, message = HTTPHeaderDict(), Message()
        for name, value in self._headers:
            if name.lower() not in _HOP_BY_HOP:
                headers.add(name, value)
                message[name] = value
        return HTTPResponse(
            body=self,
            headers=headers,
            status=int(code),
            reason=reason,
            version=11,
            version_string="HTTP/1.1",
            preload_content=False,
            decode_content=False,
            original_response=_Original(message),  # type: ignore[arg-type]  # quacks like http.client's
            request_method=method,
        )

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._left:
            chunk = self._guarded_next()
            if chunk is None:
                return 0
            self._left = chunk
        size = min(len(buffer), len(self._left))
        buffer[:size] = self._left[:size]
        self._left = self._left[size:]
        return size

    def close(self) -> None:
        if self.closed:
            return
        super().close()
        finish = getattr(self._iterable, "close", None)
        if finish is not None:
            try:
                self._context.run(finish)
            except Exception:
                logger.exception("the WSGI application failed while closing its answer")

    def _next(self) -> bytes | None:
        return self._context.run(next, self._chunks, None)

    def _guarded_next(self) -> bytes | None:
        try:
            return self._next()
        except Exception as error:
            logger.exception("the WSGI application failed in the middle of its answer")
            self.close()
            raise ProtocolError(f"the WSGI application failed: {type(error).__name__}: {error}") from error

    def _start_response(
        self, status: str, headers: list[tuple[str, str]], exc_info: Any = None
    ) -> Callable[[bytes], object]:
        if exc_info is not None:
            try:
                if self._written or self._left:
                    raise exc_info[1].with_traceback(exc_info[2])
            finally:
                exc_info = None  # PEP 3333: no circular reference through the traceback
        elif self._status:
            raise RuntimeError("start_response was called twice without exc_info")
        self._status, self._headers = status, list(headers)
        return self._written.append


class _Original:
    """What requests and urllib3 look for behind an answer: the header block, from which cookies are taken."""

    def __init__(self, message: Message) -> None:
        self.msg = message

    def isclosed(self) -> bool:
        return True

    def close(self) -> None:
        pass


def _environ(request: requests.PreparedRequest, remote_addr: str) -> dict[str, Any]:
    url = urlsplit(request.url or "")
    body = _whole(request.body)
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request.method or "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(url.path).decode("latin-1"),
        "QUERY_STRING": url.query,
        "SERVER_NAME": url.hostname or "localhost",
        "SERVER_PORT": str(url.port or (443 if url.scheme == "https" else 80)),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": remote_addr,
        "HTTP_HOST": url.netloc.rpartition("@")[2],
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": url.scheme,
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for raw_name, raw_value in request.headers.items():
        name, value = _native(raw_name), _native(raw_value)
        if name.lower() in _HOP_BY_HOP:
            continue
        key = name.upper().replace("-", "_")
        environ[key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"] = value
    if body:
        environ["CONTENT_LENGTH"] = str(len(body))
    return environ


def _whole(body: Any) -> bytes:
    if body is None:
        return b""
    if isinstance(body, str):
        return body.encode()
    if isinstance(body, bytes | bytearray | memoryview):
        return bytes(body)
    if hasattr(body, "read"):
        return _whole(body.read())
    return b"".join(_whole(part) for part in body)


def _native(text: str | bytes) -> str:
    return text.decode("latin-1") if isinstance(text, bytes) else text
