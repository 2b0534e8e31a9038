"""Sessions: begun by a login, ended by idleness, age, log-out or by hand; and what needs a recent login."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.rights import retention


@pytest.fixture
def tokens(portal: Any) -> dict[str, Any]:
    return portal.tokens()


def test_a_session_ends_after_25_idle_minutes(portal, tokens, clock):
    refresh = tokens["refresh_token"]
    for _ in range(3):
        clock.advance(minutes=24)
        answer = portal.refresh(refresh)
        assert answer.status_code == 200
        refresh = answer.json["refresh_token"]
    clock.advance(minutes=25, seconds=1)
    assert portal.refresh(refresh).status_code == 400


def test_a_session_ends_after_twelve_hours_however_busy(portal, tokens, clock):
    refresh = tokens["refresh_token"]
    for _ in range(35):
        clock.advance(minutes=20)
        refresh = portal.refresh(refresh).json["refresh_token"]
    clock.advance(minutes=21)
    assert portal.refresh(refresh).status_code == 400


def test_each_login_is_a_session_of_its_own(portal, call, tokens):
    again = portal.tokens()["access_token"]
    sessions = call(again, "GET", "/v1/account/sessions").json["data"]
    assert len({row["id"] for row in sessions}) == 2
    assert [row["current"] for row in sessions] == [True, False]
    assert sessions[0]["methods"] == ["pwd"]


def test_a_session_is_ended_from_another_device(app, portal, call, tokens, clock):
    other = type(portal)(app.test_client(), portal.client_id, portal.email).tokens()
    mine = tokens["access_token"]
    (stranger,) = (
        row["id"] for row in call(mine, "GET", "/v1/account/sessions").json["data"] if not row["current"]
    )
    assert call(mine, "DELETE", f"/v1/account/sessions/{stranger}").status_code == 200
    clock.advance(seconds=2)
    assert portal.me(other["access_token"]).status_code == 401
    assert portal.refresh(other["refresh_token"]).status_code == 400
    assert portal.me(mine).status_code == 200


def test_a_colleagues_session_is_not_found(make_portal, call, tokens):
    theirs = make_portal("viewer", "li@shop.example").tokens()["access_token"]
    (session,) = (row["id"] for row in call(theirs, "GET", "/v1/account/sessions").json["data"])
    assert call(tokens["access_token"], "DELETE", f"/v1/account/sessions/{session}").status_code == 404


WANTS_A_RECENT_LOGIN = [
    ("POST", "/v1/team", {"email": "li@shop.example", "name": "李雷", "role": "viewer"}),
    ("PATCH", "/v1/team/mem_x", {"role": "viewer"}),
    ("DELETE", "/v1/team/mem_x", None),
    ("DELETE", "/v1/account/authenticator", None),
    ("DELETE", "/v1/account/passkeys/pk_x", None),
    ("POST", "/v1/account/step_up", {}),
    ("POST", "/v1/webhook_endpoints", {"url": "https://shop.example/hooks"}),
    ("POST", "/v1/webhook_endpoints/we_x/rotate_secret", {}),
    ("POST", "/v1/refunds", {"payment": "pay_x", "kind": "return", "amount": 100_001, "reason": "back"}),
    ("POST", "/v1/refunds", {"payment": "pay_x", "kind": "return", "reason": "all of it"}),
]


def test_secrets_people_and_large_refunds_want_a_login_of_the_last_five_minutes(call, clock, tokens):
    token = tokens["access_token"]
    clock.advance(minutes=5)
    for number, (method, path, body) in enumerate(WANTS_A_RECENT_LOGIN):
        answer = call(token, method, path, body, **{"Idempotency-Key": f"in-time-{number}"})
        assert answer.status_code != 401, path
    clock.advance(seconds=1)
    for number, (method, path, body) in enumerate(WANTS_A_RECENT_LOGIN):
        answer = call(token, method, path, body, **{"Idempotency-Key": f"late-{number}"})
        assert (answer.status_code, answer.json["code"]) == (401, "step_up_required"), path
        assert answer.json["max_age"] == 300
        assert 'error="insufficient_user_authentication"' in answer.headers["WWW-Authenticate"]
        assert 'max_age="300"' in answer.headers["WWW-Authenticate"]


def test_a_refresh_does_not_make_a_login_recent_but_a_login_does(portal, call, clock, tokens):
    clock.advance(minutes=6)
    refreshed = portal.refresh(tokens["refresh_token"]).json["access_token"]
    assert call(refreshed, "POST", "/v1/account/step_up", {}).status_code == 401
    assert call(portal.tokens()["access_token"], "POST", "/v1/account/step_up", {}).status_code == 200


def test_a_small_refund_and_a_server_need_no_recent_login(api, portal, call, clock, tokens):
    payment = api.captured()
    clock.advance(minutes=6)
    small = {"payment": payment["id"], "kind": "price_adjustment", "amount": 100_000, "reason": "scratch"}
    answer = call(tokens["access_token"], "POST", "/v1/refunds", small, **{"Idempotency-Key": "small"})
    assert answer.status_code == 201, answer.text
    large = {**small, "amount": 100_001}
    assert api.post("/v1/refunds", large).status_code == 201


def test_old_sessions_and_invitations_are_forgotten(app, portal, call, clock, tokens):
    call(
        tokens["access_token"],
        "POST",
        "/v1/team",
        {"email": "li@shop.example", "name": "李雷", "role": "viewer"},
    )
    here = app.extensions["fenqi"]
    clock.advance(hours=73)
    assert retention.sweep(here) >= 1
    clock.advance(days=31)
    assert retention.sweep(here) >= 1
    token = portal.tokens()["access_token"]
    assert len(call(token, "GET", "/v1/account/sessions").json["data"]) == 1
    assert call(token, "GET", "/v1/team/invitations").json["data"] == []
