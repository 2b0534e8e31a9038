"""Test clocks: a merchant moves its own time; its instalments fall due, become late and settle on the way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from gateway.process.worker import drain
from tests.gateway.conftest import problem
from tests.one_database import database_url  # noqa: F401


@pytest.fixture
def clock_of(api: Any, app: Flask) -> Callable[..., dict[str, Any]]:
    """Make the merchant's clock once, and advance it to its goal."""
    made = api.post("/v1/test_clocks", {"name": "a year"}).json

    def advance(**to: Any) -> dict[str, Any]:
        answer = api.post(f"/v1/test_clocks/{made['id']}/advance", to)
        assert (answer.status_code, answer.json["status"]) == (200, "advancing"), answer.text
        while drain(app.extensions["fenqi"]):
            pass
        return api.get(f"/v1/test_clocks/{made['id']}").json

    return advance


def test_a_year_passes_in_one_call(api: Any, clock_of: Callable[..., dict[str, Any]]) -> None:
    payment = api.captured(12)
    loan_id = payment["captures"][0]["loan"]
    ready = clock_of(days=31)
    assert (ready["status"], ready["now"], ready["advance_to"]) == ("ready", "2026-12-24T04:00:00.000Z", None)
    loan = api.get(f"/v1/loans/{loan_id}").json
    assert [bill["status"] for bill in loan["bills"]] == ["paid"]
    settled = api.get("/v1/settlements").json["data"]
    assert [batch["date"] for batch in settled] == ["2026-11-24"]
    assert clock_of(to="2027-11-23T00:00:00+08:00")["now"] == "2027-11-22T16:00:00.000Z"
    assert api.get(f"/v1/loans/{loan_id}").json["status"] == "settled"


def test_missed_instalments_become_late_as_the_clock_goes(
    api: Any, clock_of: Callable[..., dict[str, Any]]
) -> None:
    loan_id = api.captured(3)["captures"][0]["loan"]
    api.post(f"/v1/test_helpers/loans/{loan_id}/miss", {"instalments": 3})
    seen = []
    for _ in range(3):
        clock_of(days=31)
        loan = api.get(f"/v1/loans/{loan_id}").json
        seen.append((loan["status"], loan["bucket"]))
    assert seen == [("active", None), ("overdue", "M2"), ("overdue", "M3+")]


def test_new_orders_live_at_the_merchants_time_and_nobody_elses(
    api: Any, new_merchant: Callable[..., Any], clock_of: Callable[..., dict[str, Any]]
) -> None:
    other = new_merchant()
    clock_of(days=10)
    mine, theirs = api.approved(), other.approved()
    assert mine["plan"]["schedule"][0]["due_date"] == "2027-01-03"
    assert theirs["plan"]["schedule"][0]["due_date"] == "2026-12-23"
    assert mine["created_at"].startswith("2026-12-03")


def test_an_authorisation_lapses_on_the_way(api: Any, clock_of: Callable[..., dict[str, Any]]) -> None:
    payment = api.approved()
    api.post(f"/v1/payments/{payment['id']}/acknowledge", {"merchant_order_id": "A-1"})
    clock_of(days=29)
    assert api.get(f"/v1/payments/{payment['id']}").json["status"] == "expired"


def test_a_clock_goes_ahead_only_and_not_for_ever(api: Any, clock_of: Callable[..., dict[str, Any]]) -> None:
    clock = api.post("/v1/test_clocks", {})
    assert problem(clock)["code"] == "wrong_state"
    path = f"/v1/test_clocks/{clock.json['test_clock']}/advance"
    assert problem(api.post(path, {"to": "2026-11-01T00:00:00Z"}))["code"] == "wrong_state"
    assert problem(api.post(path, {"days": 1199}))["code"] == "wrong_state"
    assert problem(api.post(path, {}))["code"] == "invalid_request"
    assert problem(api.post(path, {"days": 1, "to": "2026-12-01T00:00:00Z"}))["code"] == "invalid_request"
    assert problem(api.post(path, {"to": "2026-12-01"}))["code"] == "validation_failed"


def test_live_mode_has_no_clocks(new_merchant: Callable[..., Any]) -> None:
    live = new_merchant(mode="live")
    assert problem(live.post("/v1/test_clocks", {}))["status"] == 404
    assert problem(live.post("/v1/test_helpers/loans/loan_x/repay", {}))["status"] == 404
    assert problem(live.post("/v1/test_helpers/disputes", {"payment": "pay_x"}))["status"] == 404


@pytest.mark.parametrize("end", ["settled", "refunded"])
def test_nothing_can_be_missed_on_a_loan_that_has_ended(api: Any, end: str) -> None:
    payment = api.captured(3)
    loan = payment["captures"][0]["loan"]
    if end == "settled":
        assert api.post(f"/v1/test_helpers/loans/{loan}/repay", {"early_settlement": True}).status_code == 200
    else:
        refund = {"payment": payment["id"], "reason": "came back"}
        assert api.post("/v1/refunds", refund).status_code == 201
    before = api.get(f"/v1/loans/{loan}").json
    answer = api.post(f"/v1/test_helpers/loans/{loan}/miss")
    assert (answer.status_code, problem(answer)["code"]) == (409, "wrong_state")
    assert api.get(f"/v1/loans/{loan}").json == before
