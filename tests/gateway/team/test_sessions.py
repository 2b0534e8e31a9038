"""Sessions and the team: what ends a login, what stays, and that a team keeps an owner."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pyotp
import pytest
from sqlalchemy import text

from gateway.data_requests import retention
from gateway.process.worker import drain_outbox
from tests.gateway.team.conftest import Account, ended, second
from tests.one_database import database_url, on_both  # noqa: F401


@pytest.fixture
def owner(portal):
    return portal.tokens()["access_token"]


@pytest.fixture
def colleague(make_portal):
    """A second person of the team, before the login."""
    return make_portal("finance", "li@shop.example")


@pytest.fixture
def person(portal, call):
    """The identifier of whoever a token belongs to."""
    return lambda token: call(token, "GET", "/v1/account").json["member"]


def test_another_role_ends_the_sessions_and_holds_from_the_next_login(owner, colleague, call, person, clock):
    tokens = colleague.tokens()
    path = f"/v1/team/{person(tokens['access_token'])}"
    assert call(owner, "PATCH", path, {"role": "finance"}).status_code == 200
    assert colleague.me(tokens["access_token"]).status_code == 200, "the same role changes nothing"
    assert call(owner, "PATCH", path, {"role": "viewer"}).json["role"] == "viewer"
    assert ended(colleague, tokens, clock)
    again = colleague.tokens()["access_token"]
    assert colleague.me(again).json["role"] == "viewer"
    answer = call(again, "POST", "/v1/refunds", {}, **{"Idempotency-Key": "k"})
    assert answer.json["code"] == "insufficient_role"


def test_a_code_from_before_the_change_brings_no_token(owner, colleague, call, person):
    member = person(colleague.tokens()["access_token"])
    code = colleague.code()
    call(owner, "PATCH", f"/v1/team/{member}", {"role": "viewer"})
    answer = colleague.exchange(code)
    assert (answer.status_code, answer.json["error"]) == (400, "invalid_grant")


def test_who_is_removed_is_out_everywhere(app, owner, colleague, call, person, clock):
    tokens = colleague.tokens()
    account = Account(colleague)
    account.enrol_app(clock)
    other = type(colleague)(app.test_client(), colleague.client_id, colleague.email)
    form = colleague.form(other.log_in())
    member = person(tokens["access_token"])
    assert call(owner, "DELETE", f"/v1/team/{member}", {}).json["deleted"] is True
    assert ended(colleague, tokens, clock)
    assert account.open().status_code == 401
    assert colleague.log_in().status_code == 422
    sent = {"form": form["form"], "second": "code", "code": "123456"}
    assert other.client.post(form["action"], data=sent).status_code in (404, 422)
    assert call(owner, "DELETE", f"/v1/team/{member}", {}).status_code == 404
    assert [one["email"] for one in call(owner, "GET", "/v1/team").json["data"] if one["id"] == member] == []
    with app.extensions["fenqi"].db.read() as tx:
        row = tx.execute(text("SELECT * FROM team_member WHERE id = :id"), {"id": member}).one()
        factors = tx.execute(
            text("SELECT (SELECT count(*) FROM authenticator) + (SELECT count(*) FROM recovery_code)")
        ).scalar()
    assert "li@shop.example" not in str(row)
    assert factors == 0


def test_the_address_of_who_was_removed_is_free_again(owner, colleague, call, person):
    member = person(colleague.tokens()["access_token"])
    call(owner, "DELETE", f"/v1/team/{member}", {})
    answer = call(owner, "POST", "/v1/team", {"email": "li@shop.example", "name": "Li", "role": "viewer"})
    assert answer.status_code == 201


def test_the_last_owner_stays(app, api, portal, owner, call, person):
    me = person(owner)
    (founder,) = [one["id"] for one in call(owner, "GET", "/v1/team").json["data"] if one["id"] != me]
    assert call(owner, "DELETE", f"/v1/team/{founder}", {}).status_code == 200
    for answer in (
        call(owner, "PATCH", f"/v1/team/{me}", {"role": "viewer"}),
        call(owner, "DELETE", f"/v1/team/{me}", {}),
    ):
        assert (answer.status_code, answer.json["code"]) == (409, "last_owner")
    assert portal.me(owner).json["role"] == "owner"


@on_both
def test_two_owners_who_demote_each_other_at_once_leave_one(app, portal, owner, call, person):
    me = person(owner)
    (founder,) = [one["id"] for one in call(owner, "GET", "/v1/team").json["data"] if one["id"] != me]

    def demote(member):
        return call(owner, "PATCH", f"/v1/team/{member}", {"role": "viewer"}).status_code

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(demote, (me, founder))) == [200, 409]


def test_every_login_is_a_session_of_its_own(portal, call, owner):
    other = portal.tokens()["access_token"]
    shown = call(other, "GET", "/v1/account/sessions").json["data"]
    assert [one["current"] for one in shown] == [True, False]
    assert {tuple(one["methods"]) for one in shown} == {("pwd",)}
    cookies = {portal.client.get_cookie("fenqi_account").value for _ in [portal.tokens(), portal.tokens()]}
    assert len(cookies) == 1
    before = cookies.pop()
    portal.tokens()
    assert portal.client.get_cookie("fenqi_account").value != before, "each login makes a new cookie"


def test_a_session_is_ended_from_another_device(portal, colleague, owner, call, clock):
    tokens = portal.tokens()
    theirs = colleague.tokens()["access_token"]
    (here,) = [
        one["id"]
        for one in call(tokens["access_token"], "GET", "/v1/account/sessions").json["data"]
        if one["current"]
    ]
    assert call(theirs, "DELETE", f"/v1/account/sessions/{here}", {}).status_code == 404
    assert call(owner, "DELETE", f"/v1/account/sessions/{here}", {}).status_code == 200
    assert ended(portal, tokens, clock)
    assert portal.me(owner).status_code == 200


def test_nobody_of_another_merchant_is_seen_or_touched(app, owner, call, new_merchant):
    foreign = new_merchant()
    with app.extensions["fenqi"].db.read() as tx:
        query = text("SELECT id FROM team_member WHERE merchant_id = :merchant")
        (stranger,) = tx.execute(query, {"merchant": foreign.get("/v1/me").json["merchant"]}).one()
    assert stranger not in call(owner, "GET", "/v1/team").text
    assert call(owner, "PATCH", f"/v1/team/{stranger}", {"role": "viewer"}).status_code == 404
    assert call(owner, "DELETE", f"/v1/team/{stranger}", {}).status_code == 404


def test_what_people_do_stands_in_the_audit_log(owner, colleague, call):
    call(owner, "POST", "/v1/team", {"email": "hm@shop.example", "name": "李雷", "role": "viewer"})
    entries = call(owner, "GET", "/v1/audit_entries").json["data"]
    assert entries[0]["action"] == "invite_to_team"
    assert {"amr": ["pwd"]} in [entry["facts"] for entry in entries if entry["action"] == "login"]
    assert "hm@shop.example" not in str(entries)


def test_old_sessions_and_invitations_are_forgotten(app, portal, owner, call, clock):
    call(owner, "POST", "/v1/team", {"email": "hm@shop.example", "name": "李雷", "role": "viewer"})
    here = app.extensions["fenqi"]

    def kept() -> list[int]:
        with here.db.read() as tx:
            return [
                tx.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()
                for table in ("invitation", "login_session")
            ]

    assert kept()[0] == 1
    clock.advance(hours=73)
    retention.sweep(here)
    assert kept()[0] == 0
    assert kept()[1] > 0
    clock.advance(days=31)
    retention.sweep(here)
    assert kept() == [0, 0]


@on_both
def test_a_code_a_recovery_code_and_an_invitation_are_taken_once_by_parallel_requests(
    app, portal, owner, call, clock
):
    secret, codes = Account(portal).enrol_app(clock)
    clock.advance(seconds=30)
    browsers = [type(portal)(app.test_client(), portal.client_id, portal.email) for _ in range(4)]
    for code in (pyotp.TOTP(secret).at(clock.now), codes[0]):
        pages = [browser.log_in() for browser in browsers]
        with ThreadPoolExecutor(4) as pool:
            answers = list(
                pool.map(lambda two, code=code: second(*two, code), zip(browsers, pages, strict=True))  # type: ignore[call-arg]
            )
        assert sum('name="continue"' in answer.text for answer in answers) == 1
        clock.advance(minutes=16)
    fresh = second(portal, portal.log_in(), codes[1])
    token = portal.exchange(portal.returned(portal.carry_on(fresh))["code"]).json["access_token"]
    wanted = {"email": "li@shop.example", "name": "Li", "role": "viewer"}
    assert call(token, "POST", "/v1/team", wanted).status_code == 201
    gateway = app.extensions["fenqi"]
    drain_outbox(gateway)
    link = (
        (gateway.settings.data_dir / "test-messages.jsonl")
        .read_text()
        .partition("token=")[2]
        .partition('"')[0]
    )
    data = {"token": link, "password": "a long password", "again": "a long password"}
    with ThreadPoolExecutor(4) as pool:
        statuses = list(
            pool.map(lambda _: app.test_client().post("/account/invitation", data=data).status_code, range(4))
        )
    assert sorted(statuses) == [200, 410, 410, 410]
