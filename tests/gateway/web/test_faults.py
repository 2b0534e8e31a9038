"""Faults that a shop asks for really happen, once where a retry is to succeed; nothing unknown is taken in silence."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from flask import Flask

import fenqi
from fenqi.wsgi import wsgi_session
from gateway.web import faults
from tests.gateway.conftest import problem
from tests.one_database import database_url  # noqa: F401


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that were asked for; none is made."""
    made: list[float] = []
    monkeypatch.setattr(faults.time, "sleep", made.append)
    return made


@pytest.fixture
def client(app: Flask, api: Any) -> fenqi.Fenqi:
    """The SDK with its usual retries, which do not wait here."""
    url = "http://gateway.test"
    client = fenqi.Fenqi(
        api.credentials["client_id"],
        api.credentials["client_secret"],
        base_url=url,
        session=wsgi_session(app, url),
        max_retries=2,
    )
    client._transport.sleep = lambda seconds: None  # type: ignore[method-assign]
    return client


def checkouts(api: Any) -> int:
    return len(api.get("/v1/checkouts").json["data"])


def test_timeout_after_commit_is_done_and_its_repeat_gets_the_answer(api: Any) -> None:
    order = api.order()
    lost = api.post("/v1/checkouts", order, key="k1", Fenqi_Test_Fault="timeout-after-commit")
    assert (lost.status_code, problem(lost)["code"]) == (504, "outcome_unknown")
    assert checkouts(api) == 1
    again = api.post("/v1/checkouts", order, key="k1", Fenqi_Test_Fault="timeout-after-commit")
    assert (again.status_code, again.headers["Idempotent-Replayed"]) == (201, "true")
    assert checkouts(api) == 1


def test_503_before_changes_nothing_and_lets_the_repeat_through(api: Any) -> None:
    order = api.order()
    shut = api.post("/v1/checkouts", order, key="k1", Fenqi_Test_Fault="503-before")
    assert (shut.status_code, problem(shut)["code"]) == (503, "unavailable")
    assert int(shut.headers["Retry-After"]) >= 1
    assert checkouts(api) == 0
    assert api.post("/v1/checkouts", order, key="k1", Fenqi_Test_Fault="503-before").status_code == 201
    assert api.post("/v1/checkouts", order, key="k2", Fenqi_Test_Fault="503-before").status_code == 503
    assert [api.get("/v1/balance", Fenqi_Test_Fault="503-before").status_code for _ in "ab"] == [503, 503]


def test_a_slow_request_waits_before_its_transaction(app: Flask, api: Any, pauses: list[float]) -> None:
    assert api.get("/v1/balance", Fenqi_Test_Fault="slow=30s").status_code == 200
    assert pauses == [30]


def test_a_slow_request_holds_up_nobody_else(app: Flask, api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite has one writer: whoever slept with a transaction would stop all."""
    asleep, wake = threading.Event(), threading.Event()

    def sleep(seconds: float) -> None:
        asleep.set()
        assert wake.wait(20)

    monkeypatch.setattr(faults.time, "sleep", sleep)
    answers = []
    order = api.order()

    def slow() -> None:
        answers.append(api.post("/v1/checkouts", order, key="k1", Fenqi_Test_Fault="slow=9s").status_code)

    sleeper = threading.Thread(target=slow)
    sleeper.start()
    assert asleep.wait(20)
    assert api.post("/v1/checkouts", order, key="k1").status_code == 201
    wake.set()
    sleeper.join()
    assert answers == [201]
    assert checkouts(api) == 1, "the slow one gets the answer of the quick one"


def test_few_requests_are_slow_at_a_time(api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faults, "_slow", threading.BoundedSemaphore(1))
    faults._slow.acquire()
    refused = api.get("/v1/balance", Fenqi_Test_Fault="slow=7s")
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "7")


@pytest.mark.parametrize(
    "name", ["banana", "slow", "slow=0s", "slow=31s", "slow=3", "slow=-1s", "slow=٣s", "", "503"]
)
def test_an_unknown_fault_is_refused_and_changes_nothing(api: Any, name: str) -> None:
    answer = api.call("POST", "/v1/checkouts", api.order(), Fenqi_Test_Fault=name.encode().decode("latin-1"))
    told = problem(answer)
    assert (answer.status_code, told["param"]) == (400, "Fenqi-Test-Fault")
    for known in ("timeout-after-commit", "503-before", "slow=3s", "duplicate-webhook", "reorder-webhooks"):
        assert known in told["detail"]
    assert checkouts(api) == 0


def test_a_fault_of_what_is_written_needs_a_request_that_writes(api: Any) -> None:
    for name in faults.WRITING:
        assert api.get("/v1/balance", Fenqi_Test_Fault=name).status_code == 400


def test_a_page_and_live_mode_play_no_fault(api: Any, new_merchant: Any) -> None:
    key = api.credentials["publishable_key"]
    header = {"Fenqi-Test-Fault": "503-before"}
    assert api.client.get(f"/v1/plans?amount=599900&key={key}", headers=header).status_code == 400
    assert new_merchant(mode="live").get("/v1/balance", Fenqi_Test_Fault="503-before").status_code == 400


@pytest.mark.parametrize("fault", ["timeout-after-commit", "503-before", "slow=1s"])
def test_retries_of_the_sdk_end_in_one_order(
    api: Any, client: fenqi.Fenqi, pauses: list[float], fault: str
) -> None:
    retries: list[fenqi.Retry] = []
    made = client.with_options(on_retry=retries.append).request(
        "POST", "/v1/checkouts", json=api.order(), headers={"Fenqi-Test-Fault": fault}
    )
    assert checkouts(api) == 1
    assert client.checkouts.retrieve(made.id).status == "open"
    assert len(retries) == (0 if fault == "slow=1s" else 1)
    assert len(pauses) == (1 if fault == "slow=1s" else 0)


def test_the_document_names_the_header_and_what_it_takes(api: Any) -> None:
    paths = api.get("/v1/openapi.json").json["paths"]
    for path, operations in paths.items():
        for method, operation in operations.items():
            (header,) = (row for row in operation["parameters"] if row["name"] == faults.HEADER)
            writes = method != "get" and not path.endswith("/preview")
            assert ("timeout" in header["schema"]["pattern"]) == writes, path


def test_a_second_is_a_second(api: Any) -> None:
    started = time.monotonic()
    assert api.get("/v1/balance", Fenqi_Test_Fault="slow=1s").status_code == 200
    assert time.monotonic() - started >= 1
