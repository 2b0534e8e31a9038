"""Repeats: what is repeated, how long after, and always with the same key."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from stories import opened, order

import fenqi
from fenqi import Fenqi, Retry, _answers, _errors
from fenqi.testing import FakeGateway


def test_repeat_carries_the_same_key_and_bytes(client: Fenqi, gateway: FakeGateway) -> None:
    gateway.fail_next(503, times=2)
    client.checkouts.create(**order())
    assert [request.status for request in gateway.requests] == [503, 503, 201]
    assert len({request.idempotency_key for request in gateway.requests}) == 1
    assert gateway.requests[0].json == gateway.requests[2].json


def test_answer_that_was_lost_is_replayed(client: Fenqi, gateway: FakeGateway) -> None:
    gateway.lose_answer()
    checkout = opened(client)
    assert checkout.last_response is not None
    assert checkout.last_response.replayed
    assert len(gateway.state.checkouts) == 1


def test_connection_error_tells_that_the_request_may_have_arrived(gateway: FakeGateway) -> None:
    client = gateway.client(max_retries=0)
    gateway.lose_answer()
    with pytest.raises(fenqi.APIConnectionError) as lost:
        client.checkouts.create(**order("order-7"), idempotency_key="order-7")
    assert (lost.value.was_sent, lost.value.idempotency_key) == (True, "order-7")
    again = client.checkouts.create(**order("order-7"), idempotency_key="order-7")
    assert list(gateway.state.checkouts) == [again.id]


@pytest.mark.parametrize("retries", [0, 1, 2, 4])
def test_repeats_are_counted(gateway: FakeGateway, retries: int) -> None:
    gateway.fail_next(500, times=10)
    with pytest.raises(fenqi.ServerError) as failed:
        gateway.client(max_retries=retries).me.retrieve()
    assert len(gateway.requests) == retries + 1
    assert failed.value.request_id


@pytest.mark.parametrize("status", [400, 403, 404, 409, 422, 501])
def test_what_would_fail_again_is_not_repeated(client: Fenqi, gateway: FakeGateway, status: int) -> None:
    gateway.fail_next(status)
    with pytest.raises(fenqi.APIError):
        client.me.retrieve()
    assert len(gateway.requests) == 1


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_what_may_pass_is_repeated(client: Fenqi, gateway: FakeGateway, status: int) -> None:
    gateway.fail_next(status)
    assert client.me.retrieve().mode == "test"
    assert len(gateway.requests) == 2


def test_retry_after_is_obeyed(client: Fenqi, gateway: FakeGateway) -> None:
    before = gateway.state.now
    gateway.fail_next(429, retry_after=7)
    client.me.retrieve()
    assert gateway.state.now - before == timedelta(seconds=7)


def test_long_retry_after_is_left_to_the_caller(client: Fenqi, gateway: FakeGateway) -> None:
    gateway.fail_next(429, retry_after=61)
    with pytest.raises(fenqi.RateLimitError) as refused:
        client.me.retrieve()
    assert refused.value.retry_after == 61.0
    assert len(gateway.requests) == 1


def test_on_retry_is_told(gateway: FakeGateway) -> None:
    told: list[Retry] = []
    client = gateway.client(on_retry=told.append)
    gateway.fail_next(503)
    gateway.lose_answer()
    client.checkouts.create(**order(), idempotency_key="order-9")
    assert [(one.attempt, one.method, one.path, one.idempotency_key) for one in told] == [
        (1, "POST", "/v1/checkouts", "order-9"),
        (2, "POST", "/v1/checkouts", "order-9"),
    ]
    assert isinstance(told[0].error, fenqi.ServerError)
    assert isinstance(told[1].error, fenqi.APIConnectionError)
    assert [one.delay for one in told] == [0.5, 1.0]


def test_token_request_is_repeated_too(gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    answer, statuses = gateway._answer, [503]

    def failing_once(sent: Any, received: Any) -> Any:
        if received.path == "/oauth/token" and statuses:
            return statuses.pop(), {"Content-Type": "text/html"}, b"<html>busy</html>"
        return answer(sent, received)

    monkeypatch.setattr(gateway, "_answer", failing_once)
    assert gateway.client().me.retrieve().mode == "test"
    assert len(gateway.token_requests) == 2


@pytest.mark.parametrize(
    ("attempt", "most"), [(0, 0.5), (1, 1.0), (2, 2.0), (3, 4.0), (4, 8.0), (5, 8.0), (900, 8.0)]
)
def test_delay_is_full_jitter_up_to_eight_seconds(attempt: int, most: float) -> None:
    lost = fenqi.APIConnectionError("lost")
    assert _answers.delay_before_repeat(lost, attempt, jitter=1.0) == most
    assert _answers.delay_before_repeat(lost, attempt, jitter=0.0) == 0.0


def test_conflicts_are_not_repeated() -> None:
    conflict = _errors.api_error(409, {"code": "wrong_state"}, headers={}, retry_after=1.0)
    assert _answers.delay_before_repeat(conflict, 0, jitter=0.5) is None


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("", None),
        ("7", 7.0),
        (" 7 ", 7.0),
        ("-1", None),
        ("soon", None),
        ("٧", None),
        ("1.5", None),
    ],
)
def test_retry_after_in_seconds(header: str | None, seconds: float | None) -> None:
    assert _answers.retry_after_seconds(header) == seconds


def test_retry_after_as_a_date() -> None:
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    assert 25 < (_answers.retry_after_seconds(soon) or 0) <= 30
    assert _answers.retry_after_seconds("Wed, 21 Oct 2015 07:28:00 GMT") == 0.0
