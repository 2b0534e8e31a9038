"""The team: who is invited joins once, who leaves is out at once, and there is always an owner."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

import pytest

NEW = {"email": "li@shop.example", "name": "李雷", "role": "finance"}
PASSWORD = "a long enough sentence"


@pytest.fixture
def owner(portal: Any, call: Any) -> Any:
    """Calls as an owner who has just logged in."""
    token = portal.tokens()["access_token"]
    return lambda method, path, body=None, **headers: call(token, method, path, body, **headers)


def accept(app: Any, url: str, password: str = PASSWORD, again: str | None = None) -> Any:
    """Open an invitation in a browser of one's own and choose a password."""
    browser, parts = app.test_client(), urlsplit(url)
    page = browser.get(f"{parts.path}?{parts.query}")
    if page.status_code != 200:
        return page
    token = re.search(r'name="token" value="([^"]+)"', page.text)
    assert token, page.text
    data = {"token": token[1], "password": password, "again": password if again is None else again}
    return browser.post(parts.path, data=data)


def test_somebody_is_invited_joins_and_logs_in(app, owner, make_portal, call):
    made = owner("POST", "/v1/team", NEW)
    assert made.status_code == 201, made.text
    assert (made.json["email"], made.json["role"]) == (NEW["email"], "finance")
    assert [row["email"] for row in owner("GET", "/v1/team/invitations").json["data"]] == [NEW["email"]]
    assert owner("GET", "/v1/team/invitations").json["data"][0]["url"] is None, "a link is shown once"
    joined = accept(app, made.json["url"])
    assert joined.status_code == 200
    assert NEW["email"] in joined.text
    assert owner("GET", "/v1/team/invitations").json["data"] == []
    team = owner("GET", "/v1/team").json["data"]
    assert [(row["email"], row["role"], row["second_factor"]) for row in team][-1] == (
        NEW["email"],
        "finance",
        False,
    )
    colleague = make_portal("viewer", "other@shop.example")
    token = colleague.exchange(
        colleague.returned(colleague.carry_on(colleague.log_in(PASSWORD, NEW["email"])))["code"]
    ).json["access_token"]
    assert call(token, "GET", "/v1/account").json["role"] == "finance"


def test_an_invitation_works_once_for_three_days_and_one_at_a_time(app, owner, clock):
    first = owner("POST", "/v1/team", NEW).json
    second = owner("POST", "/v1/team", NEW).json
    assert accept(app, first["url"]).status_code == 410, "a newer one replaces it"
    assert accept(app, second["url"], again="something else").status_code == 422
    assert accept(app, second["url"], password="short").status_code == 422
    assert accept(app, second["url"]).status_code == 200
    assert accept(app, second["url"]).status_code == 410
    third = owner("POST", "/v1/team", {**NEW, "email": "hm@shop.example"}).json
    clock.advance(hours=72, seconds=1)
    assert accept(app, third["url"]).status_code == 410


def test_an_invitation_can_be_withdrawn(app, owner):
    made = owner("POST", "/v1/team", NEW).json
    assert owner("DELETE", f"/v1/team/invitations/{made['id']}").status_code == 200
    assert accept(app, made["url"]).status_code == 410
    assert owner("DELETE", f"/v1/team/invitations/{made['id']}").status_code == 404


def test_an_answer_to_the_same_key_shows_the_same_link_and_invites_once(owner):
    key = {"Idempotency-Key": "invite-1"}
    first, again = (owner("POST", "/v1/team", NEW, **key) for _ in range(2))
    assert first.json == again.json
    assert again.headers["Idempotent-Replayed"] == "true"
    assert len(owner("GET", "/v1/team/invitations").json["data"]) == 1


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"email": "no address"}, "email"),
        ({"name": " "}, "name"),
        ({"role": "king"}, "role"),
        ({"email": "a@b\u0000.example"}, "email"),
    ],
)
def test_who_is_invited_is_checked_by_name(owner, change, param):
    answer = owner("POST", "/v1/team", {**NEW, **change})
    assert answer.status_code == 422, answer.text
    assert answer.json["errors"][0]["param"] == param


def test_an_address_with_a_login_is_not_invited(owner, portal):
    answer = owner("POST", "/v1/team", {**NEW, "email": portal.email})
    assert (answer.status_code, answer.json["param"]) == (409, "email")


def test_who_is_removed_or_given_another_role_is_out_at_once(owner, make_portal, call, clock):
    for change in ("role", "remove"):
        person = make_portal("operations", f"{change}@shop.example")
        tokens = person.tokens()
        me = call(tokens["access_token"], "GET", "/v1/account").json["member"]
        method, body = ("PATCH", {"role": "viewer"}) if change == "role" else ("DELETE", None)
        assert owner(method, f"/v1/team/{me}", body).status_code == 200
        clock.advance(seconds=2)
        assert person.me(tokens["access_token"]).status_code == 401
        assert person.refresh(tokens["refresh_token"]).status_code == 400
        assert person.log_in().status_code == (200 if change == "role" else 422)
    assert "remove@shop.example" not in owner("GET", "/v1/team").text


def test_a_team_keeps_an_owner(owner, make_portal, call):
    me = owner("GET", "/v1/account").json["member"]
    for other in owner("GET", "/v1/team").json["data"]:
        if other["id"] != me:
            assert owner("DELETE", f"/v1/team/{other['id']}").status_code == 200
    for method, body in (("PATCH", {"role": "viewer"}), ("DELETE", None)):
        answer = owner(method, f"/v1/team/{me}", body)
        assert (answer.status_code, answer.json["code"]) == (409, "last_owner")
    second = make_portal("owner", "second@shop.example").tokens()["access_token"]
    assert call(second, "DELETE", f"/v1/team/{me}").status_code == 200


def test_a_merchants_server_has_no_account_and_no_team(api):
    for path in ("/v1/account", "/v1/team"):
        assert api.get(path).status_code == 403


def test_what_people_do_stands_in_the_audit_log(app, owner, portal, api):
    made = owner("POST", "/v1/team", NEW).json
    accept(app, made["url"])
    entries = owner("GET", "/v1/audit_entries").json["data"]
    actions = [entry["action"] for entry in entries]
    assert {"login", "invite_to_team", "team.join"} <= set(actions)
    login = next(entry for entry in entries if entry["action"] == "login")
    assert login["facts"] == {"amr": ["pwd"]}
    assert NEW["email"] not in str(entries)
