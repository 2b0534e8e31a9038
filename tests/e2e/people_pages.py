"""The pages of people: logins, accounts, the portal, the demo shop, and what is shown around them."""

from __future__ import annotations

import importlib.util
import re
import sys
from html import unescape
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import pyotp
from werkzeug.security import generate_password_hash

from gateway.process.worker import drain_outbox
from gateway.web import busy
from tests.e2e.every_page import LANGUAGES, Page, Town, Walk, hidden
from tests.gateway.operators.desk import Operator
from tests.merchant_portal.test_in_store_page import GIVEN

SHOP = Path(__file__).parents[2] / "examples/phones/shop.py"


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
        walk.keep(
            "error: not found",
            town.browser().get(f"/checkout/x?lang={language}", headers={"Accept": "text/html"}),
        )


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


def till(walk: Walk, town: Town) -> None:
    """An order in a store: the page of the clerk, and what their browser is told when it opens the shopper's."""
    browser, staff = town.person.portal, town.person.gateway
    page = walk.see("portal: in store", browser, "/in-store", site="portal")
    typed = {**GIVEN, **hidden(page.text)}
    walk.see("portal: in store, wrong", browser, "/in-store", {**typed, "amount": "x"}, "portal")
    order = urlsplit(browser.post("/in-store", data=typed).location).path.removeprefix("/portal")
    page = walk.see("portal: in store, order", browser, order, site="portal")
    link = re.search(r'id="link"[^>]*>([^<]+)<', page.text)
    assert link is not None
    refused = staff.get(urlsplit(unescape(link[1])).path)
    assert refused.status_code == 403
    walk.keep("checkout: browser of the shop's team", refused)
    number = order.rpartition("/")[2]
    town.api.login()
    assert town.api.post(f"/v1/test_helpers/checkouts/{number}/complete", {}).status_code == 200
    walk.see("portal: in store, approved", browser, order, site="portal")
    walk.see("portal: in store, done", town.portal.test_client(), "/in-store-done", site="portal")


def accounts(walk: Walk, town: Town) -> None:
    """How somebody of a merchant proves who they are."""
    browser, address = town.person.gateway, "/account/security"

    def do(what: str, page: Any, **fields: str) -> Any:
        return browser.post(address, data={**hidden(page.text), "do": what, **fields})

    page = walk.see("account: security", browser, address)
    for language in LANGUAGES:
        begun = browser.post(f"{address}?lang={language}", data={**hidden(page.text), "do": "app_begin"})
        walk.keep("account: app, begun", begun)
    walk.keep("account: app, wrong code", do("app_confirm", begun, code="1"))
    secret = re.search(r'id="secret">([A-Z2-7]+)<', begun.text)
    assert secret is not None
    done = do("app_confirm", begun, code=pyotp.TOTP(secret[1]).at(town.clock.now))
    walk.keep("account: recovery codes", done)
    guest = town.portal.test_client()
    door = urlsplit(guest.get("/login").location)
    stranger = town.browser()
    page = stranger.get(f"{door.path}?{door.query}")
    action = re.search(r'<form method="post" action="([^"]+)"', page.text)
    assert action is not None
    known = town.api.credentials
    typed = {"email": known["portal_email"], "password": known["portal_password"]}
    second = walk.keep(
        "login: second factor",
        stranger.post(unescape(action[1]), data={**hidden(page.text), **typed}),
    )
    wrong = {**hidden(second.text), "second": "code", "code": "1"}
    again = re.search(r'<form method="post" action="([^"]+)"', second.text)
    assert again is not None
    walk.keep("login: second factor, wrong", stranger.post(unescape(again[1]), data=wrong))


def around(walk: Walk, town: Town) -> None:
    """What is shown while the server refuses, and the demo shop."""
    for again in (True, False):
        page = busy.page(again=again).decode()
        walk.pages[f"busy, {again}", "zh-CN"] = Page(f"busy, {again}", "zh-CN", page, busy.POLICY, "gateway")
    walk.see("style", town.browser(), "/style")
    shop, order = _shop(town), {"reference": "P10001"}
    browser = shop.test_client()
    walk.see("shop: shelf", browser, "/", site="shop")
    walk.see("shop: phone", browser, "/p/xinghe-12", site="shop")
    walk.see("shop: door of the desk", browser, "/desk/login", site="shop")
    form = {**hidden(browser.get("/desk/login").text), "password": "wrong"}
    walk.see("shop: door of the desk, wrong", browser, "/desk/login", form, "shop")
    browser.post("/p/xinghe-12/split", data=hidden(browser.get("/p/xinghe-12").text))
    walk.see("shop: return", browser, f"/return?checkout={CHECKOUT}", site="shop")
    browser.post("/desk/login", data={**form, "password": "sesame"})
    assert order["reference"] in walk.see("shop: desk", browser, "/desk", site="shop").text
    walk.see("shop: sorry", browser, "/p/nothing", site="shop")


CHECKOUT = "chk_" + "0" * 26


def _shop(town: Town) -> Any:
    """The demo shop, which knows one approved order."""
    spec = importlib.util.spec_from_file_location("phone_shop", SHOP)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules.setdefault("phone_shop", importlib.util.module_from_spec(spec))
    if not hasattr(module, "create_app"):
        spec.loader.exec_module(module)
    approved = SimpleNamespace(id=CHECKOUT, merchant_reference="P10001", payment="pay_1", status="approved")
    client = SimpleNamespace(
        checkouts=SimpleNamespace(
            create=lambda **_: SimpleNamespace(id=CHECKOUT, url="https://pay.example/"),
            retrieve=lambda _: approved,
        ),
        payments=SimpleNamespace(acknowledge=lambda *_, **__: None),
    )
    return module.create_app(
        client,
        shop_url="http://localhost",
        gateway_url="https://pay.example",
        publishable_key="pk_test_1",
        database=town.tmp_path / "shop.sqlite",
        secret_key="k" * 32,
        desk_password_hash=generate_password_hash("sesame", "pbkdf2:sha256:1"),
    )
