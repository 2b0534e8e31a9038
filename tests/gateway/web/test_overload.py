"""Overload: who would wait too long is refused at once, in words for programs and for people; the others are served."""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from types import SimpleNamespace
from typing import Any

import pytest

from gateway.errors import Overloaded
from gateway.web.front import COME_BACK, PATIENCE, THREADS, Front, Line, refusal


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def asked(method: str = "GET", path: str = "/v1/me", accept: str = "*/*") -> Any:
    return SimpleNamespace(
        method=method,
        path=path,
        query_string="",
        http_version="1.1",
        scheme="http",
        server="127.0.0.1:80",
        client="127.0.0.1:9",
        headers=SimpleNamespace(get={"accept": accept}.get, items=list),
    )


def line_in_which_one_takes(seconds: float, clock: Clock) -> Line:
    line = Line(THREADS, clock)
    for _ in range(200):
        line.enter()
        began = line.leave()
        clock.now += seconds
        line.done(began)
    return line


def test_line_grows_as_long_as_the_wait_is_short() -> None:
    line = line_in_which_one_takes(0.1, Clock())
    for _ in range(THREADS):
        line.enter()
        line.leave()

    for _ in range(int(PATIENCE / 0.1 * THREADS)):
        line.enter()
    line.enter()
    with pytest.raises(Overloaded) as refused:
        line.enter()

    assert COME_BACK[0] <= refused.value.extra["retry_after"] <= COME_BACK[1]


def test_as_many_as_there_are_threads_are_taken_however_long_each_takes() -> None:
    line = line_in_which_one_takes(60, Clock())

    for _ in range(THREADS + 1):
        line.enter()

    with pytest.raises(Overloaded):
        line.enter()


def test_line_that_does_not_move_takes_nobody_more() -> None:
    clock = Clock()
    line = Line(THREADS, clock)
    line.enter()
    clock.now += PATIENCE + 0.1

    with pytest.raises(Overloaded):
        line.enter()

    line.leave()
    line.enter()


def test_refused_programs_are_told_when_to_come_back_and_keep_their_connection() -> None:
    status, named, body = refusal(Overloaded(retry_after=3), asked())

    problem, fields = json.loads(body), dict(named)
    assert (status, problem["code"], fields["Retry-After"]) == (503, "overloaded", "3")
    assert "Nothing was changed" in problem["detail"]
    assert fields["X-Request-Id"] == problem["request_id"]
    assert "Connection" not in fields


@pytest.mark.parametrize(("method", "reloads"), [("GET", True), ("POST", False)])
def test_refused_people_see_a_page_that_reloads_only_what_was_read(method: str, reloads: bool) -> None:
    browser = asked(method, "/checkout/co_1", accept="text/html,application/xhtml+xml")

    status, named, body = refusal(Overloaded(retry_after=2), browser)

    fields, page = dict(named), body.decode()
    assert (status, fields["Content-Type"]) == (503, "text/html; charset=utf-8")
    assert (fields.get("Refresh") == "2") is reloads
    assert ("自动刷新" in page) is reloads
    assert ("Go back and send it again" in page) is not reloads
    assert "unsafe-inline" not in fields["Content-Security-Policy"]


def test_flood_is_refused_while_those_before_it_are_answered() -> None:
    go, answers, taken = threading.Event(), [], []

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        taken.append(environ)
        go.wait(60)
        start_response("200 OK", [])
        return [b"ok"]

    protocol = SimpleNamespace(response_bytes=lambda *answer: answers.append(answer[0]))

    async def flood() -> None:
        front = Front(application)
        front.__rsgi_init__(asyncio.get_running_loop())
        clock = Clock()
        front._line = Line(THREADS, clock)
        early = [asyncio.create_task(front.__rsgi__(asked(), protocol)) for _ in range(THREADS + 4)]
        while len(taken) < THREADS:
            await asyncio.sleep(0.001)
        clock.now += PATIENCE * 2
        for _ in range(50):
            await front.__rsgi__(asked(), protocol)
        assert answers == [503] * 50
        go.set()
        await asyncio.gather(*early)

    interval = sys.getswitchinterval()
    try:
        asyncio.run(flood())
    finally:
        sys.setswitchinterval(interval)

    assert answers == [503] * 50 + [200] * (THREADS + 4)
