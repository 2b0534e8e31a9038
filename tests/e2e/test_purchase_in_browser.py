"""The whole purchase in a real browser, from the shop to the portal, and a checkout inside pages of other sites."""

from __future__ import annotations

import json
import os
import re
import shutil
import threading
import time
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests

import fenqi
from gateway import cli
from tests.ports import free_port
from tests.warm import Program

playwright = pytest.importorskip(
    "playwright.sync_api", reason="the playwright package is missing: ./run test installs it"
)
CHROMIUM = os.environ.get("CHROMIUM") or next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))),
    None,
)
pytestmark = [
    pytest.mark.long(35),
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt install chromium, or set CHROMIUM"),
]
OWN_DATABASE = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
"""The demo of the tests keeps its SQLite file, whatever database the environment names."""
ID_NUMBER = "110105199003071239"
ORDER = {
    "amount": 599_900,
    "currency": "CNY",
    "category": "3c",
    "items": [{"name": "Phone", "quantity": 1, "unit_price": 599_900}],
    "return_url": "https://shop.example/return",
    "cancel_url": "https://shop.example/cart",
}
COVER = """() => {
  const over = Object.assign(document.createElement("div"), { id: "over", popover: "manual" });
  over.style = "position:fixed;inset:0;width:auto;height:auto;pointer-events:none;background:#fff";
  document.body.append(over);
  over.showPopover();
}"""


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """The demo as a user starts it, on a free port and in a folder of its own."""
    folder = tmp_path_factory.mktemp("demo")
    port = free_port()
    line = ["demo", "--port", str(port), "--data", str(folder)]
    process = Program(line, OWN_DATABASE, folder / "demo.log")
    try:
        for _ in range(1200):  # a busy machine starts slowly
            try:
                if requests.get(f"http://127.0.0.1:{port}/readyz", timeout=1).json()["scorer"] == "ready":
                    break
            except (requests.RequestException, ValueError):
                pass
            time.sleep(0.1)
        else:
            pytest.fail("the demo did not start")
        yield {**json.loads((folder / "demo.json").read_text("utf-8")), "folder": folder}
    finally:
        process.interrupt()
        process.wait(timeout=15)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as engine:
        running = engine.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        yield running
        running.close()


def command(demo: dict[str, Any], *words: str) -> int:
    """Exit status of a command on the data of the demo, run in this process, where everything is loaded already."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("DATABASE_URL", raising=False)
        try:
            return cli.main([*words, "--data", str(demo["folder"])])
        except SystemExit as end:
            return int(end.code is not None and end.code != 0)


def identify(page: Any) -> None:
    """Choose twelve months and say who one is."""
    assert page.is_checked("#term-full"), "no plan is chosen beforehand"
    page.click("label[for=term-12]")
    assert page.is_checked("#term-12")
    page.fill("#name", "王小明")
    page.fill("#id_number", ID_NUMBER)
    page.fill("#phone", "13800000001")
    page.click("#send-code")
    page.wait_for_selector("#sent")
    assert page.input_value("#id_number") == ID_NUMBER, "what was typed is kept"
    page.fill("#code", "000000")
    is_free_of_the_sticky_button(page)
    page.click("#continue")


def is_free_of_the_sticky_button(page: Any) -> None:
    """No field that has the focus lies under the button that stays at the lower edge, with a keyboard up (2.4.11)."""
    page.set_viewport_size({"width": 390, "height": 600})
    for field in ("#name", "#id_number", "#phone", "#code"):
        page.evaluate("window.scrollTo(0, 0)")
        page.focus(field)
        lower = page.locator(field).bounding_box()
        button = page.locator(".act").bounding_box()
        assert lower["y"] + lower["height"] <= button["y"], field
    page.set_viewport_size({"width": 390, "height": 844})


def go_on_with(context: Any, address: str) -> None:
    """Open the address of a page on another device, which shows nothing before a code to the same phone."""
    page = context.new_page()
    page.goto(address)
    assert "5,999" not in page.inner_text("body")
    page.fill("#phone", "13800000001")
    page.click("#send-code")
    page.fill("#code", "000000")
    page.click("#continue")
    assert page.get_attribute("[data-status]", "data-status") == "approved"
    context.close()


@pytest.mark.parametrize("javascript", [True, False], ids=["js", "no-js"])
def test_a_phone_is_bought_shipped_settled_and_seen_in_the_portal(demo, browser, javascript):
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, locale="zh-CN", java_script_enabled=javascript
    )
    page = context.new_page()
    problems: list[str] = []
    page.on(
        "console",
        lambda message: (
            problems.append(message.text)
            if "Content Security Policy" in message.text or "integrity" in message.text
            else None
        ),
    )
    shop = f"{demo['base_url']}/shops/phones"

    page.goto(f"{shop}/p/xinghe-12")
    if javascript:
        page.wait_for_selector("fenqi-message:has-text('分期')")
    page.click("fenqi-button" if javascript else "#split")
    assert re.fullmatch(r".*/checkout/chk_[0-9A-Z]+", page.url), (
        "the secret of the address stays out of the history"
    )
    identify(page)

    text = page.inner_text("main")
    for figure in ("18.00%", "19.56%", "¥6,599.88", "¥600.88", "除上述费用外，不再收取任何其他费用"):
        assert figure in text
    for consent in ("credit_service", "bureau_query", "funder_sharing", "marketing"):
        assert not page.is_checked(f"#{consent}"), "consents are unticked"
        if consent != "marketing":
            page.check(f"#{consent}")
    page.wait_for_timeout(3300)  # the reading time is the server's
    page.click("#confirm")
    assert page.get_attribute("[data-status]", "data-status") == "approved"
    go_on_with(browser.new_context(locale="zh-CN", java_script_enabled=javascript), page.url)
    page.click("#return")
    assert page.get_attribute("[data-order-status]", "data-order-status") == "paid"

    page.goto(f"{shop}/desk")
    page.fill("#password", demo["merchants"][0]["desk_password"])
    page.click("#enter")
    page.locator("tr:has-text('已付款') button").first.click()
    page.wait_for_selector("text=已发货")

    merchant = demo["merchants"][0]
    page.goto(f"{demo['base_url']}/portal/")
    page.click("#login")
    page.fill("#email", merchant["portal_email"])
    page.fill("#password", merchant["portal_password"])
    page.click("button[type=submit]")
    page.click("button[name=continue][value=yes]")
    page.goto(f"{demo['base_url']}/portal/payments")
    page.locator("tbody a").first.click()
    text = page.inner_text("main")
    for figure in ("已请款", "¥5,999.00", "¥5,963.01", "¥35.99"):
        assert figure in text
    date = page.locator("dt:has-text('结算日') + dd").first.inner_text().strip()
    assert command(demo, "settle", "--date", date) == 0
    page.goto(f"{demo['base_url']}/portal/settlements")
    if page.locator("tbody a").count():  # the second purchase of the day waits for the next batch
        page.locator("tbody a").first.click()
        assert "两边相等" in page.inner_text("#proof")
    assert problems == []
    context.close()


class Page(BaseHTTPRequestHandler):
    """A page that loads the snippet."""

    def __init__(self, gateway: str, *arguments: Any) -> None:
        self.gateway = gateway
        super().__init__(*arguments)

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        script = f"<script src='{self.gateway}/js/v1/fenqi.js'></script>"
        self.wfile.write(f"<!doctype html><html lang=zh-CN><body><button>Pay</button>{script}".encode())

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def sites(demo: dict[str, Any]) -> Iterator[list[str]]:
    """Origins of two pages beside the gateway; the first is registered."""
    servers = [ThreadingHTTPServer(("127.0.0.1", 0), partial(Page, demo["base_url"])) for _ in range(2)]
    for server in servers:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    origins = [f"http://localhost:{server.server_port}" for server in servers]
    assert command(demo, "merchant", "origins", demo["merchants"][0]["merchant"], "--add", origins[0]) == 0
    yield origins
    for server in servers:
        server.shutdown()
        server.server_close()


def framed(page: Any) -> Any:
    """The frame of the checkout, once its page has come."""
    page.locator("div dialog.ready iframe").wait_for()
    return next(frame for frame in page.frames if "/checkout/" in frame.url)


def test_shop_page_shows_a_checkout_to_its_end_and_no_other_page_does(demo, browser, sites):
    merchant, (shop, evil) = demo["merchants"][0], sites
    client = fenqi.Fenqi(merchant["client_id"], merchant["client_secret"], base_url=demo["base_url"])
    checkout = client.checkouts.create(merchant_reference="framed-1", **ORDER)
    context = browser.new_context(viewport={"width": 390, "height": 844}, locale="zh-CN")
    page = context.new_page()

    page.goto(evil)
    for parent in (shop, evil):  # pretends to be the shop, or asks for itself
        address = f"{checkout.url}?channel=0b9f2c1e-5c1a-4f0e-9d42-8f0a6f7f3b10&parent={parent}"
        with page.expect_console_message(lambda message: "frame-ancestors" in message.text):
            page.evaluate(
                "url => document.body.append(Object.assign(document.createElement('iframe'), { src: url }))",
                address,
            )

    page.goto(shop)
    page.evaluate(
        "url => { Fenqi.openCheckout({ url, mode: 'modal' }).then((result) => { window.result = result; }); }",
        checkout.url,
    )
    frame = framed(page)
    frame.click("label[for=term-12]")
    for field, value in {"name": "王小明", "id_number": ID_NUMBER, "phone": "13800000001"}.items():
        frame.fill(f"#{field}", value)
    frame.click("#send-code")
    frame.wait_for_selector("#sent")
    frame.fill("#code", "000000")
    frame.click("#continue")
    for consent in ("credit_service", "bureau_query", "funder_sharing"):
        frame.check(f"#{consent}")
    confirm = frame.locator("#confirm:enabled")
    confirm.wait_for()
    page.evaluate(COVER)
    page.wait_for_timeout(400)
    confirm.dispatch_event("click")
    frame.locator("#covered").wait_for()
    assert client.checkouts.retrieve(checkout.id).status == "identified", "what is covered concludes nothing"

    page.evaluate("document.getElementById('over').remove()")
    page.wait_for_timeout(400)
    confirm.click()
    assert frame.locator("[data-status]").get_attribute("data-status") == "approved"
    assert context.cookies() == [], "nothing is kept inside a frame"
    frame.click("#return")
    page.wait_for_function("window.result")
    assert page.evaluate("window.result") == {"status": "approved", "checkout_id": checkout.id}
    assert page.evaluate("[document.querySelectorAll('iframe').length, location.origin]") == [0, shop]
    context.close()


def test_an_unknown_checkout_says_that_no_money_moved(demo, browser):
    context = browser.new_context(locale="zh-CN")
    page = context.new_page()
    answer = page.goto(f"{demo['base_url']}/checkout/chk_00000000000000000000000000")
    assert answer is not None
    assert answer.status == 404
    assert "没有发生任何扣款" in page.inner_text("main")
    context.close()


def test_the_books_of_the_demo_are_in_order(demo, capsys):
    status = command(demo, "ledger", "verify", "--json")
    assert status == 0, capsys.readouterr()
