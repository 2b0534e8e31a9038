"""People in a real browser: an app and a passkey are set up, then each logs in. Chromium holds the passkey itself."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from typing import Any

import pyotp
import pytest
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.serving import make_server

from gateway.app import create_app
from gateway.config import Settings
from gateway.process import server
from gateway.process.onboarding import onboard
from tests.ports import free_port

playwright = pytest.importorskip(
    "playwright.sync_api", reason="the playwright package is missing: ./run test installs it"
)
CHROMIUM = os.environ.get("CHROMIUM") or next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))),
    None,
)
pytestmark = [
    pytest.mark.browser,
    pytest.mark.long(8),
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt install chromium, or set CHROMIUM"),
]


@pytest.fixture
def site(sqlite_template, tmp_path) -> Iterator[dict[str, Any]]:
    """The gateway and the portal on localhost, where browsers allow passkeys, with one owner."""
    shutil.copy(sqlite_template, tmp_path / "fenqi.sqlite")
    port = free_port()
    url = f"http://localhost:{port}"
    app = create_app(
        Settings(
            database_url=f"sqlite:///{tmp_path / 'fenqi.sqlite'}",
            data_dir=tmp_path / "data",
            public_url=url,
            worker_in_process=False,
        )
    )
    owner = onboard(
        app.extensions["fenqi"],
        name="商户",
        name_en="Merchant",
        category="3c",
        mode="test",
        email="owner@shop.example",
        webhook_url=None,
    )
    both = DispatcherMiddleware(app, {"/portal": server.portal(app)})
    running = make_server("127.0.0.1", port, both, threaded=True)
    thread = threading.Thread(target=running.serve_forever, daemon=True)
    thread.start()
    yield {"url": url, "password": owner["portal_password"]}
    running.shutdown()
    thread.join()


@pytest.fixture
def page(site) -> Iterator[Any]:
    """A page in Chromium with a platform authenticator whose user is always verified."""
    with playwright.sync_playwright() as engine:
        browser = engine.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        context = browser.new_context(locale="en", base_url=site["url"])
        page = context.new_page()
        devtools = context.new_cdp_session(page)
        devtools.send("WebAuthn.enable")
        options = {
            "protocol": "ctap2",
            "transport": "internal",
            "hasResidentKey": True,
            "hasUserVerification": True,
            "isUserVerified": True,
            "automaticPresenceSimulation": True,
        }
        devtools.send("WebAuthn.addVirtualAuthenticator", {"options": options})
        page.problems = []
        page.on("console", lambda said: page.problems.append(said.text) if said.type == "error" else None)
        yield page
        browser.close()


def test_an_app_and_a_passkey_are_set_up_and_log_in(site, page):
    page.goto("/portal/?lang=en")
    page.click("#login")
    page.fill("#email", "owner@shop.example")
    page.fill("#password", site["password"])
    page.click("button.primary")
    page.click("button[value=yes]")

    page.goto("/portal/security")
    page.click("#factors")
    page.click("text=Set up an authenticator app")
    secret = page.inner_text("#secret")
    page.fill("#code", pyotp.TOTP(secret).now())
    page.click("text=Confirm")
    codes = page.locator("#codes code").all_inner_texts()
    assert len(codes) == 10
    page.fill("#name", "laptop")
    page.click("#add-passkey")
    page.wait_for_selector("text=laptop")
    page.click("text=Return to the portal")
    page.wait_for_url("**/portal/security")
    assert "laptop" in page.inner_text("main")

    page.click("header form button")
    page.click("#login")
    page.fill("#email", "owner@shop.example")
    page.fill("#password", site["password"])
    page.click("button.primary")
    page.fill("#code", codes[0])
    page.click("button[name=second]")
    page.click("button[value=yes]")
    page.wait_for_url("**/portal/")

    page.click("header form button")
    page.click("#login")
    page.click("form[data-passkey] button")
    page.click("button[value=yes]")
    page.wait_for_url("**/portal/")
    page.goto("/portal/security")
    assert "passkey" in page.inner_text("main table")
    assert page.problems == []
