"""Second factors in a real browser: an authenticator app and a passkey are set up, and the passkey logs in alone."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyotp
import pytest
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.serving import WSGIRequestHandler, make_server

from gateway import server
from gateway.app import create_app
from gateway.config import Settings
from gateway.onboarding import onboard

playwright = pytest.importorskip(
    "playwright.sync_api", reason="the playwright package is missing: ./run test installs it"
)
CHROMIUM = os.environ.get("CHROMIUM") or next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))),
    None,
)
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt install chromium, or set CHROMIUM"),
]


class Quiet(WSGIRequestHandler):
    """Writes no line for each request."""

    def log(self, type: str, message: str, *args: Any) -> None:
        pass


@pytest.fixture
def place(sqlite_template: Path, tmp_path: Path) -> Iterator[dict[str, Any]]:
    """Gateway and portal under the name localhost, where browsers offer passkeys, and a merchant's owner."""
    shutil.copy(sqlite_template, tmp_path / "fenqi.sqlite")
    holder: dict[str, Any] = {}
    web = make_server(
        "localhost",
        0,
        lambda *call: holder["site"](*call),  # noqa: PLW0108 - not there yet
        threaded=True,
        request_handler=Quiet,
    )
    url = f"http://localhost:{web.server_port}"
    settings = Settings(
        database_url=f"sqlite:///{tmp_path / 'fenqi.sqlite'}",
        data_dir=tmp_path / "data",
        public_url=url,
        worker_in_process=False,
    )
    app = create_app(settings)
    holder["site"] = DispatcherMiddleware(app, {"/portal": server.portal(app)})
    credentials = onboard(
        app.extensions["fenqi"],
        name="商户",
        name_en="Shop",
        category="3c",
        mode="test",
        email="owner@shop.example",
        webhook_url=None,
    )
    thread = threading.Thread(target=web.serve_forever)
    thread.start()
    yield {**credentials, "url": url}
    web.shutdown()
    thread.join()
    web.server_close()


@pytest.fixture
def page() -> Iterator[Any]:
    """A page of a browser whose device has an authenticator for passkeys that says yes."""
    with playwright.sync_playwright() as engine:
        browser = engine.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        found = browser.new_context(viewport={"width": 390, "height": 844}, locale="zh-CN").new_page()
        found.set_default_timeout(10_000)
        device = found.context.new_cdp_session(found)
        device.send("WebAuthn.enable")
        options = {
            "protocol": "ctap2",
            "transport": "internal",
            "hasResidentKey": True,
            "hasUserVerification": True,
            "isUserVerified": True,
            "automaticPresenceSimulation": True,
        }
        device.send("WebAuthn.addVirtualAuthenticator", {"options": options})
        yield found
        browser.close()


def test_factors_are_set_up_and_a_passkey_logs_in_alone(place, page):
    problems: list[str] = []
    page.on(
        "console",
        lambda message: problems.append(message.text) if "Content Security Policy" in message.text else None,
    )
    page.goto(f"{place['url']}/portal/login")
    page.fill("#email", place["portal_email"])
    page.fill("#password", place["portal_password"])
    page.click("form:has(#password) button")
    page.click("button[value=yes]")
    page.wait_for_url("**/portal/**")
    page.goto(f"{place['url']}/portal/security")
    page.click("#factors")
    page.wait_for_url("**/account/security*")

    page.click("text=设置验证器应用")
    secret = page.inner_text("#secret")
    page.fill("#code", pyotp.TOTP(secret).now())
    page.click("form:has(#code) button")
    page.wait_for_selector("#codes")
    assert page.locator("#codes li").count() == 10

    page.fill("#name", "我的手机")
    page.click("#add-passkey")
    page.wait_for_selector("text=我的手机")

    page.goto(f"{place['url']}/portal/")
    page.click("form[action$=logout] button")
    page.goto(f"{place['url']}/portal/login")
    page.click("form[data-passkey=get] button")
    page.click("button[value=yes]")
    page.wait_for_url("**/portal/**")
    page.goto(f"{place['url']}/portal/security")
    assert "我的手机" in page.content()
    assert "通行密钥" in page.inner_text("tbody tr:has-text('当前')")
    assert problems == []
