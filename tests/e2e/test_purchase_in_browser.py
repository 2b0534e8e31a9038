"""The whole purchase in a real browser: shop, hosted checkout, return page, merchant desk, settlement, portal."""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests

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
    pytest.mark.long(30),
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt install chromium, or set CHROMIUM"),
]
OWN_DATABASE = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
"""The demo of the tests keeps its SQLite file, whatever database the environment names."""
ID_NUMBER = "110105199003071239"


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
