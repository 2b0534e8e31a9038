"""Second factors: what they ask, what they refuse, and what they leave behind."""

from __future__ import annotations

import json
from datetime import timedelta

import pyotp
import pytest
from oauth_fixtures import PASSWORD
from sqlalchemy import text

from gateway.audit.service import Actor
from gateway.errors import NotFound
from gateway.team import commands
from tests.gateway.team.conftest import Account, second
from tests.one_database import database_url  # noqa: F401


def test_a_password_alone_is_not_enough_once_an_app_is_set_up(portal, account, clock):
    secret, _ = account.enrol_app(clock)
    clock.advance(seconds=60)
    page = portal.log_in()
    assert 'name="code"' in page.text
    assert 'name="continue"' not in page.text
    page = second(portal, page, pyotp.TOTP(secret).at(clock.now))
    code = portal.returned(portal.carry_on(page))["code"]
    assert portal.exchange(code).status_code == 200


def test_a_code_is_taken_once_and_only_near_its_time(portal, account, clock):
    secret, _ = account.enrol_app(clock)
    app = pyotp.TOTP(secret)
    assert second(portal, portal.log_in(), app.at(clock.now)).status_code == 422  # enrolment has used it
    clock.advance(seconds=30)
    right = app.at(clock.now)
    assert second(portal, portal.log_in(), right).status_code == 200
    assert second(portal, portal.log_in(), right).status_code == 422
    clock.advance(seconds=90)
    assert second(portal, portal.log_in(), app.at(clock.now - timedelta(seconds=60))).status_code == 422
    assert second(portal, portal.log_in(), app.at(clock.now + timedelta(seconds=30))).status_code == 200


def test_codes_are_guessed_five_times_only(portal, account, clock):
    secret, _ = account.enrol_app(clock)
    clock.advance(seconds=30)
    page = portal.log_in()
    answers = [second(portal, page, f"{n:06d}").status_code for n in range(5)]
    assert answers == [422] * 5
    right = pyotp.TOTP(secret).at(clock.now)
    assert second(portal, page, right).status_code == 429
    clock.advance(minutes=15)
    assert second(portal, portal.log_in(), pyotp.TOTP(secret).at(clock.now)).status_code == 200


def test_the_second_page_cannot_be_stepped_over(portal, account, clock):
    account.enrol_app(clock)
    form = portal.form(portal.log_in())
    answer = portal.client.post(form["action"], data={"form": form["form"], "continue": "yes"})
    assert (answer.status_code, "Location" in answer.headers) == (400, False)


def test_a_recovery_code_works_once(portal, account, clock):
    _, codes = account.enrol_app(clock)
    assert second(portal, portal.log_in(), codes[0].upper()).status_code == 200
    assert second(portal, portal.log_in(), codes[0]).status_code == 422
    assert second(portal, portal.log_in(), codes[1].replace("-", " ")).status_code == 200


def test_another_persons_recovery_code_is_worthless(portal, make_portal, account, clock):
    _, codes = account.enrol_app(clock)
    other = make_portal("viewer", "li@shop.example")
    other.tokens()
    Account(other).enrol_app(clock)
    assert second(other, other.log_in(), codes[0]).status_code == 422


def test_what_is_stored_opens_no_door(app, account, clock):
    secret, codes = account.enrol_app(clock)
    with app.extensions["fenqi"].db.read() as tx:
        kept = [
            str(row)
            for table in ("authenticator", "recovery_code", "login_session", "team_member")
            for row in tx.execute(text(f"SELECT * FROM {table}"))
        ]
    everything = "\n".join(kept)
    assert secret not in everything
    assert not [code for code in codes if code in everything or code.replace("-", "") in everything]
    assert PASSWORD not in everything


def test_an_app_that_was_only_begun_counts_for_nothing(portal, account):
    account.do("app_begin")
    assert 'name="continue"' in portal.log_in().text


def test_the_first_factor_ends_the_other_sessions(app, portal, account, clock):
    other = type(portal)(app.test_client(), portal.client_id, portal.email)
    token = other.tokens()["access_token"]
    account.enrol_app(clock)
    clock.advance(seconds=2)
    assert other.me(token).status_code == 401


def test_the_account_page_wants_a_login_of_the_last_five_minutes(portal, account, clock):
    page = account.open()
    assert page.status_code == 200
    clock.advance(minutes=5, seconds=1)
    assert account.open().status_code == 401
    assert account.do("app_begin", page).status_code == 401
    assert portal.client.application.test_client().get("/account/security").status_code == 401


def test_an_account_form_of_another_site_or_session_is_refused(portal, account, clock):
    page = account.open()
    data = {"form": "x", "do": "app_begin"}
    foreign = {"Sec-Fetch-Site": "cross-site"}
    assert portal.client.post("/account/security", data=data, headers=foreign).status_code == 400
    assert portal.client.post("/account/security", data=data).status_code == 400
    clock.advance(seconds=1)
    portal.tokens()
    assert account.do("app_begin", page).status_code == 400


def test_an_operator_helps_who_lost_every_factor(app, portal, account, clock, capsys):
    account.enrol_app(clock)
    here = app.extensions["fenqi"]
    assert commands.reset_factors(here.db, Actor("operator", "ming"), portal.email.upper()) == 0
    assert json.loads(capsys.readouterr().out)["role"] == "owner"
    assert 'name="continue"' in portal.log_in().text
    with here.db.read() as tx:
        assert tx.execute(text("SELECT action FROM audit_entry ORDER BY number DESC")).scalar() == (
            "member.reset_factors"
        )
    with pytest.raises(NotFound):
        commands.reset_factors(here.db, Actor("operator", "ming"), "nobody@shop.example")
