"""An order that nobody acknowledges is reminded of and voided; an authorisation that is about to lapse is told of.

Each once, however often, late or seldom the jobs run, and with a clock that jumps over several moments.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from gateway.cli import main
from gateway.payments.moments import AUTHORIZATION_LIFE, first_after, moments
from gateway.process import daily, worker
from tests.gateway.books import Books
from tests.gateway.conftest import START, problem
from tests.one_database import database_url, on_both  # noqa: F401

TOLD = ("payment.unacknowledged", "payment.expiring", "payment.voided", "payment.expired")


def told(api: Any, payment: dict[str, Any]) -> list[tuple[str, str]]:
    """What the merchant was told of a payment's deadlines: the event, and the day and hour (UTC) it is about."""
    api.login()
    events = [event for event in api.get("/v1/events?limit=100").json["data"][::-1] if event["type"] in TOLD]
    return [
        (event["type"].removeprefix("payment."), event["data"]["occurred_at"][5:13])
        for event in events
        if event["data"]["id"] == payment["id"]
    ]


UNTOUCHED = [("unacknowledged", "11-24T04"), ("unacknowledged", "11-26T04"), ("voided", "11-30T04")]
ACKNOWLEDGED = [("expiring", "12-14T04"), ("expiring", "12-19T04"), ("expired", "12-21T04")]


def acknowledge(api: Any, payment: dict[str, Any], order: str = "A-1") -> Any:
    api.login()
    return api.post(f"/v1/payments/{payment['id']}/acknowledge", {"merchant_order_id": order})


def test_an_order_that_nobody_acknowledges_is_told_of_twice_and_voided_on_day_seven(books: Books) -> None:
    payment = books.api.approved()
    assert (payment["acknowledged_at"], payment["acknowledge_by"]) == (None, "2026-11-30T04:00:00.000Z")
    books.clock.advance(hours=23)
    books.work()
    assert told(books.api, payment) == []
    books.clock.advance(hours=1)
    books.work()
    assert told(books.api, payment) == UNTOUCHED[:1]
    assert books.limit_held() == 599_900
    books.pass_days(6)
    assert told(books.api, payment) == UNTOUCHED
    assert books.limit_held() == 0
    shown = books.api.get(f"/v1/payments/{payment['id']}").json
    assert (shown["status"], shown["voided_amount"]) == ("voided", 599_900)
    voided = books.api.get("/v1/events?type=payment.voided").json["data"][0]
    assert voided["data"]["reason"] == "unacknowledged"
    books.pass_days(25)
    assert told(books.api, payment) == UNTOUCHED
    books.sound()


def test_a_clock_that_jumps_ten_days_tells_of_every_moment_on_the_way(api: Any, app: Flask) -> None:
    payment = api.approved()
    clock = api.post("/v1/test_clocks", {}).json["id"]
    api.post(f"/v1/test_clocks/{clock}/advance", {"days": 10})
    while worker.drain(app.extensions["fenqi"]):
        pass
    assert told(api, payment) == UNTOUCHED


def test_a_worker_that_was_down_for_weeks_voids_and_does_not_let_lapse(books: Books) -> None:
    payment = books.api.approved()
    books.clock.advance(days=40)
    books.work()
    books.work()
    assert told(books.api, payment) == UNTOUCHED


@on_both
def test_an_acknowledged_order_is_told_of_before_it_lapses(books: Books) -> None:
    payment = books.api.approved()
    books.clock.advance(days=2)
    assert acknowledge(books.api, payment).json["acknowledged_at"] == "2026-11-25T04:00:00.000Z"
    books.pass_days(30)
    assert told(books.api, payment) == ACKNOWLEDGED
    books.sound()


def test_a_late_word_of_the_shop_stops_what_has_not_happened_yet(books: Books) -> None:
    payment = books.api.approved()
    books.clock.advance(days=9)
    assert acknowledge(books.api, payment).status_code == 200
    books.work()
    assert told(books.api, payment) == []
    assert books.api.get(f"/v1/payments/{payment['id']}").json["status"] == "authorized"


def test_a_capture_acknowledges_also_what_it_leaves(books: Books) -> None:
    payment = books.api.approved()
    captured = books.post(f"/v1/payments/{payment['id']}/capture", {"amount": 200_000}).json
    assert captured["acknowledged_at"] == "2026-11-23T04:00:00.000Z"
    assert captured["merchant_order_id"] is None
    books.pass_days(30)
    assert told(books.api, payment) == ACKNOWLEDGED


def test_what_is_wholly_captured_is_told_of_no_more(books: Books) -> None:
    payment = books.api.captured(3)
    books.pass_days(29)
    assert told(books.api, payment) == []


def test_a_voided_payment_cannot_be_acknowledged_any_more(books: Books) -> None:
    payment = books.api.approved()
    books.pass_days(8)
    refused = problem(acknowledge(books.api, payment))
    assert (refused["code"], refused["param"]) == ("wrong_state", "payment")
    assert "do not ship" in refused["detail"]
    kept = books.api.approved()
    acknowledge(books.api, kept)
    books.post(f"/v1/payments/{kept['id']}/void", {"reason": "out of stock"})
    assert acknowledge(books.api, kept).status_code == 200
    assert problem(acknowledge(books.api, kept, "A-2"))["param"] == "merchant_order_id"


OTHER_DAYS = {
    1: [("voided", "11-24T04")],
    3: [("unacknowledged", "11-24T04"), ("voided", "11-26T04")],
    28: [("unacknowledged", "11-24T04"), ("unacknowledged", "11-26T04"), *ACKNOWLEDGED],
}


def test_the_merchant_may_agree_on_other_days(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    before = books.api.approved()
    monkeypatch.setenv("DATABASE_URL", books.gateway.settings.database_url)
    payments = {}
    for days in OTHER_DAYS:
        assert main(agree(books, f"--days={days}", books.gateway.settings.data_dir)) == 0
        payments[days] = books.api.approved()
    books.pass_days(29)
    for days, expected in OTHER_DAYS.items():
        assert told(books.api, payments[days]) == expected
    assert told(books.api, before) == UNTOUCHED, "what was authorised before keeps its days"


def agree(books: Books, days: str, folder: Any) -> list[str]:
    """The command by which an operator writes down what was agreed."""
    return ["merchant", "acknowledgement", books.tenant.merchant_id, days, "--data", str(folder)]


def test_other_days_than_1_to_28_are_refused(
    books: Books, monkeypatch: pytest.MonkeyPatch, capsys: Any, tmp_path: Any
) -> None:
    monkeypatch.setenv("DATABASE_URL", books.gateway.settings.database_url)
    for days in (0, 29, -1):
        assert main(agree(books, f"--days={days}", tmp_path)) == 1
        assert "expected 1 to 28" in capsys.readouterr().err
    with books.gateway.db.read() as tx:
        assert tx.execute(text("SELECT acknowledge_days FROM merchant")).scalar_one() is None


def test_ten_thousand_checkouts_that_expire_are_done_in_one_sweep(books: Books, monkeypatch: Any) -> None:
    for _ in range(5):
        books.api.checkout()
    steps = []
    expire_due = daily.checkouts.expire_due

    def two_at_a_time(tx: Any, tenant: Any) -> int:
        steps.append(expire_due(tx, tenant, limit=2))
        return steps[-1]

    monkeypatch.setattr(daily.checkouts, "expire_due", two_at_a_time)
    books.clock.advance(days=2)
    daily.sweep(books.gateway)
    assert steps == [2, 2, 1, 0]


times = st.lists(st.integers(1, 31 * 24), min_size=1, max_size=8, unique=True).map(sorted)


@given(hours=times, days=st.integers(1, 28))
def test_sweeps_at_any_times_take_every_moment_once(hours: list[int], days: int) -> None:
    planned = moments(
        created_at=START,
        acknowledge_by=START + timedelta(days=days),
        expires_at=START + AUTHORIZATION_LIFE,
    )
    taken, since = [], first_after(planned, START)
    for now in (START + timedelta(hours=hour) for hour in hours):
        taken += [moment for moment in planned if since is not None and since <= moment.at <= now]
        since = first_after(planned, now)
    last = START + timedelta(hours=hours[-1])
    assert taken == [moment for moment in planned if moment.at <= last]
    assert all(one.at <= other.at for one, other in pairwise(planned))
    assert planned[-1].what == "expire"


def test_moments_are_as_agreed() -> None:
    created = datetime(2027, 1, 1, tzinfo=UTC)
    planned = moments(
        created_at=created,
        acknowledge_by=created + timedelta(days=7),
        expires_at=created + timedelta(days=28),
    )
    assert [(moment.what, (moment.at - created) / timedelta(hours=1)) for moment in planned] == [
        ("unacknowledged", 24),
        ("unacknowledged", 72),
        ("void", 168),
        ("expiring", 504),
        ("expiring", 624),
        ("expire", 672),
    ]
