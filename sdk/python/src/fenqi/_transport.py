"""Send requests: one requests Session per thread, the environment read once, repeats that keep their key."""

from __future__ import annotations

import logging
import os
import random
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from http.cookiejar import DefaultCookiePolicy
from typing import TypeAlias

import requests
from requests import exceptions as failures
from requests.auth import AuthBase
from urllib3 import exceptions as low

from ._answers import delay_before_repeat, error_in
from ._errors import APIConnectionError, APIError, APITimeoutError, FenqiError, UnexpectedResponseError

Timeout: TypeAlias = float | tuple[float, float]

logger = logging.getLogger("fenqi")
logger.addHandler(logging.NullHandler())

_NEVER_LEFT = (low.NewConnectionError, low.ConnectTimeoutError, low.ProxyError)


class Call:
    """One request, ready to be sent as often as needed: the bytes and the idempotency key never change."""

    __slots__ = (
        "body",
        "headers",
        "idempotency_key",
        "method",
        "path",
        "timeout",
        "to_token_endpoint",
        "url",
    )

    def __init__(
        self,
        method: str,
        base_url: str,
        path: str,
        *,
        headers: Mapping[str, str],
        body: bytes | None = None,
        timeout: Timeout,
        to_token_endpoint: bool = False,
    ) -> None:
        self.method = method
        self.path = path.partition("?")[0]
        self.url = base_url + path
        self.headers = headers
        self.body = body
        self.timeout = timeout
        self.to_token_endpoint = to_token_endpoint
        self.idempotency_key = headers.get("Idempotency-Key")


class Retry:
    """What ``on_retry`` is told before a request is repeated.

    ``attempt`` counts from 1, the first repeat; ``delay`` is in seconds.
    """

    __slots__ = ("attempt", "delay", "error", "idempotency_key", "method", "path")

    def __init__(self, call: Call, *, attempt: int, delay: float, error: FenqiError) -> None:
        self.method = call.method
        self.path = call.path
        self.idempotency_key = call.idempotency_key
        self.attempt = attempt
        self.delay = delay
        self.error = error

    def __repr__(self) -> str:
        return f"<Retry {self.attempt} of {self.method} {self.path} in {self.delay:.2f} s: {self.error}>"


class Transport:
    """Connections to one gateway. Safe to share between threads; a fork gets its own connections."""

    def __init__(
        self,
        base_url: str,
        session: requests.Session | None = None,
        *,
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.sleep = sleep
        self._given = session
        self._jitter = jitter
        self._local = threading.local()
        self._open: weakref.WeakSet[requests.Session] = weakref.WeakSet()
        if session is None:
            # Looking proxies, CA bundle and .netrc up again for every request is a quarter of a call.
            self._proxies = requests.utils.get_environ_proxies(base_url)
            bundle = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")
            self._verify: bool | str = bundle or True

    def send(
        self,
        call: Call,
        auth: AuthBase | None,
        *,
        max_retries: int,
        on_retry: Callable[[Retry], object] | None = None,
        stream: bool = False,
    ) -> requests.Response:
        """The successful answer to ``call``; raises the error of the last try. With ``stream`` the body is unread."""
        attempt = 0
        while True:
            try:
                answer = self._send_once(call, auth, stream)
                error = self._error_of(call, answer)
            except (APIConnectionError, UnexpectedResponseError) as failure:
                error = failure
            else:
                if error is None:
                    return answer
            repeatable = not isinstance(error, UnexpectedResponseError) or error.status == 0
            delay = delay_before_repeat(error, attempt, jitter=self._jitter()) if repeatable else None
            if delay is None or attempt >= max_retries or _is_refused_certificate(error):
                raise error
            attempt += 1
            logger.info("%s %s: %s; repeat %d in %.2f s", call.method, call.path, error, attempt, delay)
            if on_retry is not None:
                on_retry(Retry(call, attempt=attempt, delay=delay, error=error))
            self.sleep(delay)

    def close(self) -> None:
        """Close the connections of all threads; a session given by the caller stays the caller's."""
        sessions, self._local = list(self._open), threading.local()
        for session in sessions:
            session.close()

    def _session(self) -> requests.Session:
        if self._given is not None:
            return self._given
        mine: tuple[int, requests.Session] | None = getattr(self._local, "session", None)
        if mine is None or mine[0] != os.getpid():
            session = requests.Session()
            session.trust_env = False
            session.proxies.update(self._proxies)
            session.verify = self._verify
            session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
            self._open.add(session)
            mine = self._local.session = (os.getpid(), session)
        return mine[1]

    def _send_once(self, call: Call, auth: AuthBase | None, stream: bool) -> requests.Response:
        started = time.perf_counter()
        try:
            answer = self._session().request(
                call.method,
                call.url,
                data=call.body,
                headers=dict(call.headers),
                auth=auth,
                timeout=call.timeout,
                allow_redirects=False,
                stream=stream,
            )
        except failures.RequestException as error:
            raise _failure(call, error) from error
        logger.debug(
            "%s %s -> %d in %.0f ms, request %s",
            call.method,
            call.path,
            answer.status_code,
            (time.perf_counter() - started) * 1000,
            answer.headers.get("X-Request-Id"),
        )
        return answer

    def _error_of(self, call: Call, answer: requests.Response) -> FenqiError | None:
        if 200 <= answer.status_code < 300:
            return None
        try:
            body = answer.content
        except failures.RequestException as error:
            raise _failure(call, error) from error
        return error_in(
            answer.status_code,
            answer.headers,
            body,
            idempotency_key=call.idempotency_key,
            from_token_endpoint=call.to_token_endpoint,
        )


def _failure(call: Call, error: failures.RequestException) -> FenqiError:
    """The error of ours for one of requests'.

    It says whether time ran out, and whether the request may have arrived.
    """
    key, where = call.idempotency_key, f"{call.method} {call.path}"
    inner = error.args[0] if error.args else None
    reason = getattr(inner, "reason", None) or inner
    # urllib3 calls a refused connection a kind of ConnectTimeoutError, although no time ran out.
    refused = isinstance(reason, low.NewConnectionError)
    if isinstance(error, failures.ConnectTimeout) or (
        isinstance(reason, low.ConnectTimeoutError) and not refused
    ):
        return APITimeoutError(
            f"{where}: no connection within {call.timeout} s", was_sent=False, idempotency_key=key
        )
    if isinstance(error, failures.Timeout) or isinstance(reason, low.ReadTimeoutError):
        return APITimeoutError(
            f"{where}: no response within {call.timeout} s; the gateway may have acted on the request",
            idempotency_key=key,
        )
    if isinstance(error, failures.ChunkedEncodingError | failures.ContentDecodingError):
        return UnexpectedResponseError(
            f"{where}: the response was interrupted: {reason}", idempotency_key=key
        )
    never_left = isinstance(reason, _NEVER_LEFT) or "CERTIFICATE_VERIFY_FAILED" in str(error)
    return APIConnectionError(f"{where}: {reason or error}", was_sent=not never_left, idempotency_key=key)


def _is_refused_certificate(error: FenqiError) -> bool:
    return not isinstance(error, APIError) and "CERTIFICATE_VERIFY_FAILED" in error.message
