"""Disputes are decided by a person, in live mode as well: once, with a reason, after the merchant was heard."""

from __future__ import annotations

import json

import pytest

from gateway.cli import main
from tests.gateway.conftest import problem
from tests.gateway.operators.desk import two
from tests.gateway.operators.test_operator_api import actions
from tests.one_database import database_url, on_both  # noqa: F401


@pytest.fixture
def li(app, clock, books):
    found, _ = two(app, clock)
    found.log_in()
    return found


def disputed(books):
    payment = books.api.captured(3)
    made = books.post("/v1/test_helpers/disputes", {"payment": payment["id"], "amount": 1_000}).json
    return payment, made


@on_both
def test_an_operator_decides_once_and_the_effects_are_the_known_ones(li, books):
    payment, dispute = disputed(books)
    path, shopper_right = f"/disputes/{dispute['id']}", {"outcome": "lost", "reason": "goods not sent"}
    shown = li.get(path).json
    assert (shown["merchant"], shown["overdue"]) == (books.api.credentials["merchant"], False)
    early = li.post(f"{path}/resolve", shopper_right)
    assert problem(early)["code"] == "wrong_state"
    assert "may answer until" in early.json["detail"]
    assert books.api.get(f"/v1/disputes/{dispute['id']}").json["status"] == "needs_response"
    books.post(f"/v1/disputes/{dispute['id']}/respond", {"evidence": "sent by post"})
    for _ in range(2):
        answer = li.post(f"{path}/resolve", shopper_right)
        assert (answer.status_code, answer.json["status"]) == (200, "lost"), answer.text
    other = li.post(f"{path}/resolve", {"outcome": "won", "reason": "no"})
    assert problem(other)["code"] == "wrong_state"
    (written,) = actions(li.gateway, "disputes.")
    assert (written.actor_id, written.about, written.mode) == (li.id, dispute["id"], "test")
    assert (written.facts["outcome"], written.facts["reason"]) == ("lost", "goods not sent")
    assert books.api.get(f"/v1/payments/{payment['id']}").json["refunded_amount"] == 1_000
    books.sound()


def test_operators_list_by_merchant_mode_and_state(li, books):
    ids = [disputed(books)[1]["id"] for _ in range(2)]
    assert li.post(f"/disputes/{ids[0]}/resolve", {"outcome": "won", "reason": "sent"}).status_code == 200
    merchant = books.api.credentials["merchant"]
    assert [row["id"] for row in li.get(f"/disputes?merchant={merchant}").json["data"]] == ids[::-1]
    assert [row["id"] for row in li.get("/disputes?status=needs_response&mode=test").json["data"]] == ids[1:]
    assert li.get("/disputes?mode=live").json["data"] == []
    assert problem(li.get("/disputes?status=open"))["errors"][0]["param"] == "status"
    assert li.get("/disputes/dp_nobody").status_code == 404
    bad = {"outcome": "won", "reason": "call 13800000001"}
    assert problem(li.post(f"/disputes/{ids[1]}/resolve", bad))["errors"][0]["param"] == "reason"


def test_the_commands_list_show_and_decide(books, capsys, monkeypatch):
    settings = books.gateway.settings
    monkeypatch.setenv("DATABASE_URL", settings.database_url)
    _, dispute = disputed(books)
    data = ["--data", str(settings.data_dir)]

    def run(*arguments):
        assert main(["disputes", *arguments, *data]) == 0
        return capsys.readouterr().out

    (row,) = json.loads(run("list", "--json"))
    assert (row["id"], row["overdue"]) == (dispute["id"], True), "by the clock of the machine, which is later"
    assert json.loads(run("show", dispute["id"], "--json"))["status"] == "needs_response"
    decide = ("resolve", dispute["id"], "--outcome", "won", "--by", "li", "--reason", "it was sent")
    assert "is won" in run(*decide)
    assert json.loads(run("list", "--json")) == []
    (written,) = actions(books.gateway, "disputes.")
    assert written.facts == {"was": "needs_response", "outcome": "won", "reason": "it was sent", "by": "li"}
    books.sound()
