"""Milestones: what is captured waits for its stages, and is settled, contested, refunded or stopped stage by stage."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import select

from gateway.audit.service import Actor
from gateway.cli import main
from gateway.errors import WrongState
from gateway.merchants import service as merchants
from gateway.payments.milestones import commands, stops
from gateway.payments.milestones.models import MilestoneStop
from tests.gateway.books import Books
from tests.gateway.conftest import problem
from tests.one_database import database_url, on_both  # noqa: F401

ORDER = {"amount": 600_000, "items": [{"name": "Course", "quantity": 60, "unit_price": 10_000}]}


class Course:
    """A payment of 6,000.00 yuan whose lessons are staged."""

    def __init__(self, books: Books, parts: int = 4, *, capture: bool = True, **each: Any) -> None:
        self.books = books
        self.payment = books.api.approved(12, **ORDER)
        self.path = f"/v1/payments/{self.payment['id']}"
        amount = 600_000 // parts
        self.stages = [
            self.post("/milestones", {"kind": "lesson", "amount": amount, **each})["id"] for _ in range(parts)
        ]
        if capture:
            self.capture = self.post("/capture", {})["captures"][0]
            self.net = 600_000 - self.capture["merchant_fee"] - self.capture["merchant_subsidy"]

    def post(self, path: str, body: Any = None) -> dict[str, Any]:
        self.books.api.login()
        answer = self.books.api.post(self.path + path, body)
        assert answer.status_code in (200, 201), answer.text
        return answer.json  # type: ignore[return-value]

    def refuse(self, path: str, body: Any = None) -> dict[str, Any]:
        self.books.api.login()
        return problem(self.books.api.post(self.path + path, body))

    def claim(self, number: int, **body: Any) -> dict[str, Any]:
        return self.post(f"/milestones/{self.stages[number]}/claim", body)

    def contest(self, number: int) -> None:
        self.books.api.login()
        path = f"/v1/test_helpers{self.path.removeprefix('/v1')}/milestones/{self.stages[number]}/contest"
        assert self.books.api.post(path, {"reason": "no lesson"}).status_code == 200

    def refund(self, **body: Any) -> dict[str, Any]:
        self.books.api.login()
        body = {"payment": self.payment["id"], "reason": "stopped", **body}
        preview = self.books.api.post("/v1/refunds/preview", body)
        made = self.books.api.post("/v1/refunds", body)
        assert made.status_code == 201, made.text
        same = preview.json.keys() & made.json.keys() - {"object", "refund_reference", "created_at"}
        assert {name: preview.json[name] for name in same} == {name: made.json[name] for name in same}
        return made.json  # type: ignore[return-value]

    def statuses(self) -> list[str]:
        self.books.api.login()
        listed = self.books.api.get(self.path + "/milestones").json["data"]
        return [row["status"] for row in listed[::-1]]

    def paid(self) -> int:
        self.books.api.login()
        return sum(row["payout_amount"] for row in self.books.api.get("/v1/settlements").json["data"])


@on_both
def test_silence_releases_a_claimed_stage_and_what_nobody_claims_is_not_paid(books: Books) -> None:
    course = Course(books)
    assert books.of("merchant_staged") == course.net
    assert course.capture["staged_amount"] == 600_000
    books.pass_days(2)
    assert course.paid() == 0
    claimed = course.claim(
        0, text="Lessons 1-15 taught", files=[{"name": "签到表.pdf", "sha256": "0" * 64, "size": 9}]
    )
    assert claimed["status"] == "claimed"
    assert claimed["evidence"]["files"][0]["name"] == "签到表.pdf"
    books.pass_days(6)
    assert course.paid() == 0
    books.pass_days(3)
    assert course.statuses() == ["released", "planned", "planned", "planned"]
    assert course.paid() == books.of("merchant_staged") // 3 == course.net // 4
    books.pass_days(40)
    assert course.paid() == course.net // 4
    books.sound()


@on_both
def test_unused_lessons_take_the_last_stages_and_what_is_left_is_settled(books: Books) -> None:
    course = Course(books)
    course.claim(0)
    books.pass_days(12)
    refund = course.refund(kind="unused_lessons", amount=400_000)
    assert refund["merchant_fee_returned"] > 0
    assert course.statuses() == ["released", "planned", "canceled", "canceled"]
    second = course.books.api.get(course.path + "/milestones").json["data"][2]
    assert second["returned_amount"] == 100_000
    books.sound()
    course.claim(1)
    books.pass_days(12)
    assert books.of("merchant_staged") == books.of("merchant_pending") == 0
    books.sound()


DESK = {"person": "desk", "reason": "checked"}


def test_a_contest_stops_the_release_until_a_person_has_decided(books: Books) -> None:
    course, db, actor = Course(books), books.gateway.db, Actor.at_the_command_line()
    for number in (0, 1):
        course.claim(number)
        course.contest(number)
    answered = course.post(f"/milestones/{course.stages[0]}/respond", {"text": "It was taught"})
    assert (answered["status"], answered["answer"]) == ("contested", "It was taught")
    books.pass_days(30)
    assert course.paid() == 0
    commands.release(db, actor, course.stages[0], **DESK)
    commands.cancel(db, actor, course.stages[1], **DESK)
    with pytest.raises(WrongState):
        commands.cancel(db, actor, course.stages[1], **DESK)
    assert course.statuses() == ["released", "canceled", "planned", "planned"]
    books.pass_days(3)
    books.api.login()
    assert books.api.get(course.path).json["refunded_amount"] == 150_000
    books.sound()


def test_a_stop_keeps_what_is_due_until_it_is_lifted(books: Books, capsys: Any) -> None:
    course, db, actor = Course(books), books.gateway.db, Actor.at_the_command_line()
    course.claim(0)
    commands.stop(db, actor, books.tenant.merchant_id, "test", **DESK)
    stop = capsys.readouterr().out.split()[0]
    books.pass_days(20)
    assert course.statuses()[0] == "claimed"
    assert course.paid() == 0
    commands.lift(db, actor, stop, **DESK)
    with pytest.raises(WrongState):
        commands.lift(db, actor, stop, **DESK)
    books.pass_days(3)
    assert course.statuses()[0] == "released"
    assert course.paid() > 0
    books.sound()


@on_both
def test_a_seller_that_claims_nothing_in_time_is_stopped_and_a_lifted_cause_stops_no_more(
    books: Books,
) -> None:
    due = (books.clock.now.date() + timedelta(days=3)).isoformat()
    course = Course(books, due=due)
    other = Course(books)
    books.pass_days(18)
    other.claim(0)
    books.pass_days(12)
    [stop] = stops_of(books)
    assert (stop.reason, stop.cause, other.statuses()[0]) == (
        "not_claimed_in_time",
        course.stages[0],
        "claimed",
    )
    course.claim(0)  # too late for the stop, which a person lifts
    books.gateway.db.write(
        lambda tx: stops.lift(tx, stop.id, reason="teaches again", lifted_by="desk") and None
    )
    for number in (1, 2, 3):
        course.claim(number)
    books.pass_days(1)
    assert other.statuses()[0] == "released"
    assert len(stops_of(books)) == 1
    books.sound()


def test_contests_of_three_payments_stop_the_seller(books: Books) -> None:
    courses = [Course(books, 2) for _ in range(4)]
    for course in courses:
        course.claim(0)
    for course in courses[:3]:
        course.contest(0)
    books.pass_days(10)
    assert [stop.reason for stop in stops_of(books)] == ["contested_by_shoppers"]
    assert courses[3].statuses()[0] == "claimed"
    books.sound()


@on_both
def test_a_capture_waits_for_its_delivery_report_or_its_days(books: Books) -> None:
    books.gateway.db.write(
        lambda tx: merchants.agree_delivery_hold(tx, books.tenant.merchant_id, days=10) and None
    )
    first, second = books.api.captured(12), books.api.captured(12)
    net = [599_900 - one["captures"][0]["merchant_fee"] for one in (first, second)]
    books.pass_days(3)
    assert books.of("merchant_staged") == sum(net)
    books.api.login()
    body = {"shipping": {"carrier": "SF", "delivered_at": books.clock.now.isoformat()}}
    answer = books.api.call("PATCH", f"/v1/payments/{first['id']}", body)
    assert answer.json["captures"][0]["staged_amount"] == 0, answer.text
    again = books.api.call("PATCH", f"/v1/payments/{first['id']}", body)
    assert again.status_code == 200
    books.pass_days(3)
    assert books.of("merchant_staged") == net[1]
    books.pass_days(6)
    assert books.of("merchant_staged") == books.of("merchant_pending") == 0
    books.sound()


@on_both
@pytest.mark.parametrize("kept_by", ["stop", "dispute"])
def test_a_delivery_report_releases_nothing_while_the_seller_is_stopped_or_a_dispute_runs(
    books: Books, kept_by: str, capsys: Any
) -> None:
    db, actor, merchant = books.gateway.db, Actor.at_the_command_line(), books.tenant.merchant_id
    db.write(lambda tx: merchants.agree_delivery_hold(tx, merchant, days=30) and None)
    payment = books.api.captured(12)
    net = books.of("merchant_staged")
    if kept_by == "stop":
        commands.stop(db, actor, merchant, "test", **DESK)
        stop = capsys.readouterr().out.split()[0]
    else:
        dispute = books.post("/v1/test_helpers/disputes", {"payment": payment["id"]}).json["id"]
    books.pass_days(2)
    for day in (0, 2):
        books.pass_days(day)
        books.api.login()
        body = {"shipping": {"carrier": "SF", "delivered_at": books.clock.now.isoformat()}}
        assert books.api.call("PATCH", f"/v1/payments/{payment['id']}", body).status_code == 200
        books.sound()
    books.pass_days(1)
    assert books.of("merchant_staged") == net > 0
    if kept_by == "stop":
        commands.lift(db, actor, stop, **DESK)
    else:
        books.post(f"/v1/test_helpers/disputes/{dispute}/resolve", {"outcome": "won"})
    books.work()
    assert books.of("merchant_staged") == 0
    assert books.figure("SELECT said_by FROM milestone_event WHERE kind = 'released'") == "delivery"
    books.sound()


def test_a_capture_carries_the_stage_that_it_names_and_the_last_carries_the_rest(books: Books) -> None:
    course = Course(books, 3, capture=False)
    captured = course.post("/capture", {"milestone": course.stages[1]})
    assert captured["captures"][0]["amount"] == captured["captures"][0]["staged_amount"] == 200_000
    assert course.refuse("/capture", {"milestone": course.stages[1]})["code"] == "wrong_state"
    assert (
        course.refuse("/capture", {"milestone": course.stages[0], "amount": 100_000})["expected"] == 200_000
    )
    assert course.refuse("/capture", {"amount": 150_000})["code"] == "amount_mismatch"
    assert course.refuse("/milestones", {"kind": "other", "amount": 100})["code"] == "amount_above_authorized"
    course.post("/void", {"amount": 100_000, "reason": "one hour less"})
    assert course.statuses() == ["planned", "planned", "canceled"]
    assert course.refuse(f"/milestones/{course.stages[0]}/claim")["code"] == "wrong_state"
    last = course.post("/capture", {"final": True})
    assert [one["staged_amount"] for one in last["captures"]] == [200_000, 200_000]
    books.pass_days(3)
    assert books.of("merchant_pending") == 0
    books.sound()


def test_unwinding_and_a_lost_dispute_leave_nothing_staged(books: Books) -> None:
    unwound, lost, part = Course(books), Course(books), Course(books)
    unwound.claim(0)
    assert unwound.refund()["kind"] == "unwind"
    assert set(unwound.statuses()) == {"canceled"}
    books.pass_days(10)
    for course, amount in ((lost, 600_000), (part, 100_000)):
        course.claim(0)
        books.api.login()
        body = {"payment": course.payment["id"], "amount": amount}
        dispute = books.api.post("/v1/test_helpers/disputes", body).json
        path = f"/v1/test_helpers/disputes/{dispute['id']}/resolve"
        assert books.api.post(path, {"outcome": "lost"}).status_code == 200
    assert set(lost.statuses()) == {"canceled"}
    assert part.statuses() == ["claimed", "planned", "planned", "planned"]
    books.pass_days(12)
    books.sound()


def test_a_dispute_keeps_a_claimed_stage(books: Books) -> None:
    course = Course(books)
    course.claim(0)
    books.api.login()
    body = {"payment": course.payment["id"]}
    dispute = books.api.post("/v1/test_helpers/disputes", body).json["id"]
    books.pass_days(5)
    books.api.login()
    books.api.post(f"/v1/disputes/{dispute}/respond", {"evidence": "taught"})
    books.pass_days(20)
    assert course.statuses()[0] == "claimed"
    books.api.login()
    books.api.post(f"/v1/test_helpers/disputes/{dispute}/resolve", {"outcome": "won"})
    books.pass_days(1)
    assert course.statuses()[0] == "released"
    books.sound()


def test_the_commands_list_and_show(books: Books, capsys: Any, monkeypatch: Any) -> None:
    monkeypatch.setenv("DATABASE_URL", books.gateway.settings.database_url)
    monkeypatch.setenv("FENQI_DATA_DIR", str(books.gateway.settings.data_dir))
    course = Course(books, 2)
    course.claim(0, text="taught")
    course.contest(0)
    why = ["--by", "desk", "--reason", "no teacher"]
    assert main(["milestones", "list", "--status", "contested", "--json"]) == 0
    assert [row["id"] for row in json.loads(capsys.readouterr().out)] == course.stages[:1]
    assert main(["milestones", "show", course.stages[0]]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [(one["kind"], one["by"]) for one in told["events"]] == [
        ("claimed", "merchant"),
        ("contested", "shopper"),
    ]
    assert main(["milestones", "show", "ms_nothing"]) == 1
    assert main(["milestones", "stop", books.tenant.merchant_id, "--mode", "test", *why]) == 0
    assert main(["milestones", "stop", "mer_nobody", *why]) == 1
    capsys.readouterr()
    assert main(["milestones", "stops", "--json"]) == 0
    assert [row["stopped_by"] for row in json.loads(capsys.readouterr().out)] == ["person:desk"]
    assert main(["milestones", "release", course.stages[0], *why]) == 0
    assert main(["milestones", "release", course.stages[1], *why]) == 1
    assert main(["merchant", "delivery-hold", books.tenant.merchant_id, "--days", "91"]) == 1
    assert main(["merchant", "delivery-hold", books.tenant.merchant_id, "--days", "9"]) == 0
    assert course.statuses() == ["released", "planned"]


def stops_of(books: Books) -> list[MilestoneStop]:
    with books.gateway.db.read() as tx:
        return list(tx.exec(select(MilestoneStop)))
