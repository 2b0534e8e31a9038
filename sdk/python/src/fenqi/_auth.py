"""The caller's credentials: a client credentials token kept fresh, or an access token given from outside."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from requests import PreparedRequest
from requests.auth import AuthBase

from ._errors import APIConnectionError, ServerError

_REFRESH_AT = 0.8
_PAUSE_AFTER_FAILURE = 5.0


class Bearer(AuthBase):
    """Sets the token as a requests auth object: a bare header would be replaced by an entry in ``.netrc``."""

    __slots__ = ("token",)

    def __init__(self, token: str) -> None:
        self.token = token

    def __call__(self, r: PreparedRequest) -> PreparedRequest:
        r.headers["Authorization"] = f"Bearer {self.token}"
        return r


class GivenToken:
    """An access token the caller holds: text, or a function asked before every request."""

    __slots__ = ("_given",)

    def __init__(self, given: str | Callable[[], str]) -> None:
        self._given = given

    def token(self) -> str:
        """The token as the caller has it now."""
        return self._given if isinstance(self._given, str) else self._given()

    def renewed(self, refused: str) -> str | None:
        """Another token after ``refused`` got a 401, or None when the caller has no other."""
        fresh = self.token()
        return fresh if fresh != refused else None


class ClientCredentials:
    """Tokens by ``client_credentials`` (RFC 6749 section 4.4), renewed at 80 % of their life.

    One request is sent at a time.
    """

    __slots__ = ("_clock", "_expires_at", "_fetch", "_lock", "_refresh_at", "_token")

    def __init__(
        self, fetch: Callable[[], tuple[str, float]], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._fetch = fetch
        self._clock = clock
        self._lock = threading.Lock()
        self._token = ""
        self._refresh_at = self._expires_at = float("-inf")

    def token(self) -> str:
        """A token believed to be good, fetched when there is none."""
        if self._clock() < self._refresh_at:
            return self._token
        if self._clock() >= self._expires_at:
            with self._lock:
                return self._token if self._clock() < self._refresh_at else self._renew()
        # Still good for the last fifth of its life: one thread renews it, the others go on.
        if self._lock.acquire(blocking=False):
            try:
                return self._token if self._clock() < self._refresh_at else self._renew()
            except (APIConnectionError, ServerError):
                self._refresh_at = min(self._expires_at, self._clock() + _PAUSE_AFTER_FAILURE)
                return self._token
            finally:
                self._lock.release()
        return self._token

    def renewed(self, refused: str) -> str:
        """Another token after ``refused`` got a 401; threads that were refused together fetch one."""
        with self._lock:
            return self._token if self._token not in ("", refused) else self._renew()

    def _renew(self) -> str:
        asked_at = self._clock()
        self._token, life = self._fetch()
        self._expires_at = asked_at + life
        self._refresh_at = asked_at + life * _REFRESH_AT
        return self._token
