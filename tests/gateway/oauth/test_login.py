"""The way of a person: login, the question who asks, and the code; and what is refused on that way."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from tests.one_database import database_url  # noqa: F401


def test_login_question_and_code_lead_to_a_token_of_the_person(portal, api):
    page = portal.log_in()
    assert page.status_code == 200
    assert "Location" not in page.headers
    me = api.get("/v1/me").json
    for words in (me["name"], "gateway.test", "wang@shop.example", "测试", "所有者"):
        assert words in page.text
    back = portal.returned(portal.carry_on(page))
    assert set(back) == {"code", "state", "iss"}
    assert (back["state"], back["iss"]) == ("xyz", "http://gateway.test")
    answer = portal.exchange(back["code"])
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert set(answer.json) == {"access_token", "token_type", "expires_in", "scope", "refresh_token"}
    assert answer.json["expires_in"] == 600
    seen = portal.me(answer.json["access_token"]).json
    assert (seen["merchant"], seen["mode"], seen["client_id"]) == (me["merchant"], "test", portal.client_id)
    assert "portal" in seen["scopes"]


def test_the_pages_are_in_two_languages_and_never_stored(portal):
    chinese, english = portal.client.get(portal.address()), portal.client.get(portal.address(lang="en"))
    assert ("登录商户后台" in chinese.text, 'lang="zh-CN"' in chinese.text) == (True, True)
    assert ("Log in to the merchant portal" in english.text, '<html lang="en"' in english.text) == (
        True,
        True,
    )
    for page in (chinese, english):
        assert page.headers["Cache-Control"] == "no-store"
        assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
        assert "http://gateway.test" in page.headers["Content-Security-Policy"]
    assert "Continue" in portal.log_in(lang="en").text


def test_who_does_not_continue_sends_no_code(portal):
    back = portal.returned(portal.carry_on(portal.log_in(), answer="no"))
    assert (back["error"], back["state"], back["iss"]) == ("access_denied", "xyz", "http://gateway.test")
    assert "code" not in back


def test_a_wrong_password_and_an_unknown_address_look_the_same(portal):
    wrong = portal.log_in("not the password")
    unknown = portal.log_in(portal.password, email="nobody@shop.example")
    assert (wrong.status_code, unknown.status_code) == (422, 422)
    for page in (wrong, unknown):
        assert "邮箱或密码不正确" in page.text
        assert 'role="alert"' in page.text
        assert "not the password" not in page.text


def test_an_address_is_found_in_any_case_and_with_spaces(portal):
    assert portal.log_in(email=" WANG@Shop.Example\u3000").status_code == 200


@pytest.mark.parametrize("email", ["a\0b@shop.example", "x" * 300 + "@shop.example", "é@shop.example", "'--"])
def test_strange_addresses_are_only_wrong(portal, email):
    assert portal.log_in(email=email).status_code == 422


def test_nothing_typed_is_said_and_not_counted(portal):
    for _ in range(7):
        page = portal.log_in(password="")
        assert (page.status_code, "请填写邮箱和密码" in page.text) == (422, True)
    assert portal.log_in().status_code == 200


def test_five_wrong_passwords_shut_the_door_for_a_quarter_of_an_hour(portal, clock):
    for _ in range(5):
        assert portal.log_in("not the password").status_code == 422
    shut = portal.log_in()
    assert shut.status_code == 429
    assert int(shut.headers["Retry-After"]) == 901
    clock.advance(minutes=14, seconds=59)
    assert portal.log_in().status_code == 429
    clock.advance(seconds=1)
    assert portal.log_in().status_code == 200


def test_unknown_addresses_are_limited_too_and_each_for_itself(portal):
    answers = [portal.log_in("wrong password", email="nobody@shop.example").status_code for _ in range(6)]
    assert answers == [422] * 5 + [429]
    assert portal.log_in().status_code == 200


def test_a_right_password_clears_the_count(portal):
    for _ in range(3):
        for _ in range(4):
            assert portal.log_in("not the password").status_code == 422
        assert portal.log_in().status_code == 200


def test_parallel_guesses_are_counted_before_they_are_looked_at(portal):
    form = portal.form(portal.client.get(portal.address()))
    data = {"form": form["form"], "email": portal.email, "password": "not the password"}

    def guess(_: int) -> int:
        return portal.tab().post(form["action"], data=data).status_code

    with ThreadPoolExecutor(12) as pool:
        answers = sorted(pool.map(guess, range(12)))
    assert answers == [422] * 5 + [429] * 7


def test_the_address_of_a_guess_is_not_kept(app, portal):
    portal.log_in("not the password", email="nobody@shop.example")
    with app.extensions["fenqi"].db.read() as tx:
        kept = tx.execute(text("SELECT email_lookup FROM login_attempt")).scalars().all()
    assert len(kept) == 1
    assert "nobody" not in kept[0]


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": 'é"'}, "unsupported_response_type"),
        ({"response_type": None}, "unsupported_response_type"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge": "a"}, "invalid_request"),
        ({"code_challenge": "a" * 44}, "invalid_request"),
        ({"code_challenge": "~" * 43}, "invalid_request"),
        ({"scope": "root"}, "invalid_scope"),
        ({"scope": "portal é"}, "invalid_scope"),
    ],
)
def test_what_is_wrong_with_a_request_is_told_to_the_client_by_name(portal, changes, error):
    back = portal.returned(portal.client.get(portal.address(**changes)))
    assert (back["error"], back["state"], back["iss"]) == (error, "xyz", "http://gateway.test")
    assert len(back["error_description"]) > 20


@pytest.mark.parametrize(
    "changes",
    [
        {"redirect_uri": None},
        {"redirect_uri": "http://gateway.test/portal/callback/"},
        {"redirect_uri": "http://gateway.test/portal/callback?x=1"},
        {"redirect_uri": "http://gateway.test/portal/callback#x"},
        {"redirect_uri": "http://GATEWAY.test/portal/callback"},
        {"redirect_uri": "http://gateway.test:80/portal/callback"},
        {"redirect_uri": "http://gateway.test@evil.example/portal/callback"},
        {"redirect_uri": "//evil.example"},
        {"redirect_uri": 'http://é"/\\'},
        {"redirect_uri": "http://gateway.test/portal/callback\0"},
        {"client_id": "ci_test_nobody"},
        {"client_id": 'é"'},
        {"client_id": None},
        {"state": "a\r\nSet-Cookie: x"},
    ],
)
def test_nobody_is_sent_to_an_address_that_is_not_registered(portal, changes):
    answer = portal.client.get(portal.address(**changes), headers={"Accept": "text/html"})
    assert (answer.status_code, answer.mimetype) == (400, "text/html")
    assert "Location" not in answer.headers
    assert "登录链接不可用" in answer.text


def test_a_repeated_parameter_is_refused(portal):
    answer = portal.client.get(portal.address() + "&state=again")
    assert answer.status_code == 400
    assert "Location" not in answer.headers


def test_a_merchants_server_cannot_send_people_here(portal, api):
    answer = portal.client.get(portal.address(client_id=api.credentials["client_id"]))
    assert answer.status_code == 400


def test_a_state_comes_back_as_it_was(portal):
    state = 'é"&code=x=1 +%41'
    assert portal.returned(portal.carry_on(portal.log_in(state=state)))["state"] == state


def test_a_form_of_another_request_is_stale(portal):
    form = portal.form(portal.client.get(portal.address(state="attacker")))["form"]
    data = {"form": form, "email": portal.email, "password": portal.password}
    page = portal.client.post(portal.address(), data=data)
    assert (page.status_code, "页面已过期" in page.text) == (400, True)
    assert portal.client.post(portal.address(), data={**data, "form": "é"}).status_code == 400
    assert portal.client.post(portal.address(), data={**data, "form": ""}).status_code == 400


def test_forms_age(portal, clock):
    form = portal.form(portal.client.get(portal.address()))
    data = {"form": form["form"], "email": portal.email, "password": portal.password}
    clock.advance(minutes=30, seconds=1)
    assert portal.client.post(form["action"], data=data).status_code == 400
    page = portal.log_in()
    clock.advance(minutes=5, seconds=1)
    assert portal.carry_on(page).status_code == 400


def test_the_password_cannot_be_stepped_over(portal):
    form = portal.form(portal.client.get(portal.address()))
    answer = portal.client.post(form["action"], data={"form": form["form"], "continue": "yes"})
    assert answer.status_code == 400
    assert "Location" not in answer.headers


def test_a_login_of_one_client_does_not_serve_another_request(portal):
    page = portal.log_in()
    form = portal.form(page)["form"]
    answer = portal.client.post(portal.address(state="other"), data={"form": form, "continue": "yes"})
    assert answer.status_code == 400


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "http://evil.example"},
        {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
    ],
)
def test_a_form_that_another_site_sends_is_refused(portal, headers):
    form = portal.form(portal.client.get(portal.address()))
    data = {"form": form["form"], "email": portal.email, "password": portal.password}
    assert portal.client.post(form["action"], data=data, headers=headers).status_code == 400
    own = {"Origin": "null", "Sec-Fetch-Site": "same-origin"}
    assert portal.client.post(form["action"], data=data, headers=own).status_code == 200


def test_a_form_is_taken_from_the_browser_only_that_it_was_shown_to(app, portal):
    """Else somebody's own login page, sent from a page of theirs, would log others in to their account."""
    form = portal.form(portal.client.get(portal.address()))
    data = {"form": form["form"], "email": portal.email, "password": portal.password}
    victim = app.test_client()
    for cookies, words in ((False, "Cookie"), (True, "页面已过期")):
        if cookies:
            victim.get(portal.address())
        refused = victim.post(form["action"], data=data)
        assert (refused.status_code, words in refused.text) == (400, True)
    question = portal.form(portal.client.post(form["action"], data=data))
    stolen = victim.post(question["action"], data={"form": question["form"], "continue": "yes"})
    assert stolen.status_code == 400
    cookie = portal.client.get_cookie("fenqi_login")
    assert (cookie.http_only, cookie.same_site, cookie.path) == (True, "Lax", "/")
    tab = portal.form(portal.client.get(portal.address()))
    assert portal.client.get_cookie("fenqi_login").value == cookie.value, (
        "a second tab does not end the first"
    )
    assert portal.client.post(form["action"], data=data).status_code == 200
    assert tab


def test_a_role_limits_the_token_and_the_answer_says_so(make_portal, api):
    viewer = make_portal("viewer", "li@shop.example").tokens()
    assert viewer["scope"] == "checkouts:read payments:read settlements:read events:read portal"
    api.token = viewer["access_token"]
    refused = api.post("/v1/checkouts", api.order())
    assert (refused.status_code, refused.json["code"]) == (403, "insufficient_role")
    assert refused.json["roles"] == ["owner", "operations"]
    assert api.get("/v1/payments").status_code == 200
    changed = {"accounts": {"bank": {"code": "100201", "name": "招商银行"}}}
    headers = {"Authorization": f"Bearer {api.token}"}
    refused = api.client.patch("/v1/voucher_accounts", json=changed, headers=headers)
    assert (refused.status_code, refused.json["roles"]) == (403, ["owner", "finance"])
    assert api.get("/v1/voucher_accounts").status_code == 200
