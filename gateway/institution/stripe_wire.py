"""The wire to an institution behind an HTTP API like Stripe's: one request, a list of pages, and what answers mean."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import requests

from gateway.core.tenant import Mode
from gateway.errors import InstitutionUnavailable
from gateway.institution.instructing import InstitutionBusy
from gateway.institution.port import Instruction, Setup
from gateway.web import outgoing

Fields = dict[str, Any]
"""An object as the institution tells it."""

CONNECT_SECONDS = 5.0
LONGEST_PAUSE, SHORTEST_PAUSE = 3600.0, 1.0
"""What of a Retry-After is believed, in seconds."""
PAGE = 100
LEAVES_IN_DOUBT = frozenset({401, 403, 408, 409, 424, 425, 429})
"""Refusals that say nothing about the instruction: our key, a lock, a limit, a time-out between servers."""


class Refused(InstitutionUnavailable):
    """A definite refusal. It decides an instruction that was sent; a question refused leaves the outcome unknown."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"The institution refused: {reason}.")


class Wire:
    """``keys`` holds the secret key of each mode; no call takes longer than ``call_seconds``."""

    def __init__(self, url: str, keys: Mapping[Mode, str], *, call_seconds: float) -> None:
        self._url = url.rstrip("/")
        self._keys = keys
        self._call_seconds = call_seconds
        self._session = outgoing.session()

    def all(self, mode: Mode, path: str, **filters: str) -> list[Fields]:
        """All objects of a list, page after page."""
        return [*self._pages(mode, path, filters)]

    def _pages(self, mode: Mode, path: str, filters: Mapping[str, str]) -> Iterator[Fields]:
        after: dict[str, str] = {}
        while True:
            page = self.call(mode, "GET", path, {**filters, **after, "limit": PAGE})
            found = objects(page)
            yield from found
            if not page.get("has_more"):
                return
            if not found or after.get("starting_after") == found[-1]["id"]:
                raise InstitutionUnavailable(f"The institution's list {path} does not come to an end.")
            after = {"starting_after": found[-1]["id"]}

    def post(self, about: Instruction | Setup, path: str, body: Mapping[str, Any], *, key: str) -> Fields:
        """Make an object, under an idempotency key."""
        made = self.call(about.mode, "POST", path, body, key=key)
        if not isinstance(made.get("id"), str):
            raise InstitutionUnavailable("The institution's answer does not contain an object.")
        return made

    def call(
        self, mode: Mode, method: str, path: str, values: Mapping[str, Any] | None = None, *, key: str = ""
    ) -> Fields:
        """One request; raises ``Refused`` for a definite refusal, else ``InstitutionUnavailable``."""
        secret = self._keys.get(mode)
        if not secret:
            raise InstitutionUnavailable(f"No payment institution key is set for {mode} mode.")
        try:
            with outgoing.within(self._call_seconds):
                left = outgoing.seconds_left()
                response = self._session.request(
                    method,
                    self._url + path,
                    params=values if method == "GET" else None,
                    data=values if method == "POST" else None,
                    headers={"Idempotency-Key": key} if key else None,
                    auth=(secret, ""),
                    timeout=(min(CONNECT_SECONDS, left), left),
                    allow_redirects=False,
                )
            _heed_retry_after(response)
            told = response.json()
        except (requests.RequestException, TimeoutError) as error:
            raise InstitutionUnavailable(
                f"The institution's answer cannot be read: {type(error).__name__}."
            ) from error
        status = response.status_code
        if not isinstance(told, dict) or status in LEAVES_IN_DOUBT or not 200 <= status < 500:
            raise InstitutionUnavailable(f"The institution answered {status}.")
        if status < 300:
            return told
        problem = told.get("error")
        if status < 400 or not isinstance(problem, dict) or problem.get("type") == "idempotency_error":
            raise InstitutionUnavailable(
                f"The institution answered {status}, which leaves the outcome unknown."
            )
        raise Refused(str(problem.get("decline_code") or problem.get("code") or f"refused_{status}"))


def _heed_retry_after(response: requests.Response) -> None:
    """Raise ``InstitutionBusy`` for a limit that was met: the request was not looked at."""
    if response.status_code == 429:
        given = response.headers.get("Retry-After", "")
        seconds = float(given) if given.isascii() and given.isdigit() else SHORTEST_PAUSE
        raise InstitutionBusy(min(max(seconds, SHORTEST_PAUSE), LONGEST_PAUSE))


def objects(page: Fields) -> list[Fields]:
    """The entries of a list, each with an id. Raises ``InstitutionUnavailable`` for anything else."""
    found = page.get("data")
    if not isinstance(found, list) or not all(
        isinstance(one, dict) and isinstance(one.get("id"), str) for one in found
    ):
        raise InstitutionUnavailable("The institution's list cannot be read.")
    return found
