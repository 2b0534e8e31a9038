"""What needs a recent login: refused with what to do, and done after it."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pyotp
import pytest

from gateway.identity.notifier import SandboxNotifier
from gateway.oauth import service
from gateway.oauth.authorize import login
from tests.gateway.team.conftest import Account, second
from tests.one_database import database_url  # noqa: F401

LIVE_REDIRECT = "https://gateway.test/portal/callback"


@pytest.fixture
def refund(api, call):
    """Ask for a refund of one yuan of a captured payment, with a person's token."""
    payment, keys = api.captured()["id"], itertools.count()

    def send(token, amount=100):
        body = {"payment": payment, "amount": amount, "reason": "return"}
        return call(token, "POST", "/v1/refunds", body, **{"Idempotency-Key": f"refund-{next(keys)}"})

    return send


def at_live_client(app, portal):
    """The same person at the portal's client of live mode."""
    client = app.extensions["fenqi"].db.write(
        lambda tx: service.portal_client(tx, redirect_uris=[LIVE_REDIRECT], mode="live").id
    )
    return type(portal)(portal.client, client, portal.email)


@pytest.fixture
def live_token(app, portal, monkeypatch):
    """Tokens of the owner at the portal's client of live mode, as of a login whose second factor is gone."""
    monkeypatch.setattr(login, "_needs_second_factor", lambda client: False)
    live = at_live_client(app, portal)

    def log_in():
        page = live.log_in(redirect_uri=LIVE_REDIRECT)
        address = live.carry_on(page).headers["Location"]
        code = address.partition("code=")[2].partition("&")[0]
        return live.exchange(code, redirect_uri=LIVE_REDIRECT).json

    return log_in


def test_an_old_login_refunds_nothing_and_a_new_one_does(portal, clock, refund):
    token = portal.tokens()["access_token"]
    clock.advance(minutes=5)
    assert refund(token).status_code == 201
    clock.advance(seconds=1)
    answer = refund(token)
    assert (answer.status_code, answer.json["code"], answer.json["max_age"]) == (401, "step_up_required", 300)
    assert "Log in again" in answer.json["detail"]
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert 'error="insufficient_user_authentication"' in answer.headers["WWW-Authenticate"]
    assert "max_age=" in answer.headers["WWW-Authenticate"]
    assert refund(portal.tokens()["access_token"]).status_code == 201


def test_a_refresh_does_not_make_a_login_recent(portal, clock, refund):
    tokens = portal.tokens()
    clock.advance(minutes=6)
    renewed = portal.refresh(tokens["refresh_token"]).json["access_token"]
    assert refund(renewed).json["code"] == "step_up_required"


def test_an_operator_may_let_small_refunds_pass(app, portal, clock, refund):
    here = app.extensions["fenqi"]
    here.settings = replace(here.settings, step_up_refund_fen=100)
    token = portal.tokens()["access_token"]
    clock.advance(minutes=6)
    assert refund(token, amount=100).status_code == 201
    assert refund(token, amount=101).json["code"] == "step_up_required"
    assert refund(token, amount=None).json["code"] == "step_up_required"


def test_every_operation_that_says_so_asks(app, portal, clock, call):
    token = portal.tokens()["access_token"]
    clock.advance(minutes=6)
    asked = [
        operation for api in app.extensions["fenqi.apis"] for operation in api.operations if operation.step_up
    ]
    assert len(asked) >= 7
    for operation in asked:
        path = operation.path.replace("<", "").replace(">", "")
        answer = call(token, operation.method, path, {}, **{"Idempotency-Key": "k"})
        assert (answer.status_code, answer.json["code"]) == (401, "step_up_required"), operation.path


def test_a_merchants_server_never_steps_up(api):
    payment = api.captured()["id"]
    assert api.post("/v1/refunds", {"payment": payment, "amount": 100, "reason": "return"}).status_code == 201


def test_a_password_alone_opens_no_portal_of_live_mode(app, portal, clock, monkeypatch):
    live = at_live_client(app, portal)
    refused = live.log_in(redirect_uri=LIVE_REDIRECT)
    assert refused.status_code == 403
    assert "正式环境必须启用两步验证" in refused.text
    with monkeypatch.context() as patch:  # a form from before the client was of live mode
        patch.setattr(login, "_needs_second_factor", lambda client: False)
        page = live.log_in(redirect_uri=LIVE_REDIRECT)
    assert live.carry_on(page).status_code == 400

    portal.tokens()
    secret, _ = Account(portal).enrol_app(clock)
    clock.advance(seconds=30)
    page = second(live, live.log_in(redirect_uri=LIVE_REDIRECT), pyotp.TOTP(secret).at(clock.now))
    assert live.carry_on(page).headers["Location"].startswith(f"{LIVE_REDIRECT}?code=")


def test_in_live_mode_a_password_alone_moves_no_money_and_makes_no_colleague(live_token, call):
    token = live_token()["access_token"]
    invitation = {"email": "li@shop.example", "name": "Li", "role": "owner"}
    for path, body in (("/v1/team", invitation), ("/v1/refunds", {"payment": "pay_x", "reason": "return"})):
        answer = call(token, "POST", path, body, **{"Idempotency-Key": "k"})
        assert (answer.status_code, answer.json["code"]) == (403, "second_factor_required"), path
    # What leads out of it is open.
    assert call(token, "POST", "/v1/account/step_up", {}).status_code == 200


def test_in_live_mode_the_token_renewed_after_enrolment_is_enough(app, portal, live_token, call, clock):
    class Provider(SandboxNotifier):
        def check(self, mode):
            """A provider of live mode."""

    app.extensions["fenqi"].ports.notifier = Provider()
    tokens = live_token()
    Account(portal).enrol_app(clock)
    client = "ci_live_portal"
    renewed = portal.refresh(tokens["refresh_token"], client_id=client).json["access_token"]
    answer = call(renewed, "POST", "/v1/team", {"email": "li@shop.example", "name": "Li", "role": "viewer"})
    assert answer.status_code == 201, answer.text
