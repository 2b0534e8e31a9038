"""Faults that a shop asks for in test mode: the same event twice, and events in the wrong order."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from tests.one_database import database_url  # noqa: F401


@pytest.fixture
def complete(api):
    """Play a purchase to its approval in a request with a header."""

    def play(**headers):
        checkout = api.checkout()
        answer = api.post(
            f"/v1/test_helpers/checkouts/{checkout['id']}/complete", {"phone": "13800000001"}, **headers
        )
        assert answer.status_code == 200, answer.text
        return answer.json["payment"]

    return play


def types(sink, hooked, clock):
    return [got.verified(hooked["secret"], clock)["type"] for got in sink.take()]


def test_an_event_comes_twice_under_one_id(complete, sink, hooked, deliver, clock):
    complete(Fenqi_Test_Fault="duplicate-webhook")
    deliver()
    ids = [got.headers["webhook-id"] for got in sink.got]
    assert len(ids) == 4
    assert len(set(ids)) == 2
    sink.take()
    complete()
    deliver()
    assert len(sink.got) == 2


def test_events_come_late_in_reverse_and_are_overtaken(api, complete, sink, hooked, deliver, clock):
    payment = complete(Fenqi_Test_Fault="reorder-webhooks")
    assert deliver() == 0
    api.post(f"/v1/payments/{payment}/capture")
    deliver()
    assert types(sink, hooked, clock) == ["payment.captured"]
    clock.advance(seconds=10)
    deliver()
    assert sorted(types(sink, hooked, clock)) == ["checkout.approved", "payment.authorized"]
    told = api.get("/v1/events").json["data"][::-1]
    assert [row["type"] for row in told][-1] == "payment.captured", "the list keeps the order"


def test_the_last_event_of_the_request_comes_first(complete, sink, hooked, deliver, clock, api):
    complete(Fenqi_Test_Fault="reorder-webhooks")
    clock.advance(seconds=11)
    deliver()
    recorded = [row["type"] for row in api.get("/v1/events").json["data"]]
    assert types(sink, hooked, clock) == recorded


def test_live_mode_refuses_faults_and_changes_nothing(new_merchant, app):
    live = new_merchant(mode="live", webhook_url="https://shop.example/hooks")
    checkout = live.checkout()
    answer = live.post(f"/v1/checkouts/{checkout['id']}/cancel", Fenqi_Test_Fault="duplicate-webhook")
    assert (answer.status_code, answer.json["param"]) == (400, "Fenqi-Test-Fault")
    assert live.get(f"/v1/checkouts/{checkout['id']}").json["status"] == "open"
    with app.extensions["fenqi"].db.read() as tx:
        assert tx.execute(text("SELECT count(*) FROM webhook_delivery")).scalar_one() == 0
