"""A repayment card: given on the bank's page, collected from, refused with a reason, changed and removed."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import request
from sqlalchemy import text
from sqlmodel import select
from werkzeug.serving import make_server

from gateway.data_requests import export, rotation
from gateway.identity import service as identity
from gateway.institution.fake_bank.server import application
from gateway.institution.fake_bank.store import Store
from gateway.institution.fake_bank_client import FakeBank
from gateway.payments.collections import failed
from gateway.payments.methods import service, setting_up, views
from gateway.payments.methods.models import RepaymentMethod
from gateway.payments.models import Collection
from tests.gateway.books import Books
from tests.gateway.shopper import go_on_by_code, identify
from tests.one_database import database_url, on_both  # noqa: F401
from tests.ports import free_port

GOOD, UNIONPAY, POOR, ASKS, NEVER = (
    "4242 4242 4242 4242",
    "６２２２０２００００００００００",
    "4000000000009995",
    "4000002500003155",
    "4000000000000002",
)


class Bank:
    """The fake bank in a thread, and a tester's browser on its page."""

    def __init__(self, folder: Path) -> None:
        app = application(Store(folder))
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._server = make_server("127.0.0.1", port, app, threaded=True)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.browser, self.store = app.test_client(), app

    def give(self, page: str, number: str, expiry: str = "12/49", act: str = "save") -> Any:
        """Type a card on the page; returns the answer."""
        assert page.startswith(f"{self.url}/setup/")
        return self.browser.post(urlsplit(page).path, data={"number": number, "expiry": expiry, "act": act})

    def down(self, down: bool) -> None:
        self.browser.post("/control/down", json={"down": down})

    def stop(self) -> None:
        self._server.shutdown()


@pytest.fixture
def bank(tmp_path: Path, app: Any) -> Iterator[Bank]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    found = Bank(tmp_path / "bank")
    app.extensions["fenqi"].ports.institution = FakeBank(found.url)
    yield found
    found.stop()


class Shopper:
    """A shopper's browser on the page of an approved order."""

    def __init__(self, app: Any, books: Books, phone: str = "13800000001") -> None:
        api = books.api
        self.books, self.app = books, app
        self.checkout = api.checkout(amount=600_000)
        done = api.post(
            f"/v1/test_helpers/checkouts/{self.checkout['id']}/complete", {"term": 3, "phone": phone}
        )
        self.payment = done.json["payment"]
        self.pages, self._phone = app.test_client(), phone
        self.result = self.enter()
        self.page = f"/checkout/{self.checkout['id']}/method"

    def enter(self) -> Any:
        """By a code, also after a day, when the browser's pass has ended."""
        return go_on_by_code(self.pages, self.checkout["id"], self._phone)

    def begin(self) -> str:
        answer = self.pages.post(f"{self.page}/begin")
        assert answer.status_code == 303, answer.text
        return str(answer.location)

    def come_back(self) -> Any:
        return self.pages.get(f"{self.page}/return", follow_redirects=True)

    def attach(self, bank: Bank, number: str) -> Any:
        taken = bank.give(self.begin(), number)
        assert taken.status_code == 303, taken.text
        assert taken.location.startswith(f"{self.books.gateway.settings.public_url}{self.page}/return")
        return self.come_back()

    def methods(self) -> list[RepaymentMethod]:
        with self.books.gateway.db.read() as tx:
            return list(tx.exec(select(RepaymentMethod).order_by(RepaymentMethod.id)))  # type: ignore[arg-type]

    def collections(self) -> list[Collection]:
        with self.books.gateway.db.read() as tx:
            return list(tx.exec(select(Collection).order_by(Collection.id)))  # type: ignore[arg-type]


def test_a_card_is_given_collected_from_changed_and_removed(app: Any, books: Books, bank: Bank) -> None:
    shopper = Shopper(app, books)
    assert "添加还款卡" in shopper.result.text
    form = shopper.pages.get(shopper.page)
    assert bank.url in form.headers["Content-Security-Policy"]
    assert "Visa" in shopper.attach(bank, GOOD).text
    assert books.api.post(f"/v1/payments/{shopper.payment}/capture").status_code == 200
    books.pass_days(31)
    shopper.enter()
    (first,) = shopper.collections()
    (visa,) = shopper.methods()
    assert (first.status, first.method_id) == ("succeeded", visa.id)
    changed = shopper.attach(bank, UNIONPAY).text
    assert "银联" in changed
    assert "4242" not in changed
    books.work()
    old, new = shopper.methods()
    assert (old.status, old.ended_because, old.token_sealed, old.detached_at is None) == (
        "detached",
        "replaced",
        None,
        False,
    )
    assert (new.status, new.kind, new.last4) == ("active", "mandate", "0000")
    shopper.pages.post(f"{shopper.page}/remove")
    assert "银联" not in shopper.pages.get(shopper.page).text
    books.pass_days(31)
    shopper.enter()
    second = shopper.collections()[1]
    assert (second.status, second.failure, second.method_id) == ("failed", "no_payment_method", None)
    told = shopper.pages.get(shopper.page)
    assert "没有可用的还款卡，未能扣款。" in told.text
    assert "Next attempt" in shopper.pages.get(f"{shopper.page}?lang=en").text
    shopper.attach(bank, GOOD)
    books.pass_days(3)
    assert {row.status for row in shopper.collections()[1:-1]} == {"failed"}
    assert shopper.collections()[-1].status == "succeeded"
    books.sound()


def test_the_number_and_what_is_collected_by_reach_no_request_log_or_page(
    app: Any, books: Books, bank: Bank, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    asked: list[str] = []
    app.before_request_funcs.setdefault(None, []).append(
        lambda: asked.append(f"{request.full_path} {request.get_data(as_text=True)} {dict(request.headers)}")
    )
    shopper = Shopper(app, books)
    shown = shopper.attach(bank, POOR).text
    assert books.api.post(f"/v1/payments/{shopper.payment}/capture").status_code == 200
    books.pass_days(31)
    shopper.enter()
    (method,) = shopper.methods()
    with books.gateway.db.read() as tx:
        token = service.account_of(tx, books.gateway.vault, method.id).token  # type: ignore[union-attr]
        answers = str(tx.connection().execute(text("SELECT * FROM outbox")).all())
        person = export.export(tx, books.gateway.vault, method.shopper_id)
    told = shopper.pages.get(shopper.page).text
    assert token.startswith("fbm_")  # type: ignore[union-attr]
    (row,) = person["data"]["repayment_method"]["rows"]
    assert (row["last4"], "token_sealed" in row) == ("9995", False)
    everything = "\n".join([*asked, caplog.text, shown, told, answers, str(person), repr(method)])
    assert len(asked) > 5
    for secret in (POOR, token):
        assert str(secret) not in everything
    assert "卡内余额不足，未能扣款。" in told


def test_clicks_tabs_and_what_a_browser_claims_change_nothing(app: Any, books: Books, bank: Bank) -> None:
    shopper = Shopper(app, books)
    page = shopper.begin()
    assert shopper.begin() == page
    forged = shopper.pages.get(
        f"{shopper.page}/return?status=succeeded&setup_intent=seti_1&redirect_status=succeeded"
    )
    assert (forged.status_code, forged.location.partition("?")[0]) == (303, shopper.page)
    assert "还款卡尚未添加完成" in shopper.pages.get(shopper.page).text
    assert [row.status for row in shopper.methods()] == ["pending"]
    assert bank.give(page, "4242 4242 4242 4241").status_code == 422
    assert bank.give(page, NEVER).status_code == 402
    asks = bank.give(page, ASKS)
    assert "请向银行确认" in asks.text
    assert bank.give(page, ASKS, act="refuse").status_code == 303
    assert "您没有添加新的还款卡" in shopper.come_back().text
    assert bank.browser.get(urlsplit(page).path).status_code == 410
    second = shopper.begin()
    assert second != page
    assert bank.give(second, ASKS, act="approve").status_code == 303
    for _ in range(2):
        assert "3155" in shopper.come_back().text
    assert [row.status for row in shopper.methods()] == ["failed", "active"]
    for end in ("begin", "remove"):
        assert shopper.pages.get(f"{shopper.page}/{end}").status_code == 303
    stranger = app.test_client()
    assert "3155" not in stranger.get(shopper.page, follow_redirects=True).text
    assert stranger.post(f"{shopper.page}/remove").status_code == 403
    for _ in range(8):
        assert bank.give(shopper.begin(), NEVER, act="back").status_code == 303
        shopper.come_back()
    refused = shopper.pages.post(f"{shopper.page}/begin")
    assert (refused.status_code, "请明天再试" in refused.text) == (429, True)
    assert int(refused.headers["Retry-After"]) > 80_000


def test_what_the_bank_does_not_answer_is_asked_again_without_the_shopper(
    app: Any, books: Books, bank: Bank
) -> None:
    shopper = Shopper(app, books)
    bank.down(True)
    answer = shopper.pages.post(f"{shopper.page}/begin")
    assert (answer.status_code, "支付机构暂时没有响应" in answer.text) == (503, True)
    bank.down(False)
    assert bank.give(shopper.begin(), GOOD).status_code == 303
    bank.down(True)
    assert "还款卡尚未添加完成" in shopper.come_back().text
    bank.down(False)
    books.clock.advance(minutes=10)
    books.work()  # the shopper has closed the browser
    assert [row.status for row in shopper.methods()] == ["active"]
    unfinished = shopper.begin()
    books.clock.advance(hours=3)
    books.work()
    assert [row.failure for row in shopper.methods()] == [None, "setup_expired"]
    assert "上次添加超时" in shopper.pages.get(shopper.page).text
    assert shopper.begin() != unfinished
    with books.gateway.db.read() as tx:
        rows = tx.connection().execute(text("SELECT last_error FROM outbox WHERE done_at IS NULL")).all()
    assert all("shopper has not given" in (row[0] or "shopper has not given") for row in rows)


def test_a_person_has_one_card_at_all_merchants_and_it_ends_with_the_person(
    app: Any, books: Books, bank: Bank, new_merchant: Any
) -> None:
    shopper = Shopper(app, books)
    shopper.attach(bank, GOOD)
    (method,) = shopper.methods()
    gateway = books.gateway
    elsewhere = new_merchant("furnishing").checkout(amount=600_000, category="furnishing")
    with gateway.db.read() as tx:
        person = identity.opened(tx, gateway.vault, method.shopper_id)
    pages = app.test_client()
    typed = {"term": "3", **person, "phone": "13800000001"}
    identify(pages, elsewhere, typed)
    path = f"/checkout/{elsewhere['id']}"
    review = pages.get(f"{path}/review").text
    books.clock.advance(seconds=30)
    ticks = dict.fromkeys(("credit_service", "bureau_query", "funder_sharing"), "yes")
    agreed = {"quote_hash": re.search('name="quote_hash" value="([0-9a-f]+)"', review)[1], **ticks}  # type: ignore[index]
    assert pages.post(f"{path}/confirm", data=agreed).status_code == 303
    books.work()
    assert "尾号 4242" in pages.get(f"{path}/result").text
    rotation.rotate(gateway, resume=False, progress=lambda *_: None)
    with gateway.db.read() as tx:
        assert service.account_of(tx, gateway.vault, method.id).token.startswith("fbm_")  # type: ignore[union-attr]
    gateway.db.write(lambda tx: service.forget(tx, method.shopper_id))
    books.work()
    (gone,) = shopper.methods()
    assert (gone.status, gone.ended_because, gone.token_sealed) == ("detached", "erased", None)


@on_both
def test_two_cards_given_at_once_beside_a_collection_leave_one_and_collect_once(
    app: Any, books: Books, bank: Bank
) -> None:
    shopper = Shopper(app, books)
    first = shopper.begin()
    second = shopper.pages.post(f"{shopper.page}/begin?lang=en").location
    assert first != second
    assert books.api.post(f"/v1/payments/{shopper.payment}/capture").status_code == 200
    for page in (first, second):
        assert bank.give(page, GOOD).status_code == 303
    gateway, institution = books.gateway, books.gateway.ports.institution
    sent, carry_out = list[str](), institution.carry_out

    def noted(one: Any) -> Any:
        sent.append(one.reference)
        return carry_out(one)

    institution.carry_out = noted
    books.clock.advance(days=31)
    with gateway.db.read() as tx:
        person = tx.exec(select(RepaymentMethod)).first().shopper_id
    steps = [
        lambda: setting_up.look(gateway, shopper_id=person, place=shopper.checkout["id"]),
        lambda: setting_up.look(gateway, shopper_id=person, place=shopper.checkout["id"]),
        books.work,
        books.work,
    ]
    with ThreadPoolExecutor(len(steps)) as pool:
        for done in [pool.submit(step) for step in steps]:
            done.result(60)
    books.work()
    assert sorted(row.status for row in shopper.methods()) == ["active", "detached"]
    (collection,) = shopper.collections()
    assert collection.status == "succeeded"
    assert sent.count(collection.reference) == 1
    books.sound()


def test_a_lender_may_want_a_card_before_the_goods_leave(app: Any, books: Books, bank: Bank) -> None:
    gateway = books.gateway
    gateway.settings = replace(gateway.settings, repayment_method_required=True)
    shopper = Shopper(app, books)
    assert "添加后，商家才能发货" in shopper.result.text
    refused = books.api.post(f"/v1/payments/{shopper.payment}/capture")
    assert (refused.status_code, refused.json["code"]) == (409, "repayment_method_missing")
    shopper.attach(bank, GOOD)
    assert books.api.post(f"/v1/payments/{shopper.payment}/capture").status_code == 200


def test_without_an_institution_that_takes_cards_nothing_is_promised(app: Any, books: Books) -> None:
    shopper = Shopper(app, books)
    assert "还款卡" not in shopper.result.text
    assert "目前无法在线添加还款卡" in shopper.pages.get(shopper.page).text
    assert shopper.pages.post(f"{shopper.page}/begin").status_code == 303
    assert shopper.methods() == []
    books.gateway.settings = replace(books.gateway.settings, repayment_method_required=True)
    assert books.api.post(f"/v1/payments/{shopper.payment}/capture").status_code == 200


def test_a_card_that_ends_before_the_next_instalment_is_announced() -> None:
    kind: Any = RepaymentMethod
    row = kind(id="rpm_1", brand="visa", last4="4242", exp_year=2026, exp_month=12, status="active")
    show = partial(views.shown, row, language="zh-CN", today=date(2026, 12, 31))
    for due, state in ((date(2026, 12, 31), "good"), (date(2027, 1, 1), "ending"), (None, "good")):
        assert show(next_due=due).state == state  # type: ignore[union-attr]
    assert views.shown(row, language="en", today=date(2027, 1, 1)).state == "expired"  # type: ignore[union-attr]


@pytest.mark.parametrize("code", [*failed.KINDS, "do_not_honor", "", None])
def test_every_failure_has_words_in_both_languages(code: str | None) -> None:
    zh, en = failed.reason_words(code, "zh-CN"), failed.reason_words(code, "en")
    assert zh.why != en.why
    assert zh.what_to_do.endswith("。")
    assert en.what_to_do.endswith(".")
