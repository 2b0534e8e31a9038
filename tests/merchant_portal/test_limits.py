"""A stranger who floods the portal uses up what is theirs; whoever has to wait is told so and stays logged in."""

from __future__ import annotations

import pytest

from gateway.oauth.rates import TOKENS
from gateway.process import server
from gateway.web import browser_address, rate_limits
from merchant_portal.tokens import Tokens
from tests.one_database import database_url  # noqa: F401

STRANGER, COLLEAGUE = "198.51.100.7", "203.0.113.9"


def coming_from(client, address):
    client.environ_base["REMOTE_ADDR"] = address
    return client


def returned(browser, portal):
    """The state of a login that was begun, for the way back."""
    from urllib.parse import parse_qs, urlsplit  # noqa: PLC0415

    return parse_qs(urlsplit(browser.get("/login").location).query)["state"][0]


def back(browser, portal, code="x"):
    tokens: Tokens = portal.extensions["portal"]
    state = returned(browser, portal)
    return browser.get("/callback", query_string={"code": code, "state": state, "iss": tokens.gateway_url})


def test_a_flood_of_callbacks_from_one_address_lets_others_log_in(app, person, api):
    portal = person.portal.application
    stranger = coming_from(portal.test_client(), STRANGER)
    answers = [back(stranger, portal).status_code for _ in range(TOKENS.burst + 5)]
    assert answers == [400] * TOKENS.burst + [429] * 5
    coming_from(person.portal, COLLEAGUE)
    assert person.log_in(api.credentials).status_code == 303
    assert person.portal.get("/payments").status_code == 200


def test_a_callback_that_has_to_wait_keeps_its_code_and_the_login_of_before(app, person, api, clock):
    coming_from(person.portal, COLLEAGUE)
    assert person.log_in(api.credentials).status_code == 303
    gateway = app.extensions["fenqi"]
    door = person.portal.get("/security/confirm")  # the login is recent: on to the gateway's own page
    assert door.status_code == 303
    clock.advance(minutes=6)
    again = person.portal.get("/security/confirm").location
    assert "prompt=login" in again
    while gateway.counter.wait(TOKENS, COLLEAGUE) == 0:
        pass
    path = again.partition("gateway.test")[2]
    page = person.gateway.get(path)
    import importlib  # noqa: PLC0415

    helpers = importlib.import_module(type(person).__module__)
    page = person.gateway.post(
        helpers._action(page.text),
        data={
            **helpers._hidden(page.text),
            "email": api.credentials["portal_email"],
            "password": api.credentials["portal_password"],
        },
    )
    page = person.gateway.post(
        helpers._action(page.text), data={**helpers._hidden(page.text), "continue": "yes"}
    )
    way_back = helpers._path(page.location).removeprefix("/portal")
    wait = person.portal.get(f"{way_back}&lang=en")
    assert wait.status_code == 429
    assert wait.headers["Retry-After"] == "1"
    assert "Try again in 1 seconds" in wait.text or "Try again in 1 second" in wait.text
    assert person.portal.get("/payments").status_code == 200, "still logged in as before"
    clock.advance(seconds=2)
    assert person.portal.get(way_back).location.endswith("/security/confirm")


@pytest.mark.parametrize(
    "told",
    [
        "",
        "1 2 3",
        "x",
        "é",
        f"1764158400 {STRANGER} {'0' * 64}",
        "9" * 40 + f" {STRANGER} 0",
        f"1 {STRANGER}",
    ],
)
def test_whom_a_stranger_claims_to_speak_for_is_not_believed(app, told):
    with app.test_request_context(headers={"Fenqi-Browser": told}, environ_base={"REMOTE_ADDR": COLLEAGUE}):
        assert rate_limits.address() == COLLEAGUE


def test_what_the_portal_says_is_believed_for_two_minutes(app, person, clock):
    tokens: Tokens = person.portal.application.extensions["portal"]
    with person.portal.application.test_request_context(environ_base={"REMOTE_ADDR": "2001:db8:1:2::9"}):
        said = tokens._browser()

    def believed(**changes):
        with app.test_request_context(headers={**said, **changes}, environ_base={"REMOTE_ADDR": "127.0.0.1"}):
            return rate_limits.address()

    assert believed() == "2001:db8:1:2::"
    name = browser_address.HEADER
    assert believed(**{name: said[name].replace("2001:db8:1:2::9", COLLEAGUE)}) == "127.0.0.1"
    clock.advance(seconds=121)
    assert believed() == "127.0.0.1"


def test_the_portal_stands_behind_the_same_proxies_as_the_gateway(app, monkeypatch):
    import dataclasses  # noqa: PLC0415

    gateway = app.extensions["fenqi"]
    gateway.settings = dataclasses.replace(gateway.settings, proxies=1)
    portal = server.portal(app)
    seen = []
    portal.before_request(lambda: seen.append(__import__("flask").request.remote_addr))
    portal.test_client().get("/", headers={"X-Forwarded-For": f"{STRANGER}, {COLLEAGUE}"})
    assert seen == [COLLEAGUE]
