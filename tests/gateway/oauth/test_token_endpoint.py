"""What the token endpoint gives and refuses, on the wire: every permissive default of the library is closed."""

from __future__ import annotations

import base64
import json

import pytest

from tests.one_database import database_url  # noqa: F401

FORM = "application/x-www-form-urlencoded"
GRANT = {"grant_type": "client_credentials"}


def basic(pair: bytes) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(pair).decode()}


def own(api) -> dict[str, str]:
    return basic(f"{api.credentials['client_id']}:{api.credentials['client_secret']}".encode())


def ask(api, data=GRANT, headers=None, query=""):
    return api.client.post(
        "/oauth/token" + query, data=data, headers=own(api) if headers is None else headers
    )


def refusal(answer) -> tuple[int, str]:
    """Status and word of an OAuth error, after checking that it is a good one."""
    assert answer.content_type == "application/json", answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    body = answer.json
    assert set(body) == {"error", "error_description"}
    assert len(body["error_description"]) > 20
    assert all(
        " " <= char <= "~" and char not in '"\\' for char in body["error_description"]
    )  # RFC 6749, 5.2
    return answer.status_code, body["error"]


def part(token: str, index: int) -> dict:
    text = token.split(".")[index]
    return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


def test_a_token_lives_ten_minutes_and_says_what_it_is(api, clock):
    answer = ask(api)
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert set(answer.json) == {"access_token", "token_type", "expires_in", "scope"}
    assert (answer.json["token_type"], answer.json["expires_in"]) == ("Bearer", 600)
    header, claims = part(answer.json["access_token"], 0), part(answer.json["access_token"], 1)
    now = int(clock.now.timestamp())
    assert (header["typ"], header["alg"]) == ("at+jwt", "ES256")
    assert claims.pop("jti").startswith("tok_")
    assert claims == {
        "iss": "http://gateway.test",
        "aud": "http://gateway.test",
        "sub": api.credentials["client_id"],
        "client_id": api.credentials["client_id"],
        "merchant_id": api.credentials["merchant"],
        "mode": "test",
        "scope": answer.json["scope"],
        "iat": now,
        "exp": now + 600,
    }


def test_a_token_works_until_it_expires(api, clock):
    clock.advance(seconds=599)
    assert api.get("/v1/me").status_code == 200
    clock.advance(seconds=1)
    answer = api.get("/v1/me")
    assert (answer.status_code, answer.json["code"]) == (401, "unauthenticated")
    assert "expired" in answer.json["detail"]


def test_without_a_scope_a_server_gets_all_it_may_and_never_the_portals(api):
    scopes = ask(api).json["scope"].split()
    assert len(scopes) == 9
    assert "scores:write" not in scopes
    assert "checkouts:write" in scopes
    assert "portal" not in scopes


def test_a_narrower_scope_is_given_and_holds(api):
    answer = ask(api, {**GRANT, "scope": "settlements:read payments:read"})
    assert answer.json["scope"] == "payments:read settlements:read"
    api.token = answer.json["access_token"]
    refused = api.get("/v1/events")
    assert (refused.status_code, refused.json["code"]) == (403, "insufficient_scope")
    assert api.get("/v1/payments").status_code == 200


@pytest.mark.parametrize(
    "scope", ["root", "payments:read root", "portal", "PAYMENTS:READ", "payments:read,x"]
)
def test_an_unknown_or_foreign_scope_is_refused_not_dropped(api, scope):
    assert refusal(ask(api, {**GRANT, "scope": scope})) == (400, "invalid_scope")


def test_the_secret_may_come_in_the_body(api):
    named = {name: api.credentials[name] for name in ("client_id", "client_secret")}
    assert ask(api, {**GRANT, **named}, headers={}).status_code == 200


def test_credentials_in_the_header_and_in_the_body_are_refused(api):
    named = {name: api.credentials[name] for name in ("client_id", "client_secret")}
    assert refusal(ask(api, {**GRANT, **named})) == (400, "invalid_request")
    assert refusal(ask(api, {**GRANT, "client_id": "ci_test_other"})) == (400, "invalid_request")
    assert ask(api, {**GRANT, "client_id": named["client_id"]}).status_code == 200


@pytest.mark.parametrize("name", ["grant_type", "scope", "client_id", "é"])
def test_a_parameter_that_comes_twice_is_refused(api, name):
    body = f"grant_type=client_credentials&{name}=a&{name}=a"
    answer = ask(api, body, {**own(api), "Content-Type": FORM})
    assert refusal(answer) == (400, "invalid_request")


@pytest.mark.parametrize("query", ["?grant_type=client_credentials", "?client_secret=x", "?x"])
def test_parameters_in_the_address_are_refused(api, query):
    assert refusal(ask(api, query=query)) == (400, "invalid_request")


def test_an_unknown_client_and_a_wrong_secret_look_the_same(api):
    client_id, secret = api.credentials["client_id"], api.credentials["client_secret"]
    wrong = secret[:-1] + ("0" if secret[-1] != "0" else "1")
    answers = [
        ask(api, headers=basic(pair.encode()))
        for pair in (
            f"{client_id}:{wrong}",
            f"ci_test_nobody:{secret}",
            f"{client_id}:x",
            "x:y",
            f"{client_id}:",
        )
    ]
    answers += [
        ask(api, {**GRANT, "client_id": client_id, "client_secret": wrong}, headers={}),
        ask(api, {**GRANT, "client_id": "ci_test_nobody", "client_secret": secret}, headers={}),
        ask(api, {**GRANT, "client_id": client_id}, headers={}),
        ask(api, headers={}),
    ]
    assert {refusal(answer) for answer in answers} == {(401, "invalid_client")}
    assert len({answer.data for answer in answers}) == 1
    assert {answer.headers["WWW-Authenticate"] for answer in answers} == {'Basic realm="fenqi"'}


@pytest.mark.parametrize(
    "authorization",
    [
        basic(b"a\0b:x")["Authorization"],
        basic(b"a%00b:x")["Authorization"],
        basic(b"a:b\0")["Authorization"],
        basic(b"\xff\xfe:x")["Authorization"],
        basic(b"%ff:x")["Authorization"],
        basic("商户:x".encode())["Authorization"],
        "Basic \xe9\xe9",
        "Basic",
        "Basic !!!",
        "Bearer abc",
        "Digest x",
        "",
    ],
)
def test_strange_authorization_is_refused_and_never_an_error_of_ours(api, authorization):
    answer = ask(api, headers={"Authorization": authorization})
    assert refusal(answer) == (401, "invalid_client")


@pytest.mark.parametrize("name", ["client_id", "client_secret", "scope", "grant_type", "x"])
@pytest.mark.parametrize("character", ["\0", "\n", "\x1b"])
def test_control_characters_are_refused(api, name, character):
    values = {"client_id": "a", "client_secret": "b", **GRANT, name: f"a{character}b"}
    assert refusal(ask(api, values, headers={})) == (400, "invalid_request")


def test_other_bodies_are_refused(api):
    assert refusal(api.client.post("/oauth/token", json=GRANT, headers=own(api))) == (400, "invalid_request")
    assert refusal(ask(api, {**GRANT, "x": "y" * 20_000})) == (400, "invalid_request")
    assert refusal(ask(api, {})) == (400, "invalid_request")


@pytest.mark.parametrize(
    "grant", ["password", "implicit", "CLIENT_CREDENTIALS", "é", "urn:ietf:params:oauth:x"]
)
def test_other_grants_are_refused(api, grant):
    assert refusal(ask(api, {"grant_type": grant})) == (400, "unsupported_grant_type")


def test_a_missing_grant_type_is_named(api):
    answer = ask(api, {"scope": "payments:read"})
    assert refusal(answer) == (400, "invalid_request")
    assert "grant_type" in answer.json["error_description"]


@pytest.mark.parametrize("grant", ["authorization_code", "refresh_token"])
def test_a_server_has_no_codes_and_no_refresh_tokens(api, grant):
    body = {
        "grant_type": grant,
        "code": "x",
        "refresh_token": "x",
        "redirect_uri": "x",
        "code_verifier": "v" * 43,
    }
    assert refusal(ask(api, body)) == (401, "invalid_client")


def test_the_portal_gets_nothing_without_a_person(portal):
    body = {**GRANT, "client_id": portal.client_id}
    assert refusal(portal.client.post("/oauth/token", data=body)) == (401, "invalid_client")
    body["client_secret"] = "anything"
    assert refusal(portal.client.post("/oauth/token", data=body)) == (401, "invalid_client")


def test_the_inner_address_does_not_matter_behind_a_proxy(api):
    answer = api.client.post("/oauth/token", data=GRANT, headers=own(api), base_url="http://127.0.0.1:8400")
    assert answer.status_code == 200


def test_a_repeated_client_id_in_get_is_not_a_route(api):
    assert api.client.get("/oauth/token").status_code == 405
