"""After the approval the page tells the real state, with the schedules of the real loans and each that replaced one."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.gateway.shopper import go_on_by_code
from tests.one_database import database_url  # noqa: F401


@pytest.fixture
def pages(app: Any) -> Any:
    return app.test_client()


def result(pages: Any, payment: dict[str, Any], lang: str = "zh-CN") -> str:
    path = f"/checkout/{payment['checkout']}/result?lang={lang}"
    if pages.get(path).status_code == 403:
        go_on_by_code(pages, payment["checkout"])
    return pages.get(path).text


def state(page: str) -> str:
    return re.search(r'data-state="(\w+)"', page)[1]


def test_captured_in_part_voided_and_refunded_shows_the_real_loan_and_its_amendment(pages, api, clock):
    payment = api.approved()
    at = f"/v1/payments/{payment['id']}"
    assert state(result(pages, payment)) == "approved"
    api.post(f"{at}/capture", {"amount": 300_000})
    api.post(f"{at}/void", {"amount": 100_000, "reason": "out of stock"})
    clock.advance(days=1)
    api.login()
    refund = {"payment": payment["id"], "amount": 150_000, "kind": "price_adjustment", "reason": "scratch"}
    assert api.post("/v1/refunds", refund).status_code == 201
    page = result(pages, payment)
    assert state(page) == "running"
    for figure in ("¥3,000.00", "¥1,999.00", "¥1,000.00", "¥1,500.00", "商家退款"):
        assert figure in page
    assert "549.99" not in page, "what was quoted for the whole order is no longer what is owed"
    loan = api.get(at).json["captures"][0]["loan"]
    row = api.get(f"/v1/loans/{loan}").json["schedule"][0]
    assert f"¥{row['payment'] / 100:,.2f}" in page
    (link,) = re.findall(r'href="(/checkout/[^"]+/amendments/[^"]+)"', page)
    document = pages.get(link).text
    for words in ("第 2 版", "2026年11月24日", "商家退款", "¥1,500.00", loan):
        assert words in document
    assert document.count("<tr>") == 13
    assert (
        "Amendment to the repayment schedule, version 2"
        in pages.get(f"{link.partition('?')[0]}?lang=en").text
    )
    for other in (
        f"{link.rpartition('/')[0]}/3",
        f"{link.rpartition('/')[0]}/²",
        f"/checkout/{payment['checkout']}/amendments/loan_x/2",
    ):
        assert pages.get(other.partition("?")[0]).status_code == 404
    second = {**refund, "amount": 50_000}
    assert api.post("/v1/refunds", second).status_code == 201
    assert len(re.findall(r"/amendments/", result(pages, payment))) == 2


def test_overdue_settled_and_refunded_are_said(pages, api, books):
    payment = api.captured(term=3)
    loan = payment["captures"][0]["loan"]
    assert state(result(pages, payment)) == "running"
    assert api.post(f"/v1/test_helpers/loans/{loan}/miss", {"instalments": 1}).status_code == 200
    books.pass_days(40)
    api.login()
    page = result(pages, payment)
    assert state(page) == "overdue"
    due = api.get(f"/v1/loans/{loan}").json["amount_due"]
    assert due > 0
    assert f"¥{due / 100:,.2f}" in page
    assert "按时还款。</p>\n" not in page.partition("<footer")[0]
    body = {"early_settlement": True}
    assert api.post(f"/v1/test_helpers/loans/{loan}/repay", body).status_code == 200
    assert state(result(pages, payment)) == "settled"
    other = api.captured(term=3)
    everything = {"payment": other["id"], "amount": 599_900, "reason": "returned"}
    assert api.post("/v1/refunds", everything).status_code == 201
    assert state(result(pages, other)) == "refunded"
    gone = api.approved(term=3)
    assert api.post(f"/v1/payments/{gone['id']}/void", {"reason": "sold out"}).status_code == 200
    assert state(result(pages, gone)) == "voided"
    assert "Nothing" in result(pages, other, "en") or "nothing" in result(pages, other, "en")


def test_the_page_never_leaves_by_itself(pages, api):
    page = result(pages, api.approved())
    assert "http-equiv" not in page
    assert "<script" not in page
