"""People of a merchant at the login, with and without second factors."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pyotp
import pytest
from argon2 import PasswordHasher
from flask import Flask

from gateway.team import passwords

# The login's fixtures serve here too; conftest modules cannot be imported by name.
_spec = importlib.util.spec_from_file_location(
    "oauth_fixtures", Path(__file__).parents[1] / "oauth" / "conftest.py"
)
assert _spec is not None
assert _spec.loader is not None
_fixtures = importlib.util.module_from_spec(_spec)
__import__("sys").modules["oauth_fixtures"] = _fixtures
_spec.loader.exec_module(_fixtures)
make_portal, portal = _fixtures.make_portal, _fixtures.portal


@pytest.fixture(autouse=True)
def quick_passwords(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """argon2id at its least cost: these tests hash some thousand passwords, and what they cost is tested once."""
    monkeypatch.setattr(passwords, "_hasher", PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
    passwords._nobody.cache_clear()
    yield
    passwords._nobody.cache_clear()


class Account:
    """A person's browser on the gateway's account page."""

    def __init__(self, browser: Any) -> None:
        self.browser = browser

    def open(self) -> Any:
        return self.browser.client.get("/account/security")

    def do(self, what: str, page: Any = None, **fields: str) -> Any:
        page = page or self.open()
        token = re.search(r'name="form" value="([^"]+)"', page.text)
        assert token, page.text
        data = {"form": unescape(token[1]), "do": what, **fields}
        return self.browser.client.post("/account/security", data=data)

    def enrol_app(self, clock: Any) -> tuple[str, list[str]]:
        """Set up an authenticator app; returns its secret and the recovery codes."""
        page = self.do("app_begin")
        found = re.search(r'id="secret">([A-Z2-7]+)<', page.text)
        assert found, page.text
        done = self.do("app_confirm", page, code=pyotp.TOTP(found[1]).at(clock.now))
        codes = re.findall(r"<li><code>([a-z0-9-]+)</code>", done.text)
        assert len(codes) == 10, done.text
        return found[1], codes


def second(browser: Any, page: Any, code: str) -> Any:
    """Enter a code on the second page of the login."""
    form = browser.form(page)
    return browser.client.post(form["action"], data={"form": form["form"], "second": "code", "code": code})


def ended(browser: Any, tokens: dict[str, Any], clock: Any) -> bool:
    """Whether a login is over: its refresh token at once, its access token within two seconds."""
    refused = browser.refresh(tokens["refresh_token"])
    clock.advance(seconds=2)
    return (browser.me(tokens["access_token"]).status_code, refused.status_code) == (401, 400)


@pytest.fixture
def account(portal: Any) -> Account:
    """The account page of an owner who has just logged in."""
    portal.tokens()
    return Account(portal)


@pytest.fixture
def call(app: Flask) -> Any:
    """An API call with a person's token."""

    def send(token: str, method: str, path: str, body: Any = None, **headers: str) -> Any:
        named = {"Authorization": f"Bearer {token}", **headers}
        return app.test_client().open(path, method=method, json=body, headers=named)

    return send
