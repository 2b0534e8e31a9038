"""Overload: who would wait too long is refused at once, in words for programs and for people; the others are served."""

from __future__ import annotations

import json
import threading
from types import SimpleNamespace
from typing import Any

import flask
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import Overloaded
from gateway.monitoring.metrics import REQUESTS_SHED
from gateway.web.front import THREADS, Front
from gateway.web.line import FIRST_GUESS, LATE, LONGEST_BREAK, MOST_KNOWN, PATIENCE, WHOSE, Group, Line
from gateway.web.refusals import refusal
from tests.gateway.conftest import Api
from tests.gateway.web.before_the_front import Protocol, answered, served


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def asked(method: str = "GET", path: str = "/v1/me", accept: str = "*/*", **fields: str) -> Any:
    return SimpleNamespace(
        method=method,
        path=path,
        query_string="",
        http_version="1.1",
        scheme="http",
        server="127.0.0.1:80",
        client="127.0.0.1:9",
        headers={"accept": accept, **fields},
    )


def line_in_which_one_takes(seconds: float, clock: Clock) -> Line[Any]:
    line = Line[Any](THREADS, clock)
    for _ in range(200):
        line.enter("", "")
        began = line.leave().began
        clock.now += seconds
        line.done(began)
    return line


def test_line_grows_as_long_as_the_wait_is_short() -> None:
    line = line_in_which_one_takes(0.1, Clock())
    for _ in range(THREADS):
        line.enter("", "")
        line.leave()

    for _ in range(int(PATIENCE / 0.1 * THREADS)):
        line.enter("", "")
    line.enter("", "")
    breaks = []
    for _ in range(1000):
        with pytest.raises(Overloaded) as refused:
            line.enter("", "")
        breaks.append(refused.value.extra["retry_after"])

    assert breaks == sorted(breaks), "each comes back after those who were refused before"
    assert breaks[0] == 2
    assert breaks.count(3) == THREADS / 0.1, "as many in one second as can be served in one"
    assert breaks[-1] == LONGEST_BREAK


def test_of_those_who_were_refused_only_the_newest_are_remembered() -> None:
    line = line_in_which_one_takes(60, Clock())
    for _ in range(THREADS):
        line.enter("", "")
        line.leave()
    line.enter("first", "")

    for number in range(MOST_KNOWN + 10):
        with pytest.raises(Overloaded):
            line.enter(f"stranger {number}", "")

    assert len(line._promised) == MOST_KNOWN
    assert f"stranger {MOST_KNOWN + 9}" in line._promised
    assert "stranger 9" not in line._promised


def test_a_fresh_server_admits_no_more_than_it_could_serve() -> None:
    clock = Clock()
    line = Line[str](THREADS, clock)
    admitted, refused = 0, 0
    for number in range(10_000):
        clock.now += 0.0001  # all within the first second, before one of them has ended
        try:
            line.enter("", "")
        except Overloaded:
            refused += 1
            continue
        admitted += 1
        if number < THREADS:
            line.leave()

    assert refused == 10_000 - admitted
    assert THREADS < admitted <= THREADS * (2 + PATIENCE / FIRST_GUESS)
    line = line_in_which_one_takes(FIRST_GUESS / 10, Clock())
    for _ in range(int(PATIENCE / FIRST_GUESS * 9 * THREADS)):  # what was learnt counts, not the guess
        line.enter("", "")


def test_as_many_as_there_are_threads_are_taken_however_long_each_takes() -> None:
    line = line_in_which_one_takes(60, Clock())

    for _ in range(THREADS + 1):
        line.enter("", "")

    with pytest.raises(Overloaded):
        line.enter("", "")


def test_line_that_does_not_move_takes_nobody_more() -> None:
    clock = Clock()
    line = Line[str](THREADS, clock)
    line.enter("", "")
    clock.now += PATIENCE + 0.1

    with pytest.raises(Overloaded):
        line.enter("", "")

    line.leave()
    line.enter("", "")


def test_who_waits_in_a_full_line_of_others_is_taken_in_turn_and_so_is_each_of_its_lines() -> None:
    line = line_in_which_one_takes(0.1, Clock())
    for _ in range(THREADS):
        line.enter("greedy", "at work")
        line.leave()
    for _ in range(int(PATIENCE / 0.1 * THREADS)):
        line.enter("greedy", "greedy")

    for name in ("modest", "modest", "small"):
        line.enter(name, name)

    assert [line.leave().what for _ in range(6)] == [
        "greedy",
        "modest",
        "small",
        "greedy",
        "modest",
        "greedy",
    ]


def test_one_greedy_merchant_is_refused_for_itself_and_delays_nobody() -> None:
    """Five times as much as the threads can do, of one; a tenth of it, of another, who finds its turn at once."""
    clock, seconds = Clock(), 0.05
    line = line_in_which_one_takes(seconds, clock)
    at_work: list[tuple[float, float]] = []
    waits: dict[str, list[float]] = {"greedy": [], "modest": []}
    refused = {"greedy": 0, "modest": 0}
    waiting = 0
    for tick in range(4000):
        clock.now += 0.0025
        for began in [began for end, began in at_work if end <= clock.now]:
            line.done(began)
        at_work = [(end, began) for end, began in at_work if end > clock.now]
        for name in ["greedy", "greedy"] + ["modest"] * (tick % 25 == 0):
            try:
                line.enter(name, (name, clock.now))
                waiting += 1
            except Overloaded:
                refused[name] += 1
        while waiting and len(at_work) < THREADS:
            (name, since), began, late = line.leave()
            assert not late
            waiting -= 1
            waits[name].append(clock.now - since)
            at_work.append((clock.now + seconds, began))

    assert refused["modest"] == 0
    assert len(waits["modest"]) >= 159
    assert max(waits["modest"]) < 3 * seconds
    assert refused["greedy"] > 5000
    assert len(waits["greedy"]) > 1200, "it has what the other leaves"


def test_strangers_from_everywhere_have_every_second_turn_and_no_more() -> None:
    """A hundred addresses that ask ten times as much as the threads can do, and a merchant that asks for an eighth."""
    clock, seconds = Clock(), 0.05
    line = line_in_which_one_takes(seconds, clock)
    at_work: list[tuple[float, float]] = []
    refused = {True: 0, False: 0}
    waits: dict[bool, list[float]] = {True: [], False: []}
    waiting = 0
    for tick in range(4000):
        clock.now += 0.0025
        for began in [began for end, began in at_work if end <= clock.now]:
            line.done(began)
        at_work = [(end, began) for end, began in at_work if end > clock.now]
        strangers = [(f"192.0.2.{(tick * 4 + number) % 100}", False) for number in range(4)]
        for name, known in [*strangers, *[("merchant", True)] * (tick % 20 == 0)]:
            try:
                line.enter(name, (known, clock.now), known=known)
                waiting += 1
            except Overloaded:
                refused[known] += 1
        while waiting and len(at_work) < THREADS:
            (known, since), began, _ = line.leave()
            waiting -= 1
            waits[known].append(clock.now - since)
            at_work.append((clock.now + seconds, began))

    assert refused[True] == 0
    assert max(waits[True]) < 3 * seconds
    assert refused[False] > 10_000
    assert len(waits[False]) > 1_200, "they have what the merchant leaves"


def test_who_has_waited_too_long_since_others_came_is_refused() -> None:
    clock = Clock()
    line = Line[str](THREADS, clock)
    line.enter("", "first")
    line.enter("", "second")
    assert not line.leave().late
    clock.now += LATE + 0.1

    assert line.leave().late


def test_tokens_of_one_merchant_are_one_line_once_they_were_found_right_and_strangers_are_their_addresses() -> (
    None
):
    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        if environ["HTTP_AUTHORIZATION"] != "Bearer forged":
            environ[WHOSE] = "mer_1 live"
        start_response("200 OK", [])
        return []

    def whose(front: Front, **fields: str) -> tuple[str, bool]:
        scope = asked(**fields)
        return front._whose(scope, scope.headers)

    with served(application, proxies=1) as front:
        for header in ("Bearer a", "Basic b", "Bearer forged"):
            assert whose(front, authorization=header)[0] == "127.0.0.1"
            answered(front, asked(authorization=header))

    told = {"x-forwarded-for": "1.1.1.1, 2.2.2.2"}
    assert whose(front, authorization="Bearer a") == whose(front, authorization="Basic b")
    assert whose(front, authorization="Bearer a") == ("mer_1 live", True)
    assert whose(front, authorization="Bearer forged", **told) == ("2.2.2.2", False)
    assert whose(Front(application), **told) == ("127.0.0.1", False)
    of_one_host = {whose(front, **{"x-forwarded-for": f"2001:db8:1:2::{n}"}) for n in range(3)}
    assert of_one_host == {("2001:db8:1:2::", False)}


def test_application_tells_whose_a_right_token_and_a_right_secret_are(api: Api) -> None:
    whose = f"{api.credentials['merchant']} test"
    pair = api.credentials["client_id"], api.credentials["client_secret"]

    def told(path: str, method: str = "GET", **options: Any) -> Any:
        with api.client:
            api.client.open(path, method=method, **options)
            return flask.request.environ.get(WHOSE)

    def by_secret(secret: str) -> Any:
        form = {"grant_type": "client_credentials"}
        return told("/oauth/token", "POST", data=form, auth=(pair[0], secret))

    assert told("/v1/me", headers={"Authorization": f"Bearer {api.token}"}) == whose
    assert told("/v1/me", headers={"Authorization": f"Bearer {api.token}x"}) is None
    assert by_secret(pair[1]) == whose
    assert by_secret(pair[1][:-1] + ("a" if pair[1][-1] != "a" else "b")) is None


def test_refused_programs_are_told_when_to_come_back_and_keep_their_connection() -> None:
    status, named, body = refusal(Overloaded(retry_after=3), asked())

    problem, fields = json.loads(body), dict(named)
    assert (status, problem["code"], fields["Retry-After"]) == (503, "overloaded", "3")
    assert "Nothing was changed" in problem["detail"]
    assert fields["X-Request-Id"] == problem["request_id"]
    assert "Connection" not in fields
    assert fields["Access-Control-Allow-Origin"] == "*", "a shop's page that asks for a quote reads it, too"


@pytest.mark.parametrize(("method", "reloads"), [("GET", True), ("POST", False)])
def test_refused_people_see_a_page_that_reloads_only_what_was_read(method: str, reloads: bool) -> None:
    browser = asked(method, "/checkout/co_1", accept="text/html,application/xhtml+xml")

    status, named, body = refusal(Overloaded(retry_after=2), browser)

    fields, page = dict(named), body.decode()
    assert (status, fields["Content-Type"]) == (503, "text/html; charset=utf-8")
    assert (fields.get("Refresh") == "2") is reloads
    assert ("自动刷新" in page) is reloads
    assert ("Go back and submit it again" in page) is not reloads
    assert "unsafe-inline" not in fields["Content-Security-Policy"]


def test_flood_is_refused_before_its_bodies_are_read_while_those_before_it_are_answered() -> None:
    go, taken = threading.Event(), threading.Semaphore(0)

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        taken.release()
        go.wait(60)
        start_response("200 OK", [])
        return [b"ok"]

    with served(application) as front:
        clock = Clock()
        front._line = Line(THREADS, clock)
        early = [Protocol() for _ in range(THREADS + 4)]
        for protocol in early:
            front.take(asked(), protocol)
        for _ in range(THREADS):
            taken.acquire()
        clock.now += PATIENCE * 2
        shed = REQUESTS_SHED._value.get()
        for fields in [{}, {"content-length": "9"}, {"transfer-encoding": "chunked"}] * 20:
            late = Protocol()
            front.take(asked(**fields), late)
            assert late.status == 503, "at once, and its body was never asked for"
        go.set()
        assert {protocol.wait() for protocol in early} == {200}

    assert REQUESTS_SHED._value.get() == shed + 60, "counted, though not one by one"


def test_a_flood_of_strangers_does_not_make_the_server_unready() -> None:
    go, taken = threading.Event(), threading.Semaphore(0)

    def application(_environ: dict[str, Any], start_response: Any) -> list[bytes]:
        taken.release()
        go.wait(60)
        start_response("200 OK", [])
        return []

    with served(application) as front:
        front._line = line_in_which_one_takes(0.1, Clock())
        flood, probe = [Protocol() for _ in range(THREADS * 20)], Protocol()
        for protocol in flood:
            front.take(asked(), protocol)
        for _ in range(THREADS):
            taken.acquire()
        front.take(asked(path="/readyz"), probe)
        assert flood[-1].status == 503
        assert probe.status is None, "it waits for the next thread"
        go.set()
        assert probe.wait() == 200


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 2)), max_size=40))
def test_what_is_counted_before_somebody_is_what_a_look_at_each_line_counts(
    steps: list[tuple[str, int]],
) -> None:
    group: Group[int] = Group()
    for number, (whose, taken) in enumerate(steps):
        group.join(whose, float(number), number)
        for _ in range(min(taken, group.waiting)):
            group.take()
        assert group.waiting == sum(map(len, group.lines.values()))
        for own in range(4):
            lines = [len(line) for line in group.lines.values()]
            assert group.before(own) == sum(min(length, own + 1) for length in lines)
