"""Logins from day to day: how long they last, another password, strangers who guess, and what time tells."""

from __future__ import annotations

import pytest

from gateway.team import login_attempts, passwords, sessions
from tests.gateway.team.conftest import Account, ended
from tests.one_database import database_url  # noqa: F401

NEW = "another long password"


HASHER = passwords._hasher
"""The real one, before the tests put a quick one in its place."""


@pytest.fixture
def owner(portal):
    return portal.tokens()["access_token"]


def test_another_password_ends_the_other_sessions(app, portal, owner, clock):
    other = type(portal)(app.test_client(), portal.client_id, portal.email)
    tokens = other.tokens()
    account = Account(portal)
    assert account.do("password", password=NEW, again="something else").status_code == 422
    assert account.do("password", password="short", again="short").status_code == 422
    assert other.me(tokens["access_token"]).status_code == 200
    assert account.do("password", password=NEW, again=NEW).status_code == 200
    assert ended(other, tokens, clock)
    assert portal.me(owner).status_code == 200
    assert other.log_in().status_code == 422
    assert 'name="continue"' in other.log_in(NEW).text


def test_passwords_cost_what_owasp_asks_for(monkeypatch):
    monkeypatch.setattr(passwords, "_hasher", HASHER)
    passwords._nobody.cache_clear()
    known = passwords.hashed(NEW)
    assert known.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert passwords.matches(NEW, known)
    assert not passwords.matches(NEW + " ", known)
    assert not passwords.matches(NEW, None)
    passwords._nobody.cache_clear()


def test_an_unknown_address_takes_as_long_as_a_known_one(portal, monkeypatch):
    """The same work is done: one verification of argon2id, of a hash with the same parameters."""
    passwords.matches("x", None)
    checked = []
    verify = type(passwords._hasher).verify
    monkeypatch.setattr(
        type(passwords._hasher),
        "verify",
        lambda self, known, given: checked.append(known.rsplit("$", 2)[0]) or verify(self, known, given),  # type: ignore[func-returns-value]
    )
    for email in (portal.email, "nobody@shop.example"):
        for _ in range(3):
            assert portal.log_in("wrong", email).status_code == 422
    assert len(checked) == 6
    assert len(set(checked)) == 1


def test_a_stranger_who_locks_the_address_does_not_lock_out_a_known_browser(app, portal, clock):
    """From a browser the person has used, tries are counted apart; the stranger's lock ends by itself."""
    portal.tokens()
    strangers = [type(portal)(app.test_client(), portal.client_id, portal.email) for _ in range(2)]
    for _ in range(login_attempts.MOST):
        strangers[0].log_in("guess")
    assert strangers[1].log_in().status_code == 429
    assert portal.log_in().status_code == 200
    clock.advance(seconds=login_attempts.WINDOW.total_seconds())
    assert strangers[1].log_in().status_code == 200


def test_a_forged_device_cookie_is_a_stranger(app, portal):
    portal.tokens()
    stranger = type(portal)(app.test_client(), portal.client_id, portal.email)
    for value in ("x", "e30=", "é", ""):
        stranger.client.set_cookie("fenqi_device", value)
        stranger.log_in("guess")
    stranger.log_in("guess")
    assert stranger.log_in().status_code == 429


def test_an_idle_session_ends(portal, clock):
    tokens = portal.tokens()
    clock.advance(minutes=24)
    tokens = portal.refresh(tokens["refresh_token"]).json
    clock.advance(seconds=sessions.IDLE.total_seconds())
    assert portal.refresh(tokens["refresh_token"]).json["error"] == "invalid_grant"
    assert portal.me(tokens["access_token"]).status_code == 401


def test_a_session_in_use_ends_after_twelve_hours(portal, call, clock):
    tokens = portal.tokens()
    for _ in range(35):
        clock.advance(minutes=20)
        tokens = portal.refresh(tokens["refresh_token"]).json
        assert "access_token" in tokens
    clock.advance(minutes=20)
    assert portal.refresh(tokens["refresh_token"]).json["error"] == "invalid_grant"


def test_a_login_that_was_only_begun_does_not_outlive_the_password_or_the_first_factor(app, portal, clock):
    """Who had entered the old password, and waits on the next page, does not get in by it."""
    waiting = [type(portal)(app.test_client(), portal.client_id, portal.email) for _ in range(2)]
    pages = [browser.log_in() for browser in waiting]
    portal.tokens()
    account = Account(portal)
    account.enrol_app(clock)
    assert waiting[0].carry_on(pages[0]).status_code == 400
    account.do("app_remove")
    account.do("password", password=NEW, again=NEW)
    assert waiting[1].carry_on(pages[1]).status_code == 400


def test_a_login_that_was_only_begun_does_not_outlive_the_person(app, portal, make_portal, owner, call):
    colleague = make_portal("viewer", "li@shop.example")
    page = colleague.log_in()
    member = next(
        one["id"] for one in call(owner, "GET", "/v1/team").json["data"] if one["email"] == "li@shop.example"
    )
    call(owner, "DELETE", f"/v1/team/{member}", {})
    assert colleague.carry_on(page).status_code == 400
