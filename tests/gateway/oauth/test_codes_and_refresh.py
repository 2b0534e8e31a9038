"""Codes and refresh tokens: once each, bound to their client and verifier; a second use ends the whole family."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from gateway.oauth import service
from tests.one_database import database_url, on_both  # noqa: F401


def word(answer) -> tuple[int, str]:
    assert len(answer.json["error_description"]) > 15
    return answer.status_code, answer.json["error"]


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code_verifier": "w" * 43}, "invalid_grant"),
        ({"code_verifier": ""}, "invalid_request"),
        ({"code_verifier": "v"}, "invalid_request"),
        ({"redirect_uri": "http://gateway.test/portal/callback/"}, "invalid_grant"),
        ({"redirect_uri": ""}, "invalid_grant"),
        ({"code": "x" * 48}, "invalid_grant"),
        ({"code": ""}, "invalid_request"),
    ],
)
def test_a_code_fits_its_verifier_and_address_only(portal, changes, error):
    code = portal.code()
    assert word(portal.exchange(code, **changes)) == (400, error)
    assert portal.exchange(code).status_code == 200


def test_a_code_of_the_portal_is_nothing_to_a_merchants_server(portal, api):
    named = {name: api.credentials[name] for name in ("client_id", "client_secret")}
    assert word(portal.exchange(portal.code(), **named)) == (401, "invalid_client")


def test_a_code_lives_sixty_seconds(portal, clock):
    code, late = portal.code(), portal.code()
    clock.advance(seconds=59)
    assert portal.exchange(code).status_code == 200
    clock.advance(seconds=1)
    assert word(portal.exchange(late)) == (400, "invalid_grant")


def test_a_code_used_twice_revokes_what_the_first_use_brought(portal):
    code = portal.code()
    tokens = portal.exchange(code).json
    assert portal.me(tokens["access_token"]).status_code == 200
    assert word(portal.exchange(code)) == (400, "invalid_grant")
    refused = portal.me(tokens["access_token"])
    assert (refused.status_code, "revoked" in refused.json["detail"]) == (401, True)
    assert word(portal.refresh(tokens["refresh_token"])) == (400, "invalid_grant")


@pytest.fixture
def live_portal(app, portal) -> str:
    """The portal's client of live mode, with the same address."""
    return app.extensions["fenqi"].db.write(
        lambda tx: service.portal_client(tx, redirect_uris=["https://gateway.test/cb"], mode="live").client_id
    )


def test_a_code_of_test_mode_is_nothing_in_live_mode(portal, live_portal):
    code = portal.code()
    assert word(portal.exchange(code, client_id=live_portal)) == (400, "invalid_grant")
    tokens = portal.exchange(code).json
    assert word(portal.exchange(code, client_id=live_portal)) == (400, "invalid_grant")
    assert portal.me(tokens["access_token"]).status_code == 200


def test_a_refresh_token_of_test_mode_is_nothing_in_live_mode(portal, live_portal):
    first = portal.tokens()["refresh_token"]
    assert word(portal.refresh(first, client_id=live_portal)) == (400, "invalid_grant")
    second = portal.refresh(first).json["refresh_token"]
    assert word(portal.refresh(first, client_id=live_portal)) == (400, "invalid_grant")
    assert portal.refresh(second).status_code == 200


@on_both
def test_parallel_exchanges_of_one_code_leave_no_token_alive(app, portal):
    code = portal.code()

    def exchange(_: int):
        return type(portal)(app.test_client(), portal.client_id, portal.email).exchange(code)

    with ThreadPoolExecutor(24) as pool:
        answers = list(pool.map(exchange, range(24)))
    won = [answer for answer in answers if answer.status_code == 200]
    assert len(won) == 1
    assert {word(answer) for answer in answers if answer not in won} == {(400, "invalid_grant")}
    assert portal.me(won[0].json["access_token"]).status_code == 401


def test_a_refresh_token_rotates(portal, clock):
    first = portal.tokens()
    clock.advance(minutes=11)
    assert portal.me(first["access_token"]).status_code == 401
    second = portal.refresh(first["refresh_token"]).json
    assert second["refresh_token"] != first["refresh_token"]
    assert portal.me(second["access_token"]).status_code == 200
    third = portal.refresh(second["refresh_token"])
    assert third.status_code == 200


def test_a_refresh_token_used_twice_ends_the_family(portal):
    first = portal.tokens()
    second = portal.refresh(first["refresh_token"]).json
    assert word(portal.refresh(first["refresh_token"])) == (400, "invalid_grant")
    assert word(portal.refresh(second["refresh_token"])) == (400, "invalid_grant")
    assert portal.me(second["access_token"]).status_code == 401
    other = portal.tokens()
    assert portal.me(other["access_token"]).status_code == 200


@on_both
def test_parallel_uses_of_one_refresh_token_leave_no_token_alive(app, portal):
    token = portal.tokens()["refresh_token"]

    def refresh(_: int):
        return type(portal)(app.test_client(), portal.client_id, portal.email).refresh(token)

    with ThreadPoolExecutor(24) as pool:
        answers = list(pool.map(refresh, range(24)))
    won = [answer for answer in answers if answer.status_code == 200]
    assert len(won) == 1
    assert portal.me(won[0].json["access_token"]).status_code == 401
    assert word(portal.refresh(won[0].json["refresh_token"])) == (400, "invalid_grant")


def test_rotation_does_not_lengthen_a_login_beyond_twelve_hours(portal, clock):
    token = portal.tokens()["refresh_token"]
    for _ in range(35):
        clock.advance(minutes=20)
        token = portal.refresh(token).json["refresh_token"]
    clock.advance(minutes=20)
    assert word(portal.refresh(token)) == (400, "invalid_grant")


def test_a_narrower_scope_on_refresh_does_not_shrink_the_login(portal):
    tokens = portal.tokens()
    narrow = portal.refresh(tokens["refresh_token"], scope="payments:read").json
    assert narrow["scope"] == "payments:read"
    assert portal.refresh(narrow["refresh_token"]).json["scope"] == tokens["scope"]


def test_a_wider_scope_on_refresh_is_refused(portal):
    token = portal.tokens(scope="payments:read")["refresh_token"]
    assert word(portal.refresh(token, scope="payments:read payments:write")) == (400, "invalid_scope")
    assert portal.refresh(token).json["scope"] == "payments:read"


def test_a_refresh_follows_the_role_of_today(app, portal):
    token = portal.tokens()["refresh_token"]
    app.extensions["fenqi"].db.write(lambda tx: tx.execute(text("UPDATE team_member SET role = 'viewer'")))
    assert "payments:write" not in portal.refresh(token).json["scope"]


@pytest.mark.parametrize("token", ["", "x", "x" * 5000, "a.b.c"])
def test_unknown_refresh_tokens_are_refused(portal, token):
    assert portal.refresh(token).status_code == 400


def test_nothing_in_the_tables_can_be_used(app, portal, api):
    code = portal.code()
    tokens = portal.exchange(code).json
    secrets = [code, tokens["refresh_token"], tokens["access_token"], portal.password]
    secrets.append(api.credentials["client_secret"])
    tables = ("authorization_code", "refresh_token", "client_secret", "team_member", "oauth_client")
    with app.extensions["fenqi"].db.read() as tx:
        rows = [str(tuple(row)) for name in tables for row in tx.execute(text(f"SELECT * FROM {name}"))]
    assert len(rows) >= 6
    assert not [secret for secret in secrets for row in rows if secret in row]
