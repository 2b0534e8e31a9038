"""What becomes of a delivery that fails, on a clock that the test moves: waits, Retry-After, 410, five days, order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gateway.process.daily import sweep
from gateway.webhooks.delivery import history as log_of_deliveries
from gateway.webhooks.delivery import retries
from gateway.webhooks.delivery.history import forget_old
from gateway.webhooks.delivery.transport import Transport
from tests.one_database import database_url  # noqa: F401

PATH = "/v1/webhook_endpoints"
WAITS = (5, 30, 120, 600, 3600, 14400, 43200, 86400, 86400, 86400, 86400)


def at(moment: str) -> datetime:
    return datetime.fromisoformat(moment)


def one_event(api: Any, hooked: dict[str, Any]) -> None:
    """One event, and no more: the filter keeps the others away."""
    api.call("PATCH", f"{PATH}/{hooked['id']}", {"enabled_events": ["payment.authorized"]})
    api.approved()


def test_the_waits_grow_by_the_table_with_jitter_and_end_after_five_days(
    api, sink, hooked, deliver, deliveries, clock
):
    one_event(api, hooked)
    sink.says(500)
    waited = []
    while deliver():
        (row,) = deliveries(hooked)
        if row["status"] != "pending":
            break
        due = at(row["next_attempt_at"])
        waited.append((due - clock.now).total_seconds())
        clock.advance(seconds=waited[-1] - 1)
        assert deliver() == 0
        clock.advance(seconds=1.001)
    assert row["status"] == "failed"
    assert row["next_attempt_at"] is None
    assert len(row["log"]) == row["attempts"] == len(waited) + 1 == len(sink.got)
    for seconds, usual in zip(waited, WAITS, strict=False):
        assert 0.8 * usual - 0.001 <= seconds <= 1.2 * usual
    assert len({round(seconds / usual, 4) for seconds, usual in zip(waited, WAITS, strict=False)}) > 5, (
        "jitter"
    )
    assert sum(waited) < 5 * 86400
    newest = row["log"][0]
    assert (newest["number"], newest["response_status"], newest["next_attempt_at"]) == (
        len(waited) + 1,
        500,
        None,
    )
    assert newest["request_headers"]["webhook-id"] == row["event"]
    assert newest["request_body"].encode() == sink.got[-1].body
    for got in sink.got[-1:]:
        got_event = got.headers["webhook-id"]
        assert got_event == row["event"]


def test_a_busy_handler_is_called_again_in_its_thirty_seconds(api, sink, hooked, deliver, deliveries, clock):
    one_event(api, hooked)
    sink.says(503, Retry_After="30")
    for _ in range(8):
        assert deliver() == 1
        (row,) = deliveries(hooked)
        assert at(row["next_attempt_at"]) - clock.now == timedelta(seconds=30)
        clock.advance(seconds=29)
        assert deliver() == 0
        clock.advance(seconds=1)
    sink.says(204)
    assert deliver() == 1
    assert deliveries(hooked)[0]["status"] == "succeeded"


@pytest.mark.parametrize(
    ("status", "header", "seconds"),
    [
        (429, "120", 120),
        (503, "Mon, 23 Nov 2026 04:10:00 GMT", 600),
        (503, "soon", 30),
        (503, "-5", 30),
        (503, "0", 1),
        (503, "Mon, 23 Nov 2020 04:10:00 GMT", 1),
        (429, "999999999999", 86400),
        (500, "120", None),
        (503, None, None),
    ],
)
def test_retry_after_is_honoured_where_it_is_meant(status, header, seconds):
    now = datetime(2026, 11, 23, 4, tzinfo=UTC)
    asked = retries.asked_wait(status, header, now=now)
    assert asked == (None if seconds is None else timedelta(seconds=seconds))


def test_a_retry_after_does_not_shorten_the_waits_for_ever():
    asked = timedelta(seconds=30)
    assert retries.next_wait(20, asked, chance=0.5) == asked
    assert retries.next_wait(21, asked, chance=0.5) == timedelta(days=1)


def test_told_to_wait_the_whole_endpoint_waits(api, sink, hooked, deliver, deliveries, clock):
    for _ in range(3):
        api.approved()
    sink.says(429, Retry_After="60")
    assert deliver() > 0
    assert len(sink.take()) == 1, "the others were not tried"
    rows = deliveries(hooked)
    assert [row["attempts"] for row in rows].count(0) == len(rows) - 1
    assert all(at(row["next_attempt_at"]) == clock.now + timedelta(seconds=60) for row in rows)
    sink.says(204)
    clock.advance(seconds=60)
    deliver()
    assert len(sink.got) == len(rows) == 6


def test_a_dead_endpoint_is_asked_once_a_round_and_catches_up_when_it_answers(
    app, api, sink, hooked, deliver, deliveries, clock
):
    ports = app.extensions["fenqi"].ports
    alive, ports.webhook_transport = ports.webhook_transport, Transport(lambda host: [])
    for _ in range(3):
        api.approved()
    deliver()
    rows = deliveries(hooked)
    assert [row["attempts"] for row in rows] == [0, 0, 0, 0, 0, 1]
    assert rows[-1]["log"][0]["error"].startswith("address_refused")
    assert api.get(f"{PATH}/{hooked['id']}").json["failing_since"] == "2026-11-23T04:00:00.000Z"
    ports.webhook_transport = alive
    api.post(f"{PATH}/{hooked['id']}/test")
    deliver()
    assert [row["status"] for row in deliveries(hooked)] == ["succeeded"] * 6 + ["pending"]
    clock.advance(seconds=6)
    deliver()
    assert {row["status"] for row in deliveries(hooked)} == {"succeeded"}


def test_a_new_address_is_tried_at_once(api, sink, new_sink, hooked, deliver):
    for _ in range(2):
        api.approved()
    sink.says(429, Retry_After="3600")
    deliver()
    moved = new_sink()
    api.call("PATCH", f"{PATH}/{hooked['id']}", {"url": moved.url})
    deliver()
    assert len(moved.got) == 3, "all but the one that was told to wait"


def test_410_disables_at_once_and_says_so(api, sink, new_sink, hooked, deliver, deliveries, clock):
    watcher = new_sink()
    api.post(PATH, {"url": watcher.url, "enabled_events": ["webhook_endpoint.disabled"]})
    api.captured()
    sink.says(410)
    deliver()
    assert len(sink.got) == 1
    shown = api.get(f"{PATH}/{hooked['id']}").json
    assert (shown["status"], shown["disabled_reason"]) == ("disabled", "gone")
    assert shown["disabled_at"] == "2026-11-23T04:00:00.000Z"
    assert {row["status"] for row in deliveries(hooked)} == {"canceled"}
    (event,) = api.get("/v1/events?type=webhook_endpoint.disabled").json["data"]
    assert event["data"]["id"] == hooked["id"]
    assert [got.headers["webhook-id"] for got in watcher.got] == [event["id"]]
    clock.advance(days=1)
    api.login()
    api.approved()
    assert deliver() == 0


def test_five_days_without_a_success_disable(api, sink, hooked, deliver, clock):
    sink.says(500)
    for day in range(6):
        api.login()
        assert api.get(f"{PATH}/{hooked['id']}").json["status"] == "enabled", day
        api.approved()
        deliver()
        clock.advance(days=1)
    api.login()
    shown = api.get(f"{PATH}/{hooked['id']}").json
    assert (shown["status"], shown["disabled_reason"]) == ("disabled", "failing")
    assert shown["failing_since"] == "2026-11-23T04:00:00.000Z"
    assert len(api.get("/v1/events?type=webhook_endpoint.disabled").json["data"]) == 1
    sink.says(204)
    sink.take()
    assert api.call("PATCH", f"{PATH}/{hooked['id']}", {"status": "enabled"}).json["failing_since"] is None
    span = {"from": "2026-11-23T00:00:00Z", "to": "2026-12-01T00:00:00Z"}
    queued = api.post(f"{PATH}/{hooked['id']}/replay", span).json["queued"]
    deliver()
    assert len(sink.got) == queued == 13, "6 purchases of two events, and the notice"


def test_one_success_a_day_keeps_an_endpoint(api, sink, hooked, deliver, clock):
    for _ in range(8):
        api.login()
        sink.says(500)
        api.approved()
        deliver()
        sink.says(204)
        clock.advance(hours=12)
        deliver()
        clock.advance(hours=12)
    api.login()
    assert api.get(f"{PATH}/{hooked['id']}").json["status"] == "enabled"


def test_events_of_one_object_keep_their_order_while_the_first_is_young(
    api, sink, hooked, deliver, deliveries, clock
):
    payment = api.approved(amount=599_900)
    for _ in range(3):
        api.post(f"/v1/payments/{payment['id']}/capture", {"amount": 100_000})
    refused = []

    def picky(got):
        if b"payment.authorized" in got.body and len(refused) < 3:
            refused.append(got)
            return 500, {}
        return 204, {}

    sink.answer = picky
    deliver()
    types = [b"payment.captured" in got.body for got in sink.take()]
    assert not any(types), "the captures wait behind the authorisation"
    for seconds in (6, 36):
        clock.advance(seconds=seconds)
        deliver()
    assert len(refused) == 3
    overtook = [got.verified(hooked["secret"], clock) for got in sink.take() if got not in refused]
    assert [event["sequence"] for event in overtook] == [2, 3, 4], "after three failures they overtake it"
    clock.advance(seconds=144)
    deliver()
    assert [got.verified(hooked["secret"], clock)["sequence"] for got in sink.got] == [1]
    assert {row["status"] for row in deliveries(hooked)} == {"succeeded"}


def test_a_redirect_is_a_failure_and_goes_nowhere(api, sink, new_sink, hooked, deliver, deliveries):
    elsewhere = new_sink()
    one_event(api, hooked)
    sink.says(302, Location=elsewhere.url)
    deliver()
    assert deliveries(hooked)[0]["log"][0]["response_status"] == 302
    assert deliveries(hooked, status="pending")
    assert elsewhere.got == []


def test_the_log_keeps_the_beginning_of_any_bytes(api, sink, hooked, deliver, deliveries):
    one_event(api, hooked)
    sink.body = b"\x00\xff<script>" + "错".encode() * 2000
    sink.says(500)
    deliver()
    body = deliveries(hooked)[0]["log"][0]["response_body"]
    assert body.startswith("\ufffd\ufffd<script>错")
    assert 250 < len(body) <= 500


def test_the_log_keeps_no_personal_number_and_no_secret_not_even_a_cut_one(
    api, sink, hooked, deliver, deliveries
):
    one_event(api, hooked)
    told = "买家 wang.xiaoming@example.com 13800138000, Bearer 9kfUwZ2_tokenOfTheShop, fine. "
    sink.body = (told.encode() + b"A" + b"-" * 1100)[: 1024 - 8] + b"1390013900099"
    sink.says(500)
    deliver()
    body = deliveries(hooked)[0]["log"][0]["response_body"]
    assert body.startswith("买家 w***@example.com 138****8000, Bearer […], fine. A--")
    sink.body = b"x " * 508 + b"13900139000"
    assert api.post(f"{PATH}/{hooked['id']}/test").status_code < 300
    deliver()
    assert set(deliveries(hooked)[0]["log"][0]["response_body"]) == {"x", " "}


def test_answers_are_emptied_after_seven_days_and_the_log_stays(
    app, api, sink, hooked, deliver, deliveries, clock, monkeypatch
):
    monkeypatch.setattr(log_of_deliveries, "FORGOTTEN_AT_ONCE", 1)
    gateway = app.extensions["fenqi"]
    sink.body = b"stored"
    sink.says(200)

    def answers():
        return [attempt["response_body"] for row in deliveries(hooked) for attempt in row["log"]]

    for days in (6, 2):
        api.login()
        api.approved()
        deliver()
        assert not log_of_deliveries.forget_old_answers(gateway.db, days=7)
        assert set(answers()) == {"stored"}
        clock.advance(days=days)
    sweep(gateway)
    assert answers() == ["stored", "stored", None, None], "the newest first"
    assert {row["status"] for row in deliveries(hooked)} >= {"succeeded"}
    clock.advance(days=6)
    sweep(gateway)
    assert answers() == [None] * 4


def test_old_deliveries_are_forgotten_and_events_are_not(app, api, sink, hooked, deliver, deliveries, clock):
    api.approved()
    deliver()
    clock.advance(days=29)
    assert app.extensions["fenqi"].db.write(forget_old) == 0
    clock.advance(days=2)
    assert app.extensions["fenqi"].db.write(forget_old) == 2
    assert deliveries(hooked) == []
    assert len(api.get("/v1/events").json["data"]) == 2
