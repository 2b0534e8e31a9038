"""The repayment card in the shopper's own place: given, changed, removed, and asked for where a collection failed."""

from __future__ import annotations

import re
from typing import Any

from sqlmodel import select

from gateway.payments.methods import service
from gateway.payments.methods.models import RepaymentMethod
from tests.gateway.books import Books
from tests.gateway.my.visitors import bought, log_in
from tests.gateway.payments.test_repayment_methods import GOOD, POOR, UNIONPAY, Bank, bank  # noqa: F401
from tests.one_database import database_url  # noqa: F401

PAGE = "/my/test/method"


def begin(pages: Any) -> str:
    answer = pages.post(f"{PAGE}/begin")
    assert answer.status_code == 303, answer.text
    return str(answer.location)


def attach(pages: Any, books: Books, found: Bank, number: str) -> str:
    taken = found.give(begin(pages), number)
    assert taken.location.startswith(f"{books.gateway.settings.public_url}{PAGE}/return?"), taken.location
    return str(pages.get(f"{PAGE}/return", follow_redirects=True).text)


def methods(books: Books) -> list[RepaymentMethod]:
    with books.gateway.db.read() as tx:
        return list(tx.exec(select(RepaymentMethod).order_by(RepaymentMethod.id)))  # type: ignore[arg-type]


def test_a_card_is_given_changed_and_removed(app: Any, books: Books, bank: Bank) -> None:  # noqa: F811
    bought(books.api)
    pages = log_in(app.test_client())
    shown = pages.get(PAGE)
    assert bank.url in shown.headers["Content-Security-Policy"]
    assert "添加还款卡" in shown.text
    assert begin(pages) == begin(pages)
    assert "还款卡尚未添加完成" in pages.get(f"{PAGE}/return?status=succeeded", follow_redirects=True).text
    assert "尾号 4242" in attach(pages, books, bank, GOOD)
    (old,) = methods(books)
    assert "银联" in attach(pages, books, bank, UNIONPAY)
    for end in ("begin", "remove"):
        assert pages.get(f"{PAGE}/{end}").location == PAGE
    for shown_id in ("", old.id):  # a page from before the change removes nothing
        pages.post(f"{PAGE}/remove", data={"method": shown_id})
    assert [row.status for row in methods(books)] == ["detached", "active"]
    bank.down(True)
    refused = pages.post(f"{PAGE}/begin")
    assert (refused.status_code, "支付机构暂时没有响应" in refused.text) == (503, True)
    bank.down(False)
    given = re.search('name="method" value="(rpm_[^"]+)"', pages.get(PAGE).text)
    assert given is not None
    pages.post(f"{PAGE}/remove", data={"method": given[1]})
    assert "银联" not in pages.get(PAGE).text
    assert [row.ended_because for row in methods(books)[:2]] == ["replaced", "removed"]


def test_nobody_meets_anybody_elses_card(app: Any, books: Books, bank: Bank) -> None:  # noqa: F811
    bought(books.api)
    pages = log_in(app.test_client())
    attach(pages, books, bank, GOOD)
    (row,) = methods(books)
    other = books.api.checkout()
    body = {"term": 12, "phone": "13800000001", "name": "李四", "id_number": "110105199003071239"}
    books.api.post(f"/v1/test_helpers/checkouts/{other['id']}/complete", body)
    stranger = log_in(app.test_client(), name="李四", id_number="110105199003071239")
    assert "4242" not in stranger.get(PAGE).text
    stranger.post(f"{PAGE}/remove", data={"method": row.id})
    assert [found.status for found in methods(books)] == ["active"]
    for path in (PAGE, f"{PAGE}/return", "/my/method"):
        assert app.test_client().get(path).location.endswith("/login")
    assert app.test_client().post(f"{PAGE}/begin").location.endswith("/login")
    assert service.page_of("live", service.OWN_PLACE) == "/my/method"


def test_what_failed_tells_why_and_leads_to_the_card(app: Any, books: Books, bank: Bank) -> None:  # noqa: F811
    payment = bought(books.api, term=3)
    loan = payment["captures"][0]["loan"]
    pages = log_in(app.test_client())
    attach(pages, books, bank, POOR)
    books.pass_days(31)
    log_in(pages)
    for page in (pages.get(PAGE).text, pages.get(f"/my/test/loans/{loan}").text):
        assert "卡内余额不足，未能扣款。 请在下次扣款前存入足够金额，或更换还款卡。" in page
        assert "下次扣款：" in page
    assert f'href="{PAGE}" id="card"' in pages.get(f"/my/test/loans/{loan}").text
    assert "Next attempt" in pages.get(f"{PAGE}?lang=en").text
    assert loan in pages.get(PAGE).text
    books.clock.advance(hours=14)
    books.work()
    log_in(pages)
    assert f"{books.gateway.settings.public_url}{PAGE}?lang=zh-CN" in pages.get("/my/test/messages").text
    attach(pages, books, bank, GOOD)
    books.pass_days(3)
    log_in(pages)
    assert "data-failure" not in pages.get(PAGE).text
    books.sound()


def test_without_an_institution_that_takes_cards_nothing_is_promised(app: Any, books: Books) -> None:
    bought(books.api)
    pages = log_in(app.test_client())
    assert "还款卡" not in pages.get("/my/test").text
    assert "目前无法在线添加还款卡" in pages.get(PAGE).text
    assert pages.post(f"{PAGE}/begin").location == PAGE
    assert methods(books) == []
