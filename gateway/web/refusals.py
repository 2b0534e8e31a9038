"""What the front of a server process answers by itself: refusals, and health.

The answer to who is refused under an overload is made beforehand, all but its request id: it is given thousands of
times a second, on the processor that the others are waiting for.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from gateway.errors import GatewayError, Overloaded
from gateway.web import busy, headers, problems

Answer = tuple[int, list[tuple[str, str]], bytes]
HEALTHY = {"status": "ok"}


def overloaded(seconds: int, scope: Any, accept: str) -> Answer:
    """The answer to a request that may come back in so many seconds; its connection goes on."""
    if busy.wanted(accept, scope.path):
        return _busy_page(seconds, again=scope.method == "GET")
    named, before, after = _come_back(seconds)
    request_id = problems.new_request_id()
    return Overloaded.status, [*named, ("X-Request-Id", request_id)], before + request_id.encode() + after


def refusal(error: GatewayError, scope: Any) -> Answer:
    """The answer to a request that the application never sees.

    A connection on which a body may still come ends; one whose request came in whole goes on.
    """
    if isinstance(error, Overloaded):
        return overloaded(error.extra["retry_after"], scope, scope.headers.get("accept", ""))
    request_id = problems.new_request_id()
    status, named, body = answer(error.status, problems.document(error, request_id), problems.CONTENT_TYPE)
    return status, [*named, ("X-Request-Id", request_id), ("Connection", "close")], body


@cache
def healthy() -> Answer:
    """The process answers."""
    return answer(200, HEALTHY, "application/json")


def answer(status: int, document: dict[str, Any], content_type: str) -> Answer:
    """An answer with the headers that every answer has, made without the application."""
    named = {
        **headers.OF_EVERY_ANSWER,
        "Content-Security-Policy": headers.ANSWER_POLICY,
        "Content-Type": content_type,
        "Cache-Control": "no-store",
    }
    return status, list(named.items()), json.dumps(document, ensure_ascii=False).encode()


@cache
def _come_back(seconds: int) -> tuple[list[tuple[str, str]], bytes, bytes]:
    """Headers, and what of the body is before and after the request id."""
    error = Overloaded(retry_after=seconds)
    _, named, body = answer(error.status, problems.document(error, "{}"), problems.CONTENT_TYPE)
    before, after = body.split(b"{}")
    # Without the last a shop's page could not read why its quote was refused; it says nothing of anybody.
    return [*named, ("Retry-After", str(seconds)), ("Access-Control-Allow-Origin", "*")], before, after


@cache
def _busy_page(seconds: int, *, again: bool) -> Answer:
    named = {
        **headers.OF_EVERY_ANSWER,
        "Content-Security-Policy": busy.POLICY,
        "Content-Type": "text/html; charset=utf-8",
        "Cache-Control": "no-store",
        "Retry-After": str(seconds),
    }
    if again:
        named["Refresh"] = str(seconds)
    return Overloaded.status, list(named.items()), busy.page(again=again)
