"""A shopper's loans: all of them at all merchants, each with its schedule, documents, receipts and payments."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from sqlalchemy import event

from gateway.my import loans
from tests.gateway.my.visitors import bought, log_in
from tests.one_database import database_url  # noqa: F401

PAGES = ("", "/payoff", "/contract", "/schedules/1")


def loan_of(payment: dict[str, Any]) -> str:
    return str(payment["captures"][0]["loan"])


@pytest.fixture
def pages(app, api):
    return app.test_client()


@pytest.mark.parametrize("lang", ["zh-CN", "en"])
def test_each_page_of_a_loan_is_shown(pages, api, lang):
    loan = loan_of(bought(api))
    log_in(pages)
    for path in PAGES:
        answer = pages.get(f"/my/test/loans/{loan}{path}?lang={lang}")
        assert answer.status_code == 200, (path, answer.text)
        assert f'lang="{lang}"' in answer.text
    assert "¥549.99" in pages.get(f"/my/test/loans/{loan}").text
    assert pages.get(f"/my/test/loans/{loan}/schedules/2").status_code == 404
    assert pages.get(f"/my/test/loans/{loan}/schedules/²").status_code == 404


def test_the_contract_is_typeset_in_yuan_with_names_and_stands_below_as_it_was_signed(pages, api):
    loan = loan_of(bought(api))
    log_in(pages)
    page = pages.get(f"/my/test/loans/{loan}/contract").text
    shown, _, signed = page.partition("<details>")
    for words in ("王小明", "示范银行（模拟）", "¥5,999.00", "18.00%", "还款计划", "2026年12月23日"):
        assert words in shown, words
    for words in (" fen", "demo_bank", "quote_sha256", "shp_"):
        assert words not in shown, words
        assert words in signed, words
    english = pages.get(f"/my/test/loans/{loan}/contract?lang=en").text
    assert "Consumer instalment loan contract" in english


def test_nobody_sees_anybody_elses(app, pages, api):
    loan = loan_of(bought(api))
    other = api.checkout()
    body = {"term": 12, "phone": "13800000001", "name": "李四", "id_number": "110105199003071239"}
    assert api.post(f"/v1/test_helpers/checkouts/{other['id']}/complete", body).json["status"] == "approved"
    stranger = log_in(app.test_client(), name="李四", id_number="110105199003071239")
    for path in PAGES:
        assert stranger.get(f"/my/test/loans/{loan}{path}").status_code == 404
    for path, form in (("pay", {}), ("payoff", {"amount": "1"})):
        assert stranger.post(f"/my/test/loans/{loan}/{path}", data=form).status_code == 404
    assert loan not in stranger.get("/my/test").text


def test_what_has_ended_is_shown_page_by_page(pages, api, monkeypatch):
    monkeypatch.setattr(loans, "SHOWN", 1)
    for _ in range(2):
        loan = loan_of(bought(api, amount=100_000))
        api.post(f"/v1/test_helpers/loans/{loan}/repay", {"early_settlement": True})
    log_in(pages)
    first = pages.get("/my/test?lang=en")
    assert first.text.count("data-loan=") == 1
    older = re.search(r'href="([^"]+)" id="older"', first.text)
    assert older is not None
    second = pages.get(older.group(1).replace("&amp;", "&")).text
    assert 'lang="en"' in second
    assert second.count("data-loan=") == 1
    assert 'id="older"' not in second


def test_a_shopper_pays_what_is_due_and_then_everything(app, api, books, clock):
    payment = bought(api)
    loan = loan_of(payment)
    books.post(f"/v1/test_helpers/loans/{loan}/miss", {"instalments": 1})
    books.pass_days(40)
    pages = log_in(app.test_client())
    assert 'data-state="overdue"' in pages.get("/my/test").text
    due = books.loan(payment)["amount_due"]
    for _ in range(2):
        answer = pages.post(f"/my/test/loans/{loan}/pay")
        assert (answer.status_code, answer.location) == (303, f"/my/test/loans/{loan}?done=paying")
    assert "data-paying" in pages.get(f"/my/test/loans/{loan}").text
    books.work()
    page = pages.get(f"/my/test/loans/{loan}").text
    assert "data-paying" not in page
    assert books.loan(payment)["amount_due"] == 0
    receipt = re.search(r"/my/test/receipts/(rpy_\w+)", page)
    assert receipt is not None
    assert f"{due / 100:.2f}" in pages.get(receipt.group()).text
    quote = books.loan(payment)["early_settlement"]
    shown = pages.get(f"/my/test/loans/{loan}/payoff").text
    assert f'name="amount" value="{quote["amount"]}"' in shown
    wrong = pages.post(f"/my/test/loans/{loan}/payoff", data={"amount": str(quote["amount"] - 1)})
    assert wrong.status_code == 422
    for _ in range(2):
        answer = pages.post(f"/my/test/loans/{loan}/payoff", data={"amount": str(quote["amount"])})
        assert answer.status_code == 303
    books.work()
    assert books.loan(payment)["status"] == "settled"
    assert books.figure("SELECT COUNT(*) FROM loan_repayment") == 2
    assert pages.post(f"/my/test/loans/{loan}/pay").status_code == 409
    books.sound()


def test_thirty_loans_take_as_many_statements_as_one(app, api, new_merchant):
    pages = app.test_client()
    bought(api, amount=100_000)
    log_in(pages)
    engine = app.extensions["fenqi"].db.engine
    counted: list[str] = []

    def count(connection, cursor, statement, *rest):
        counted.append(statement)

    def statements() -> int:
        counted.clear()
        assert pages.get("/my/test").status_code == 200
        return len(counted)

    event.listen(engine, "before_cursor_execute", count)
    one = statements()
    event.remove(engine, "before_cursor_execute", count)
    other = new_merchant()
    for number in range(29):
        bought(other if number % 2 else api, amount=100_000)
    event.listen(engine, "before_cursor_execute", count)
    assert statements() == one
    event.remove(engine, "before_cursor_execute", count)
    taken = []
    for _ in range(15):
        begun = time.thread_time()
        page = pages.get("/my/test").text
        taken.append(time.thread_time() - begun)
    assert page.count("data-loan=") == 30
    assert sorted(taken)[13] < 0.06, "seconds of a processor"


def test_documents_are_kept_as_pdf_by_their_person_alone(app, pages, api):
    payment = bought(api)
    loan = loan_of(payment)
    log_in(pages)
    page = pages.get(f"/my/test/loans/{loan}").text
    assert 'id="contract-pdf"' in page
    refused = pages.get(f"/my/test/loans/{loan}/settled.pdf")
    assert refused.status_code == 409
    assert "settled-pdf" not in page
    assert pages.get(f"/my/test/loans/{loan}/amendments/2.pdf").status_code == 404
    body = {"payment": payment["id"], "amount": 100_000, "kind": "return", "reason": "sent back"}
    assert api.post("/v1/refunds", body).status_code == 201
    assert 'id="amendment-2-pdf"' in pages.get(f"/my/test/loans/{loan}").text
    api.post(f"/v1/test_helpers/loans/{loan}/repay", {"early_settlement": True})
    assert 'id="settled-pdf"' in pages.get(f"/my/test/loans/{loan}").text
    for name in ("contract.pdf", "amendments/2.pdf", "settled.pdf"):
        answer = pages.get(f"/my/test/loans/{loan}/{name}?lang=en")
        assert (answer.status_code, answer.data[:5]) == (200, b"%PDF-"), answer.text
        assert app.test_client().get(f"/my/test/loans/{loan}/{name}").status_code == 303
