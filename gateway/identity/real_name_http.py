"""A real-name source behind a small HTTP API (docs/real-name.md), for live mode."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import requests

from gateway.core.tenant import Mode
from gateway.identity.real_name import ANSWERS, Question, RealNameUnavailable
from gateway.web import outgoing

LONGEST_ANSWER = 4096
"""Bytes; an answer has three short fields."""


class HttpRealName:
    """``POST {url}/checks`` asks, ``GET {url}/checks/{reference}`` looks up; ``key`` is a bearer token."""

    def __init__(self, url: str, key: str) -> None:
        self._url = url.rstrip("/")
        self._key = key
        self._session = outgoing.session()  # no proxy and no .netrc of the machine sees a person

    def serves(self, mode: Mode) -> bool:
        """Live mode only: test data never leaves."""
        return mode == "live"

    def check(self, question: Question) -> str:
        """Send the question under its reference, which makes a repetition the same question."""
        body = {
            "reference": question.reference,
            "name": question.name,
            "id_number": question.id_number,
            "phone": question.phone,
        }
        status, told = self._call("POST", "/checks", question, body)
        if status not in (200, 201):
            raise RealNameUnavailable(f"the source answered {status}")
        return _answer(told, question)

    def look_up(self, question: Question) -> str | None:
        """None where the source says 404: it has never seen the reference."""
        status, told = self._call("GET", f"/checks/{quote(question.reference, safe='')}", question)
        if status == 404:
            return None
        if status != 200:
            raise RealNameUnavailable(f"the source answered {status}")
        return _answer(told, question)

    def _call(
        self, method: str, path: str, question: Question, body: dict[str, str] | None = None
    ) -> tuple[int, Any]:
        """Status and JSON of the answer, all of it within the question's time. No error says what was sent."""
        if not self.serves(question.mode):
            raise RealNameUnavailable("nobody of test mode is asked about at a live source")
        try:
            with (
                outgoing.within(question.within_seconds),
                self._session.request(
                    method,
                    self._url + path,
                    json=body,
                    headers={"Authorization": f"Bearer {self._key}", "Accept": "application/json"},
                    timeout=question.within_seconds,
                    allow_redirects=False,
                    stream=True,
                ) as response,
            ):
                text = _read(response)
        except (requests.RequestException, TimeoutError) as error:
            raise RealNameUnavailable(f"no answer came: {type(error).__name__}") from None
        try:
            return response.status_code, json.loads(text)
        except ValueError:
            return response.status_code, None


def _read(response: requests.Response) -> bytes:
    text = bytearray()
    for part in response.iter_content(LONGEST_ANSWER):
        text += part
        if len(text) > LONGEST_ANSWER:
            raise RealNameUnavailable("the answer is too long to be one")
    return bytes(text)


def _answer(told: Any, question: Question) -> str:
    if not isinstance(told, dict) or told.get("reference") != question.reference:
        raise RealNameUnavailable("the answer is about another question")
    if told.get("result") not in ANSWERS:
        raise RealNameUnavailable("the answer has no result that we know")
    return str(told["result"])
