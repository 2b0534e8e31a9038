"""Every page that a person can meet, in every state that looks different, taken from the real applications.

A walk drives the gateway, the portal, the demo shop and the fake bank through their test clients and keeps the pages as they
were answered, with their headers. What a browser then judges is what was served.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import unescape
from typing import Any
from urllib.parse import urlencode, urlsplit

from flask import Flask, Response, request
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from gateway.complaints import service as complaints
from gateway.decision.funder import Ruling
from gateway.institution.fake_bank.server import application as bank_application
from gateway.institution.fake_bank.store import Store
from gateway.process.worker import drain_outbox
from tests.gateway.books import Books
from tests.gateway.checkout import test_entry as entry
from tests.gateway.checkout.test_framed_pages import FRAME, SHOP, forms, register
from tests.gateway.checkout.test_stage_pages import staged
from tests.gateway.my.visitors import bought, log_in
from tests.gateway.operators.desk import Operator
from tests.gateway.shopper import enter, go_on_by_code, identify

LANGUAGES = ("zh-CN", "en")


@dataclass
class Page:
    """A page as it was answered."""

    name: str
    language: str
    html: str
    policy: str
    site: str


@dataclass
class Walk:
    """What was seen: pages by name and language, and the endpoints that answered with a page."""

    sites: dict[str, Flask]
    pages: dict[tuple[str, str], Page] = field(default_factory=dict)
    met: set[tuple[str, str]] = field(default_factory=set)

    def __post_init__(self) -> None:
        for name, site in self.sites.items():
            self._watch(name, site)

    def _watch(self, name: str, site: Flask) -> None:
        def note(answer: Response) -> Response:
            if answer.mimetype == "text/html" and answer.status_code not in (301, 302, 303, 404, 405):
                self.met.add((name, request.endpoint or ""))
            return answer

        site._got_first_request = False
        site.after_request(note)

    def keep(self, name: str, answer: TestResponse, site: str = "gateway") -> TestResponse:
        """Keep an answer as a page."""
        assert answer.mimetype == "text/html", (name, answer.status_code, answer.text[:200])
        language = re.search(r'<html lang="([^"]+)"', answer.text)
        assert language is not None, name
        page = Page(
            name, language[1], answer.text, answer.headers.get("Content-Security-Policy", ""), site
        )
        assert answer.status_code < 500 or "busy" in name, (name, answer.text)
        self.pages[name, language[1]] = page
        return answer

    def see(
        self, name: str, browser: FlaskClient, path: str, form: dict[str, str] | None = None, site: str = "gateway"
    ) -> TestResponse:
        """Open a page, or send a form that answers with one, in both languages; returns the Chinese one."""
        address = urlsplit(unescape(path))
        answers = []
        for language in reversed(LANGUAGES):
            kept = [pair for pair in address.query.split("&") if pair and not pair.startswith("lang=")]
            target = f"{address.path}?{'&'.join([*kept, f'lang={language}'])}"
            answer = browser.get(target) if form is None else browser.post(target, data=form)
            assert answer.status_code not in (302, 303), (name, answer.location)
            answers.append(self.keep(name, answer, site))
        return answers[-1]


def hidden(page: str) -> dict[str, str]:
    """The hidden fields of a page."""
    return {
        name: unescape(value)
        for name, value in re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page)
    }


class Silent:
    """A lender that does not answer."""

    simulator = True

    def check(self, mode: str) -> None:
        """Anything goes."""

    def decide(self, submission: Any) -> Ruling:
        """Never answer."""
        raise TimeoutError

    def look_up(self, submission: Any) -> Ruling | None:
        """Never answer."""
        raise TimeoutError


@contextmanager
def silent_lender(gateway: Any) -> Iterator[None]:
    """For a while, the lender does not answer."""
    usual, gateway.ports.funder = gateway.ports.funder, Silent()
    yield
    gateway.ports.funder = usual


@dataclass
class Town:
    """The applications with their clock, and one merchant's API."""

    app: Flask
    portal: Flask
    books: Books
    clock: Any
    person: Any
    tmp_path: Any

    @property
    def api(self) -> Any:
        """The merchant's API."""
        return self.books.api

    @property
    def gateway(self) -> Any:
        """The gateway's parts."""
        return self.app.extensions["fenqi"]

    def browser(self) -> FlaskClient:
        """A browser that has nothing."""
        return self.app.test_client()

    def played(self, phone: str, term: int = 12, **order: Any) -> str:
        """The path of a checkout that a test helper played to its end."""
        self.api.login()
        checkout = self.api.checkout(**order)
        body = {"term": term, "phone": phone, "name": "王小明", "id_number": entry.TYPED["id_number"]}
        done = self.api.post(f"/v1/test_helpers/checkouts/{checkout['id']}/complete", body)
        assert done.status_code == 200, done.text
        return f"/checkout/{checkout['id']}"


def checkout_open(walk: Walk, town: Town) -> None:
    """The way to the confirmation, with its mistakes."""
    api, clock = town.api, town.clock
    checkout = api.checkout(
        items=[
            {"name": "星河 X2 手机 256GB 曜石黑", "quantity": 1, "unit_price": 549_900},
            {"name": "快充充电器", "quantity": 2, "unit_price": 25_000},
        ]
    )
    at, pages = f"/checkout/{checkout['id']}", town.browser()
    enter(pages, checkout)
    walk.see("checkout: choose", pages, at)
    for _ in LANGUAGES:
        pages.post(f"{at}/identity", data={**entry.TYPED, "phone": "1", "id_number": "2", "code": "1"})
    walk.see("checkout: choose, mistakes", pages, at)
    pages.post(f"{at}/code", data=entry.TYPED)
    walk.see("checkout: choose, code sent", pages, at)
    pages.post(f"{at}/identity", data={**entry.TYPED, "code": "000000"})
    walk.see("checkout: review", pages, f"{at}/review")
    pages.post(f"{at}/confirm", data={"quote_hash": entry.plan_of(checkout)["quote_hash"]})
    walk.see("checkout: review, error", pages, f"{at}/review")
    walk.see("checkout: choose, known", pages, at)
    other = town.browser()
    enter(other, checkout)
    walk.see("checkout: choose, of another", other, at)
    stranger = town.browser()
    walk.see("checkout: other device", stranger, f"{at}/continue")
    walk.see("checkout: other device, mistakes", stranger, f"{at}/continue", {"phone": "1", "code": "1"})
    clock.advance(seconds=5)
    entry.confirm(pages, checkout)
    walk.see("result: approved", pages, f"{at}/result")
    walk.see("checkout: consents", pages, f"{at}/consents")
    api.login()
    subsidy = api.checkout(down_payment=100_000)
    enter(pages, subsidy)
    walk.see("checkout: choose, down payment", pages, f"/checkout/{subsidy['id']}")
    big = api.checkout(amount=20_000)
    enter(pages, big)
    walk.see("checkout: choose, small amount", pages, f"/checkout/{big['id']}")
    few = f"/plans?{urlencode({'key': api.credentials['publishable_key'], 'amount': '1000'})}"
    walk.see("plans: none", pages, few)
    walk.see("plans", pages, f"/plans?{urlencode({'key': api.credentials['publishable_key'], 'amount': '599900'})}")
    for name in ("credit_service", "bureau_query", "funder_sharing", "marketing"):
        version = re.search(rf"/agreements/{name}/([^?\"]+)", pages.get(f"{at}/review").text + _review(town))
        if version:
            walk.see(f"agreement: {name}", pages, f"/agreements/{name}/{version[1]}")


def _review(town: Town) -> str:
    checkout, pages = town.api.checkout(), town.browser()
    identify(pages, checkout, entry.TYPED)
    return str(pages.get(f"/checkout/{checkout['id']}/review").text)


def results(walk: Walk, town: Town) -> None:
    """The page of the result in each state."""
    api, books = town.api, town.books
    for state, phone in (("declined", "13800000002"), ("under review", "13800000003")):
        at, pages = town.played(phone), town.browser()
        go_on_by_code(pages, at.rpartition("/")[2], phone)
        walk.see(f"result: {state}", pages, f"{at}/result")
        if state == "declined":
            pages.post(f"{at}/human-review")
            walk.see("result: declined, person asked", pages, f"{at}/result")
        else:
            pages.post(f"{at}/cancel")
            walk.see("result: canceled", pages, f"{at}/result")
    checkout, pages = api.checkout(), town.browser()
    with silent_lender(town.gateway):
        entry.reviewed(pages, checkout, town.clock)
        entry.confirm(pages, checkout)
        walk.see("result: deciding", pages, f"/checkout/{checkout['id']}/result")
    checkout, pages = api.checkout(), town.browser()
    enter(pages, checkout)
    pages.post(f"/checkout/{checkout['id']}/identity", data={"term": "full"})
    walk.see("result: pay in full", pages, f"/checkout/{checkout['id']}/result")
    checkout, pages = api.checkout(), town.browser()
    entry.reviewed(pages, checkout, town.clock)
    town.clock.advance(days=2)
    api.login()
    walk.keep("error: expired", pages.get(f"/checkout/{checkout['id']}?lang=en"))
    walk.keep("error: expired", pages.get(f"/checkout/{checkout['id']}?lang=zh-CN"))
    payment = api.captured(term=12)
    pages = town.browser()
    go_on_by_code(pages, payment["checkout"])
    at = f"/checkout/{payment['checkout']}"
    walk.see("result: running", pages, f"{at}/result")
    refund = {"payment": payment["id"], "amount": 150_000, "kind": "price_adjustment", "reason": "scratch"}
    assert api.post("/v1/refunds", refund).status_code == 201
    page = walk.see("result: running, amended", pages, f"{at}/result")
    amendment = re.search(r'href="(/checkout/[^"]+/amendments/[^"]+)"', page.text)
    assert amendment is not None
    walk.see("checkout: amendment", pages, amendment[1])
    contract = pages.get(f"{at}/contract")
    if contract.mimetype == "text/html":
        walk.see("checkout: contract", pages, f"{at}/contract")
    api.post("/v1/refunds", {"payment": payment["id"], "amount": 449_900, "reason": "returned"})
    walk.see("result: refunded", pages, f"{at}/result")
    gone = api.approved(term=3)
    api.post(f"/v1/payments/{gone['id']}/void", {"reason": "sold out"})
    go_on_by_code(pages, gone["checkout"])
    walk.see("result: voided", pages, f"/checkout/{gone['checkout']}/result")
    checkout, _, stage = staged(books)
    go_on_by_code(pages, checkout["id"])
    address = f"/checkout/{checkout['id']}/stages"
    walk.see("checkout: stages", pages, address)
    pages.post(f"{address}/contest", data={"milestone": stage, "reason": "只上了三节课"})
    walk.see("checkout: stages, contested", pages, address)


def framed(walk: Walk, town: Town) -> None:
    """The pages inside a page of the shop."""
    register(town.app, town.api, SHOP)
    checkout, pages = town.api.checkout(), town.browser()
    at = f"/checkout/{checkout['id']}"
    for language in reversed(LANGUAGES):
        opened = pages.get(f"{urlsplit(checkout['url']).path}?{urlencode({**FRAME, 'lang': language})}")
        walk.keep("framed: choose", opened)
    key = forms(pages.get(f"{urlsplit(checkout['url']).path}?{urlencode(FRAME)}"))[f"{at}/identity"]
    pages.post(f"{at}/code", data={**entry.TYPED, **key})
    review = pages.post(f"{at}/identity", data={**entry.TYPED, **key, "code": "000000"})
    walk.keep("framed: review", review)
    proof = forms(review)[f"{at}/confirm"]
    walk.see("framed: review", pages, f"{at}/review", proof)
    town.clock.advance(seconds=5)
    entry.confirm(pages, checkout, **proof)
    walk.see("framed: result", pages, f"{at}/result", proof)


def own_place(walk: Walk, town: Town) -> None:
    """The shopper's own place."""
    api, books, pages = town.api, town.books, town.browser()
    walk.see("my: login", pages, "/my/test/login")
    walk.see("my: login, live", pages, "/my/login")
    walk.see("my: login, mistakes", pages, "/my/test/login", {"phone": "1", "code": "1"})
    pages.post("/my/test/login/code", data={"phone": "13800000001"})
    pages.post("/my/test/login", data={"phone": "13800000001", "code": "000000"})
    walk.see("my: who", pages, "/my/test/login/who")
    late = bought(api)
    loan = late["captures"][0]["loan"]
    books.post(f"/v1/test_helpers/loans/{loan}/miss", {"instalments": 1})
    books.pass_days(40)
    api.login()
    fresh = bought(api, amount=129_900)
    bought(api, amount=88_800, ship=False)
    ended = bought(api, amount=100_000)
    api.post(f"/v1/test_helpers/loans/{ended['captures'][0]['loan']}/repay", {"early_settlement": True})
    log_in(pages)
    walk.see("my: loans", pages, "/my/test")
    walk.see("my: loan, overdue", pages, f"/my/test/loans/{loan}")
    at = f"/my/test/loans/{fresh['captures'][0]['loan']}"
    walk.see("my: loan", pages, at)
    walk.see("my: payoff", pages, f"{at}/payoff")
    walk.see("my: contract", pages, f"{at}/contract")
    walk.see("my: schedule", pages, f"{at}/schedules/1")
    pages.post(f"/my/test/loans/{loan}/pay")
    walk.see("my: loan, paying", pages, f"/my/test/loans/{loan}?done=paying")
    books.work()
    page = pages.get(f"/my/test/loans/{loan}").text
    receipt = re.search(r"/my/test/receipts/(rpy_\w+)", page)
    assert receipt is not None
    walk.see("my: receipt", pages, receipt.group())
    walk.see("my: help", pages, "/my/test/help")
    walk.see("my: help, mistakes", pages, "/my/test/help", {"kind": "", "loan": "x", "text": "x"})
    said = {"kind": "complaint", "loan": loan, "text": "收到的手机有划痕，商家不肯换货"}
    number = pages.post("/my/test/help", data=said).location.partition("#")[2]
    pages.post("/my/test/help", data={"kind": "hardship", "loan": "", "text": "失业了，想延期还款"})
    town.gateway.db.write(
        lambda tx: complaints.answer(tx, town.gateway.vault, number, words="已安排换货。", by="李经理")
    )
    walk.see("my: help, history", pages, "/my/test/help")
    walk.see("my: data", pages, "/my/test/data")
    walk.see("my: again", pages, "/my/test/again?next=data")
    log_in(town.browser())
    walk.see("my: devices", pages, "/my/test/devices")
    api.login()
    town.played("13800000002")
    nobody = log_in(town.browser(), phone="13800000002", id_number=entry.TYPED["id_number"])
    walk.see("my: no loans", nobody, "/my/test")


def cards(walk: Walk, town: Town) -> None:
    """The repayment card, and the page of the (fake) bank."""
    from gateway.institution.fake_bank_client import FakeBank  # noqa: PLC0415
    from tests.gateway.payments.test_repayment_methods import Bank  # noqa: PLC0415

    bank = Bank(town.tmp_path / "bank")
    usual, town.gateway.ports.institution = town.gateway.ports.institution, FakeBank(bank.url)
    try:
        town.api.login()
        payment = town.api.captured(term=3)
        pages = town.browser()
        go_on_by_code(pages, payment["checkout"])
        at = f"/checkout/{payment['checkout']}"
        walk.see("method: none", pages, f"{at}/method")
        address = urlsplit(pages.post(f"{at}/method/begin").location).path
        walk.see("bank: form", bank.browser, address, site="bank")
        walk.see(
            "bank: mistakes", bank.browser, address, {"number": "1", "expiry": "13/20", "act": "save"}, "bank"
        )
        walk.see(
            "bank: asks",
            bank.browser,
            address,
            {"number": "4000000000003155"[:0] + "4000002500003155", "expiry": "12/49", "act": "save"},
            "bank",
        )
        walk.see("method: pending", pages, f"{at}/method")
        bank.give(bank.url + address, "4242 4242 4242 4242")
        pages.get(f"{at}/method/return", follow_redirects=True)
        walk.see("method: there", pages, f"{at}/method")
        walk.see("bank: over", bank.browser, address, site="bank")
        walk.see("result: running, card", pages, f"{at}/result")
    finally:
        bank.stop()
        town.gateway.ports.institution = usual


def doors(walk: Walk, town: Town) -> None:
    """Logins of merchants and operators, invitations, and what refuses."""
    person, api = town.person, town.api
    door = urlsplit(person.portal.get("/login").location)
    address = f"{door.path}?{door.query}"
    page = walk.see("login: merchant", person.gateway, address)
    action = re.search(r'<form method="post" action="([^"]+)"', page.text)
    assert action is not None
    form = {**hidden(page.text), "email": "nobody@x.example", "password": "wrong"}
    walk.see("login: merchant, wrong", person.gateway, action[1], form)
    right = {
        **hidden(page.text),
        "email": api.credentials["portal_email"],
        "password": api.credentials["portal_password"],
    }
    walk.keep("login: continue", person.gateway.post(unescape(action[1]), data=right))
    walk.see("login: refused", town.browser(), "/oauth/authorize?client_id=x")
    operator = Operator(town.app, town.clock, "li.na", None)
    page = walk.see("login: operator", operator.client, operator.address())
    walk.keep("login: operator, wrong", operator.send(password="mistaken"))
    walk.see("account: no door", town.browser(), "/account/security")
    walk.see("account: invitation over", town.browser(), "/account/invitation?token=x")
    for language in LANGUAGES:
        walk.keep("error: not found", town.browser().get(f"/checkout/x?lang={language}", headers={"Accept": "text/html"}))


def desk(walk: Walk, town: Town) -> None:
    """The portal with everything in it."""
    api, books, person = town.api, town.books, town.person
    walk.see("portal: welcome", town.portal.test_client(), "/", site="portal")
    api.login()
    payment = api.captured()
    waiting = api.approved()
    other = api.captured(term=3)
    api.post("/v1/refunds", {"payment": other["id"], "amount": 100_000, "reason": "returned"})
    dispute = api.post("/v1/test_helpers/disputes", {"payment": payment["id"]}).json
    books.pass_days(3)
    api.login()
    assert person.log_in(api.credentials).status_code == 303
    browser = person.portal
    pages: dict[str, str] = {
        "home": "/",
        "payments": "/payments",
        "payments, wrong filter": "/payments?amount_min=x",
        "payment": f"/payments/{other['id']}",
        "payment, disputed": f"/payments/{payment['id']}",
        "ask to capture": f"/payments/{waiting['id']}/capture",
        "settlements": "/settlements",
        "rates": "/rates",
        "balance": "/balance",
        "exports": "/exports",
        "team": "/team",
        "security": "/security",
        "payout account": "/payout-account",
        "dispute": f"/disputes/{dispute['id']}",
    }
    for name, path in pages.items():
        walk.see(f"portal: {name}", browser, path, site="portal")
    found = re.search(r"/settlements/(stl_\w+)", browser.get("/settlements").text)
    assert found is not None
    walk.see("portal: settlement", browser, found.group(), site="portal")
    month = re.search(r"/months/[\d-]+", browser.get("/months").text)
    walk.see("portal: month", browser, month.group() if month else "/months/2026-11", site="portal")
    for language in LANGUAGES:
        walk.keep("portal: sorry", browser.get(f"/payments/pay_x?lang={language}"), "portal")
    token = hidden(browser.get("/team").text)["csrf"]
    colleague = {"csrf": token, "email": "li@shop.example", "name": "李四", "role": "finance"}
    walk.see("portal: team, wrong", browser, "/team", {**colleague, "email": "nobody"}, "portal")
    browser.post("/team", data=colleague)
    drain_outbox(town.gateway)
    message = (town.gateway.settings.data_dir / "test-messages.jsonl").read_text()
    secret = message.partition("token=")[2].partition('"')[0]
    guest = town.browser()
    walk.see("account: invitation", guest, f"/account/invitation?token={secret}")
    chosen = {"token": secret, "password": "a password of one's own", "again": "a password of one's own"}
    walk.see("account: invitation, differ", guest, "/account/invitation", {**chosen, "again": "x"})
    walk.keep("account: joined", guest.post("/account/invitation", data=chosen))
    found = re.search(r"/team/(mem_\w+)/remove", browser.get("/team").text)
    assert found is not None
    walk.see("portal: remove", browser, found.group(), site="portal")
    walk.see("API reference", town.browser(), "/docs/api")


STORIES: tuple[Callable[[Walk, Town], None], ...] = (
    checkout_open,
    results,
    framed,
    own_place,
    cards,
    doors,
    desk,
)


def walked(town: Town) -> Walk:
    """Every story, in order."""
    walk = Walk({"gateway": town.app, "portal": town.portal})
    for story in STORIES:
        town.api.login()
        story(walk, town)
    return walk


__all__ = ["LANGUAGES", "STORIES", "Page", "Town", "Walk", "bank_application", "Store", "walked"]
