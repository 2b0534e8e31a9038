"""Revocation and introspection: only by the client a token belongs to, and what is revoked stops working."""

from __future__ import annotations

import base64

import pytest

from tests.one_database import database_url, on_both  # noqa: F401


def own(api) -> dict[str, str]:
    pair = f"{api.credentials['client_id']}:{api.credentials['client_secret']}".encode()
    return {"Authorization": "Basic " + base64.b64encode(pair).decode()}


def post(api, path, token, headers=None, **more):
    return api.client.post(
        path, data={"token": token, **more}, headers=own(api) if headers is None else headers
    )


def test_a_servers_access_token_ends_when_it_is_revoked(api):
    assert api.get("/v1/me").status_code == 200
    assert post(api, "/oauth/revoke", api.token).status_code == 200
    refused = api.get("/v1/me")
    assert (refused.status_code, "revoked" in refused.json["detail"]) == (401, True)
    api.login()
    assert api.get("/v1/me").status_code == 200


def test_other_processes_learn_of_it_within_two_seconds(app, api, clock):
    other = app.extensions["fenqi"].authenticator.revoked
    assert api.get("/v1/me").status_code == 200
    view = type(other)()
    here = app.extensions["fenqi"]
    jti = post(api, "/oauth/introspect", api.token).json["jti"]
    assert not view.holds(here.db, clock(), jti)
    post(api, "/oauth/revoke", api.token)
    assert not view.holds(here.db, clock(), jti)
    clock.advance(seconds=2)
    assert view.holds(here.db, clock(), jti)
    clock.advance(seconds=-60)
    assert view.holds(here.db, clock(), jti)


@on_both
def test_the_list_forgets_what_has_expired(app, api, clock):
    post(api, "/oauth/revoke", api.token)
    clock.advance(minutes=11)
    api.login()
    post(api, "/oauth/revoke", api.token)
    with app.extensions["fenqi"].db.read() as tx:
        from sqlalchemy import text  # noqa: PLC0415

        assert tx.execute(text("SELECT count(*) FROM revoked_token")).scalar_one() == 1


def test_revoking_a_refresh_token_ends_the_login(portal):
    tokens = portal.tokens()
    body = {"token": tokens["refresh_token"], "client_id": portal.client_id, "token_type_hint": "whatever"}
    assert portal.client.post("/oauth/revoke", data=body).status_code == 200
    assert portal.refresh(tokens["refresh_token"]).status_code == 400
    assert portal.me(tokens["access_token"]).status_code == 401


def test_revoking_a_persons_access_token_keeps_the_login(portal):
    tokens = portal.tokens()
    body = {"token": tokens["access_token"], "client_id": portal.client_id}
    assert portal.client.post("/oauth/revoke", data=body).status_code == 200
    assert portal.me(tokens["access_token"]).status_code == 401
    renewed = portal.refresh(tokens["refresh_token"])
    assert portal.me(renewed.json["access_token"]).status_code == 200


def test_another_clients_token_is_not_revoked(api, new_merchant, portal):
    other = new_merchant()
    person = portal.tokens()
    for token in (api.token, person["access_token"], person["refresh_token"]):
        answer = post(other, "/oauth/revoke", token)
        assert (answer.status_code, answer.json["error"]) == (400, "invalid_grant")
    assert api.get("/v1/me").status_code == 200
    assert portal.me(person["access_token"]).status_code == 200
    assert portal.refresh(person["refresh_token"]).status_code == 200


@pytest.mark.parametrize("token", ["x", "a.b.c", "x" * 3000, "é"])
def test_an_unknown_token_counts_as_revoked(api, token):
    assert post(api, "/oauth/revoke", token).status_code == 200


def test_a_client_sees_what_its_own_token_says(api, clock):
    answer = post(api, "/oauth/introspect", api.token)
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    body = answer.json
    assert (body["active"], body["token_type"], body["client_id"]) == (
        True,
        "Bearer",
        api.credentials["client_id"],
    )
    clock.advance(minutes=10)
    assert post(api, "/oauth/introspect", api.token).json == {"active": False}


def test_of_another_clients_token_it_learns_nothing(api, new_merchant, portal):
    other = new_merchant()
    person = portal.tokens()
    for token in (other.token, person["access_token"], person["refresh_token"], "x", "a.b.c"):
        assert post(api, "/oauth/introspect", token).json == {"active": False}


def test_a_revoked_token_is_not_active(api):
    post(api, "/oauth/revoke", api.token)
    assert post(api, "/oauth/introspect", api.token).json == {"active": False}


@pytest.mark.parametrize("path", ["/oauth/revoke", "/oauth/introspect"])
def test_both_need_the_client_and_the_token(api, path):
    nobody = post(api, path, api.token, headers={})
    assert (nobody.status_code, nobody.json["error"]) == (401, "invalid_client")
    missing = api.client.post(path, data={}, headers=own(api))
    assert (missing.status_code, missing.json["error"]) == (400, "invalid_request")
    in_address = api.client.post(path + "?token=x", data={"token": "x"}, headers=own(api))
    assert (in_address.status_code, in_address.json["error"]) == (400, "invalid_request")


def test_the_portal_may_not_introspect(portal):
    body = {"token": portal.tokens()["access_token"], "client_id": portal.client_id}
    assert portal.client.post("/oauth/introspect", data=body).status_code == 401
