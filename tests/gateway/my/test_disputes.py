"""A shopper contests what a loan paid: once, over what is not refunded, in words that only those who decide read."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from gateway.cli import main
from gateway.data_requests.export import export
from gateway.payments.disputes import by_shopper
from gateway.privacy import subjects
from tests.gateway.my.visitors import bought, log_in
from tests.one_database import database_url, on_both  # noqa: F401

WORDS = "等了三周还没有收到货 <b>请帮忙</b>"


def loan_of(payment: dict[str, Any]) -> str:
    return str(payment["captures"][0]["loan"])


def contest(pages: Any, loan: str, **changes: str) -> Any:
    form = {"reason": "goods_not_received", "amount": "", "text": WORDS, **changes}
    return pages.post(f"/my/test/loans/{loan}/dispute", data=form)


@on_both
def test_a_dispute_is_opened_once_and_told_to_everybody(app, api, books):
    payment = bought(api)
    loan, pages = loan_of(payment), log_in(app.test_client())
    assert "¥5,999.00" in pages.get(f"/my/test/loans/{loan}/dispute").text
    assert 'id="dispute"' in pages.get(f"/my/test/loans/{loan}").text
    for _ in range(2):
        answer = contest(pages, loan)
        assert (answer.status_code, answer.location) == (303, f"/my/test/loans/{loan}?done=disputed")
    page = pages.get(answer.location).text
    assert page.count('data-dispute="needs_response"') == 1
    assert "争议已提交" in page
    assert "商家须在" in page
    assert 'id="dispute"' not in page, "one at a time"
    assert "data-closed" in pages.get(f"/my/test/loans/{loan}/dispute").text
    (found,) = api.get("/v1/disputes").json["data"]
    assert (found["reason"], found["amount"], found["payment"]) == (
        "goods_not_received",
        599_900,
        payment["id"],
    )
    assert api.get("/v1/balance").json["in_dispute"] == 599_900
    told = api.get("/v1/events?type=dispute.opened").json["data"]
    assert len(told) == 1
    assert "三周" not in json.dumps([told, found], ensure_ascii=False)
    with pytest.raises(DBAPIError, match="dispute statement"):
        books.gateway.db.write(lambda tx: tx.execute(text("UPDATE dispute_statement SET shopper_id = NULL")))
    with pytest.raises(DBAPIError, match="never removed"):
        books.gateway.db.write(lambda tx: tx.execute(text("DELETE FROM dispute_statement")))
    books.sound()


def test_a_decision_stands_and_what_was_taken_back_may_be_opened_again(app, api, books):
    loan, pages = loan_of(bought(api)), log_in(app.test_client())
    for outcome, opened_again in (("canceled", 303), ("won", 409)):
        contest(pages, loan)
        number = api.get("/v1/disputes").json["data"][0]["id"]
        assert (
            api.post(f"/v1/test_helpers/disputes/{number}/resolve", {"outcome": outcome}).status_code == 200
        )
        answer = contest(pages, loan, amount="100")
        assert answer.status_code == opened_again, answer.text
    assert books.figure("SELECT COUNT(*) FROM dispute") == 2
    assert books.figure("SELECT MIN(amount_fen) FROM dispute") == 10_000
    books.sound()


def test_what_was_refunded_is_not_contested(app, api, books):
    payment = bought(api)
    loan, pages = loan_of(payment), log_in(app.test_client())
    body = {"payment": payment["id"], "amount": 99_900, "reason": "agreed"}
    answer = api.post("/v1/refunds", body)
    assert answer.status_code in (200, 201), answer.text
    assert "¥5,000.00" in pages.get(f"/my/test/loans/{loan}/dispute").text
    assert contest(pages, loan, amount="5000.01").status_code in (400, 409, 422)
    assert contest(pages, loan).status_code == 303
    assert books.figure("SELECT amount_fen FROM dispute") == 500_000


def test_bad_input_is_said_and_opens_nothing(app, api, books):
    loan, pages = loan_of(bought(api)), log_in(app.test_client())
    for changes in (
        {"reason": "bored"},
        {"text": "短"},
        {"text": "长" * 2001},
        *({"amount": amount} for amount in ("0", "-1", "1e3", "一百", "1.234", "9" * 15, "6000")),
    ):
        answer = contest(pages, loan, **changes)
        assert answer.status_code in (400, 409, 422), changes
        assert 'role="alert"' in answer.text
        assert "&lt;b&gt;" in answer.text or "text" in changes, "what was typed is kept"
    assert books.figure("SELECT COUNT(*) FROM dispute") == 0


def test_nobody_contests_anybody_elses(app, api, books):
    loan = loan_of(bought(api))
    other = api.checkout()
    body = {"term": 12, "phone": "13800000001", "name": "李四", "id_number": "110105199003071239"}
    assert api.post(f"/v1/test_helpers/checkouts/{other['id']}/complete", body).json["status"] == "approved"
    stranger = log_in(app.test_client(), name="李四", id_number="110105199003071239")
    assert stranger.get(f"/my/test/loans/{loan}/dispute").status_code == 404
    assert contest(stranger, loan).status_code == 404
    assert books.figure("SELECT COUNT(*) FROM dispute") == 0


@on_both
def test_those_who_decide_read_the_words_and_the_person_has_them(app, api, books, capsys, monkeypatch):
    loan, pages = loan_of(bought(api)), log_in(app.test_client())
    contest(pages, loan)
    gateway = books.gateway
    number = books.figure("SELECT id FROM dispute_statement")
    monkeypatch.setenv("DATABASE_URL", gateway.settings.database_url)
    line = ["disputes", "show", number, "--json", "--data", str(gateway.settings.data_dir)]
    assert main(line) == 0
    assert json.loads(capsys.readouterr().out)["text"] == WORDS
    assert books.figure("SELECT COUNT(*) FROM audit_entry WHERE action = 'disputes.read'") == 1
    shopper = books.shopper()
    with gateway.db.read() as tx:
        (row,) = export(tx, gateway.vault, shopper)["data"]["dispute_statement"]["rows"]
    assert row["text"] == WORDS
    gateway.db.write(lambda tx: subjects.destroy(tx, shopper))
    with gateway.db.read() as tx:
        assert by_shopper.words_of(tx, gateway.vault, number) is None
