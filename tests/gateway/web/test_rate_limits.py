"""Rate limits: who asks too often waits, others do not; Redis is a real server where one is installed."""

from __future__ import annotations

import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.app import create_app
from gateway.checkout.rates import CHECKOUTS, PUBLIC_PLANS
from gateway.config import Settings
from gateway.errors import Unavailable
from gateway.oauth.rates import LOGINS, TOKENS
from gateway.team.rates import INVITATIONS
from gateway.web.rate_limits import (
    InProcess,
    Rate,
    Shared,
    counter_of,
    network_of,
)
from tests.gateway.conftest import Api, problem
from tests.ports import free_port

REDIS = shutil.which("redis-server")
SLOW = Rate("slow", per_second=2, burst=5)


class Seconds:
    """A clock that the test moves."""

    now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
def redis_url(tmp_path: Path) -> Iterator[str]:
    """A Redis of its own."""
    if REDIS is None:
        pytest.skip("no redis-server found: apt install redis-server")
    port = free_port()
    server = subprocess.Popen(
        [REDIS, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(tmp_path)],
        stdout=subprocess.DEVNULL,
    )
    try:
        for _ in range(200):
            with socket.socket() as trial:
                if trial.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.02)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        server.kill()
        server.wait()


def test_a_burst_is_admitted_and_then_as_many_as_the_rate_gives_back(seconds: Seconds) -> None:
    counter = InProcess(seconds)
    assert [counter.wait(SLOW, "a") for _ in range(5)] == [0] * 5
    assert counter.wait(SLOW, "a") == pytest.approx(0.5)
    assert counter.wait(SLOW, "b") == 0, "another caller has its own"
    seconds.now += 0.5
    assert counter.wait(SLOW, "a") == 0
    assert counter.wait(SLOW, "a") > 0
    seconds.now += 100
    assert [counter.wait(SLOW, "a") for _ in range(6)][:5] == [0] * 5


def test_nobody_is_locked_out_for_long_by_a_clock_that_was_put_back(seconds: Seconds) -> None:
    seconds.now += 30 * 86_400
    counter = InProcess(seconds)
    assert counter.wait(SLOW, "a") == 0
    seconds.now -= 30 * 86_400
    assert [counter.wait(SLOW, "a") for _ in range(6)] == [0] * 5 + [pytest.approx(0.5)]
    seconds.now += 0.5
    assert counter.wait(SLOW, "a") == 0


@given(st.lists(st.floats(0, 3), max_size=60))
def test_no_span_of_time_admits_more_than_burst_and_rate(steps: list[float]) -> None:
    seconds = Seconds()
    counter = InProcess(seconds)
    admitted: list[float] = []
    for step in steps:
        seconds.now += step
        if counter.wait(SLOW, "a") == 0:
            admitted.append(seconds.now)
    for first, start in enumerate(admitted):
        for last in range(first, len(admitted)):
            most = SLOW.burst + (admitted[last] - start) * SLOW.per_second
            assert last - first + 1 <= most + 1e-6


def test_a_flood_of_callers_takes_bounded_memory(seconds: Seconds) -> None:
    counter = InProcess(seconds, most=100)
    for number in range(1_000):
        counter.wait(SLOW, f"caller {number}")
    assert len(counter._full_at) <= 100
    assert counter.wait(SLOW, "caller 999") == 0


def test_a_merchant_with_too_many_new_checkouts_is_told_when_to_come_again(
    api: Api, new_merchant: Any, clock: Any, app: Any
) -> None:
    counter, merchant = app.extensions["fenqi"].counter, api.credentials["merchant"]
    while counter.wait(CHECKOUTS, f"{merchant}:test") == 0:
        pass
    refused = api.post("/v1/checkouts", api.order())
    assert problem(refused)["code"] == "rate_limited"
    assert refused.status_code == 429
    assert refused.headers["Retry-After"] == "1"
    assert api.get("/v1/checkouts").status_code == 200, "reading is not limited"
    assert new_merchant().post("/v1/checkouts", api.order()).status_code == 201
    clock.advance(seconds=1)
    assert api.post("/v1/checkouts", api.order()).status_code == 201


@pytest.mark.parametrize(("path", "rate"), [("/oauth/token", TOKENS), ("/oauth/authorize", LOGINS)])
def test_guessing_from_one_address_is_slowed(app: Any, path: str, rate: Rate) -> None:
    client = app.test_client()
    answers = [client.post(path, data={"grant_type": "client_credentials"}) for _ in range(rate.burst + 1)]
    assert {answer.status_code for answer in answers[:-1]} <= {400, 401}
    assert answers[-1].status_code == 429
    elsewhere = client.post(path, environ_base={"REMOTE_ADDR": "203.0.113.9"})
    assert elsewhere.status_code != 429


def test_an_ipv6_customer_is_one_address_and_so_is_a_mapped_one() -> None:
    assert network_of("2001:db8:1:2:3:4:5:6") == network_of("2001:db8:1:2::9") == "2001:db8:1:2::"
    assert network_of("2001:db8:1:3::9") != network_of("2001:db8:1:2::9")
    assert network_of("::ffff:203.0.113.9") == network_of("203.0.113.9") == "203.0.113.9"
    assert network_of("fe80::1%eth0") == "fe80::"
    assert network_of("é" * 100) == "é" * 45


def test_addresses_behind_which_one_customer_sits_are_counted_together(app: Any) -> None:
    client = app.test_client()
    answers = [
        client.get("/account/invitation", environ_base={"REMOTE_ADDR": f"2001:db8::{number:x}"}).status_code
        for number in range(INVITATIONS.burst + 1)
    ]
    assert answers == [410] * INVITATIONS.burst + [429]
    assert client.get("/account/invitation", environ_base={"REMOTE_ADDR": "2001:db8:1::"}).status_code == 410
    page = client.get("/account/invitation?lang=en", headers={"Accept": "text/html"})
    assert page.status_code == 410
    for _ in range(PUBLIC_PLANS.burst):
        client.get("/plans")
    page = client.get("/plans?lang=en", headers={"Accept": "text/html"})
    assert page.status_code == 429
    assert f"Try again in {page.headers['Retry-After']} second" in page.text


@pytest.mark.parametrize(
    ("header", "size"),
    [
        ("Authorization", 6 * 1024),
        ("DPoP", 6 * 1024),
        ("Idempotency-Key", 1024),
        ("Cookie", 16 * 1024),
        ("X", 8 * 1024),
    ],
)
def test_a_header_that_is_too_large_is_named(app: Any, header: str, size: int) -> None:
    client = app.test_client(use_cookies=False)
    assert client.get("/v1/me", headers={header: "x" * size}).status_code == 401
    refused = client.get("/v1/me", headers={header: "x" * (size + 1)})
    told = problem(refused)
    assert (refused.status_code, told["code"]) == (431, "header_too_large")
    assert told["param"].lower() == header.lower()
    many = {f"X-{number}": "x" * 8_000 for number in range(7)}
    assert client.get("/v1/me", headers=many).status_code == 431


def test_a_person_who_is_too_fast_sees_a_page(app: Any) -> None:
    client = app.test_client()
    for _ in range(LOGINS.burst):
        client.post("/oauth/authorize", data={})
    page = client.post("/oauth/authorize", data={}, headers={"Accept": "text/html"})
    assert page.status_code == 429
    assert page.mimetype == "text/html"
    assert int(page.headers["Retry-After"]) >= 1


def test_forwarded_addresses_are_believed_only_from_known_proxies(
    database_url: str, tmp_path: Path, clock: Any
) -> None:
    def refused_behind(proxies: int, header: str) -> bool:
        settings = Settings(database_url=database_url, data_dir=tmp_path / str(proxies), proxies=proxies)
        client = create_app(settings, clock=clock).test_client()
        for number in range(TOKENS.burst + 1):
            answer = client.post("/oauth/token", headers={"X-Forwarded-For": header.format(number)})
        return answer.status_code == 429

    assert refused_behind(0, "203.0.113.{}"), "a header that anybody can send gives nobody a fresh burst"
    assert not refused_behind(1, "203.0.113.{}")
    assert refused_behind(1, "203.0.113.{}, 198.51.100.7"), (
        "what stands before the proxy's own word is hearsay"
    )


def test_processes_that_share_redis_count_together(redis_url: str, seconds: Seconds) -> None:
    one, other = Shared.at(redis_url, InProcess(seconds)), Shared.at(redis_url, InProcess(seconds))
    rate = Rate("shared", per_second=0.01, burst=20)
    admitted: list[int] = []

    def ask(counter: Shared) -> None:
        for _ in range(20):
            admitted.append(counter.wait(rate, "a") == 0)

    threads = [threading.Thread(target=ask, args=(counter,)) for counter in (one, other) * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(admitted) == 20
    assert 0 < one.wait(rate, "a") <= 100 or other.wait(rate, "a") > 0
    assert one.wait(rate, "b") == 0


def test_what_is_used_once_is_used_once_for_all_that_share_redis(redis_url: str, seconds: Seconds) -> None:
    one, other = Shared.at(redis_url, InProcess(seconds)), Shared.at(redis_url, InProcess(seconds))
    assert one.is_first("proof", 60)
    assert not other.is_first("proof", 60)
    assert other.is_first("another", 60)
    assert counter_of("redis://127.0.0.1:1/0", seconds).is_first("proof", 60), (
        "without Redis, each for itself"
    )


def test_redis_forgets_whoever_has_the_whole_burst_again(redis_url: str, seconds: Seconds) -> None:
    from redis import Redis  # noqa: PLC0415

    counter = Shared.at(redis_url, InProcess(seconds))
    counter.wait(Rate("quick", per_second=0.1, burst=5), "a")
    redis = Redis.from_url(redis_url)
    (key,) = redis.keys("fenqi:rate:*")
    assert 0 < redis.pttl(key) <= 10_000, "the key ends when the one request is made up for"


def test_without_redis_guessing_is_shut_and_the_rest_goes_on(seconds: Seconds) -> None:
    counter = counter_of("redis://127.0.0.1:1/0", seconds)
    assert counter.wait(SLOW, "a") == 0
    with pytest.raises(Unavailable):
        counter.wait(LOGINS, "a")
    for _ in range(SLOW.burst):
        counter.wait(SLOW, "a")
    assert counter.wait(SLOW, "a") > 0, "each process still counts for itself"


def test_limits_can_be_switched_off(seconds: Seconds) -> None:
    counter = counter_of("off", seconds)
    assert {counter.wait(LOGINS, "a") for _ in range(1_000)} == {0}
