"""How operators log in: password and code at once, tokens that are nobody else's, and what ends them."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from gateway.data_requests.retention import sweep
from gateway.operators import service as operators
from tests.gateway.conftest import problem
from tests.gateway.operators.desk import KNOWN, Operator, two
from tests.one_database import database_url, on_both  # noqa: F401

CARDS = "/rate_cards"


@pytest.fixture
def li(app, clock):
    return Operator(app, clock, "li.na", None)


@on_both
def test_password_and_code_lead_to_a_token_of_the_operator_that_stands_in_the_audit_log(li):
    tokens = li.log_in()
    assert set(tokens) == {"access_token", "token_type", "expires_in", "scope", "refresh_token"}
    assert tokens["scope"] == "operator:read operator:write operator:money"
    assert li.get(CARDS).json == {"object": "list", "data": [], "has_more": False, "next_cursor": None}
    with li.gateway.db.read() as tx:
        logged = tx.execute(text("SELECT actor_id FROM audit_entry WHERE action = 'operator.login'"))
        assert list(logged.scalars()) == [li.id]


def test_an_operators_token_opens_nothing_of_a_merchant_nor_a_merchants_token_anything_of_operators(li, api):
    li.log_in()
    operators_token, li.token = li.token, api.token
    refused = li.get(CARDS)
    assert (refused.status_code, problem(refused)["code"]) == (401, "unauthenticated")
    api.token = operators_token
    assert problem(api.get("/v1/me"))["code"] == "unauthenticated"
    form = {"token": operators_token, "client_id": "operators"}
    assert li.client.post("/oauth/revoke", data=form).status_code == 401
    answer = li.client.post(
        "/operator/token", data={"grant_type": "client_credentials", "client_id": "operators"}
    )
    assert (answer.status_code, answer.json["error"]) == (400, "unsupported_grant_type")


@pytest.mark.parametrize("wrong", ["name", "password", "code"])
def test_whatever_is_wrong_looks_the_same_and_repeats_no_secret(li, wrong):
    page = li.send(**{wrong: "mistaken.one"})
    assert page.status_code == 422
    assert "姓名代号、密码或验证码不正确" in page.text
    assert 'role="alert"' in page.text
    assert "correct horse" not in page.text


def test_guessing_is_stopped_and_locks_a_browser_that_is_known_out_only_for_itself(li, app, clock):
    li.log_in()
    stranger = app.test_client()
    known, li.client = li.client, stranger
    for _ in range(5):
        assert li.send(password="not the password").status_code == 422
    waits = li.send()
    assert (waits.status_code, "Retry-After" in waits.headers) == (429, True)
    li.client = known
    assert li.send().status_code == 303
    clock.advance(seconds=15 * 60 + 1)
    li.client = stranger
    assert li.send().status_code == 303


def test_a_code_of_the_app_is_worth_one_login_and_a_form_one_browser(li, app):
    code = li.code()
    assert li.send(code=code).status_code == 303
    assert li.send(code=code).status_code == 422
    li.client.get(li.address())
    other, li.client = li.client, app.test_client()
    form = li.client.get(li.address()).text.partition('name="form" value="')[2].partition('"')[0]
    sent = {"form": form, "name": li.name, "password": "x", "code": "000000"}
    assert other.post(li.address(), data=sent).status_code == 400


@pytest.mark.parametrize(
    "changes",
    [
        {"redirect_uri": "http://127.0.0.1.evil.example:80/callback"},
        {"redirect_uri": "http://evil.example/callback"},
        {"redirect_uri": "http://127.0.0.1:99999/callback"},
        {"redirect_uri": "https://127.0.0.1:443/callback"},
        {"redirect_uri": "http://127.0.0.1:80/callback?to=elsewhere"},
        {"client_id": "ci_test_1"},
    ],
)
def test_a_login_that_would_return_elsewhere_is_told_to_the_person(li, changes):
    answer = li.client.get(li.address(**changes), headers={"Accept": "text/html"})
    assert (answer.status_code, "Location" in answer.headers) == (400, False)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"scope": "payments:read"}, "invalid_scope"),
        ({"resource": "http://gateway.test"}, "invalid_target"),
        ({"dpop_jkt": "j" * 43}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
    ],
)
def test_what_is_wrong_with_a_request_is_told_to_the_program(li, changes, error):
    answer = li.client.get(li.address(**changes))
    assert answer.status_code == 303
    assert f"error={error}" in answer.headers["Location"]


@on_both
def test_a_code_or_refresh_token_that_comes_twice_ends_the_login(li):
    code = li.code_of(li.send())
    first = li.exchange(code).json
    assert li.exchange(code).json["error"] == "invalid_grant"
    assert li.refresh(first["refresh_token"]).json["error"] == "invalid_grant"
    second = li.log_in()
    third = li.refresh(second["refresh_token"], scope="operator:read").json
    assert third["scope"] == "operator:read"
    assert li.refresh(second["refresh_token"]).json["error"] == "invalid_grant"
    li.token = third["access_token"]
    assert li.get(CARDS).status_code == 401
    assert li.exchange(li.code_of(li.send()), code_verifier="w" * 43).json["error"] == "invalid_grant"


def test_idleness_log_out_a_new_password_and_removal_end_a_login_at_once(li, app, clock):
    wang = Operator(app, clock, "wang.wei", "li.na")
    tokens = wang.log_in()
    clock.advance(seconds=25 * 60)
    assert wang.refresh(tokens["refresh_token"]).json["error"] == "invalid_grant"
    for token in ("access_token", "refresh_token"):
        tokens = wang.log_in()
        form = {"token": tokens[token], "client_id": "operators"}
        assert wang.client.post("/operator/revoke", data=form).status_code == 200
        assert wang.get(CARDS).status_code == 401
    endings = (
        lambda tx: operators.choose_password(tx, "wang.wei", KNOWN) and None,
        lambda tx: operators.remove(tx, "wang.wei") and None,
    )
    for ends in endings:
        wang.log_in()
        wang.gateway.db.write(ends)
        assert wang.get(CARDS).status_code == 401
    assert wang.send().status_code == 422


def test_writing_needs_a_scope_and_a_login_of_five_minutes(app, clock, api):
    li, _ = two(app, clock)
    li.log_in("operator:read")
    assert problem(li.post(CARDS, {}))["code"] == "insufficient_scope"
    li.log_in()
    clock.advance(seconds=301)
    late = li.post(CARDS, {})
    assert (late.status_code, problem(late)["code"], problem(late)["max_age"]) == (
        401,
        "step_up_required",
        300,
    )
    assert li.get(CARDS).status_code == 200


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "é", "x" * 5000])
def test_what_is_no_token_is_refused_before_anything_is_read(li, token):
    li.token = token
    refused = li.post(CARDS, {"unknown": 1})
    assert (refused.status_code, refused.headers["WWW-Authenticate"]) == (
        401,
        'Bearer realm="fenqi operators"',
    )


def test_the_server_of_operators_says_what_it_is(li):
    found = li.client.get("/.well-known/oauth-authorization-server/operator").json
    assert (found["issuer"], found["token_endpoint"]) == (
        "http://gateway.test/operator",
        "http://gateway.test/operator/token",
    )
    english = li.client.get(li.address(lang="en", scope="operator:read"))
    assert all(words in english.text for words in ("Log in as an operator", "127.0.0.1:53682", 'lang="en"'))
    assert "rate cards" not in english.text
    assert english.headers["Cache-Control"] == "no-store"
    assert "form-action 'self' http://127.0.0.1:53682" in english.headers["Content-Security-Policy"]


@on_both
def test_logins_are_forgotten_a_month_after_their_end(li, clock):
    tokens = li.log_in()
    li.refresh(tokens["refresh_token"])
    clock.advance(days=31)
    sweep(li.gateway)
    with li.gateway.db.read() as tx:
        for table in ("operator_session", "operator_code", "operator_refresh_token"):
            assert tx.execute(text(f"SELECT count(*) FROM {table}")).scalar_one() == 0
