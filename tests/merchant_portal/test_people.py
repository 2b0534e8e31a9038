"""The portal's pages of people: the team, one's own security, and the way through a login for what needs one."""

from __future__ import annotations

import re
from html import unescape
from urllib.parse import urlsplit

import pytest

from gateway.process.worker import drain_outbox
from merchant_portal.devices import device_name
from tests.one_database import database_url  # noqa: F401

PERSON = {"email": "li@shop.example", "name": "李四", "role": "finance"}


def csrf(page):
    found = re.search(r'name="csrf" value="([^"]+)"', page.text)
    assert found
    return found[1]


@pytest.fixture
def act(desk):
    """Send a form of a page with the session's token."""

    def send(path, page="/team", **fields):
        return desk.post(path, data={"csrf": csrf(desk.get(page)), **fields})

    return send


@pytest.fixture
def joined(person, act):
    """A colleague who was invited on the page and has joined."""
    act("/team", **PERSON)
    gateway = person.gateway.application.extensions["fenqi"]
    drain_outbox(gateway)
    message = (gateway.settings.data_dir / "test-messages.jsonl").read_text()
    token = message.partition("token=")[2].partition('"')[0]
    chosen = "a password of one's own"
    answer = person.gateway.post(
        "/account/invitation", data={"token": token, "password": chosen, "again": chosen}
    )
    assert answer.status_code == 200
    return {"portal_email": PERSON["email"], "portal_password": chosen}


def member(desk, name):
    found = re.search(rf">{name}</td>.*?/team/(mem_\w+)/remove", desk.get("/team").text, re.S)
    assert found
    return found[1]


def test_nobody_sees_them_without_a_login(person):
    for path in ("/team", "/security", "/security/confirm", "/security/renewed", "/team/mem_x/remove"):
        assert person.portal.get(path).status_code == 401


@pytest.mark.parametrize("path", ["/team", "/security"])
def test_they_are_complete_in_english(desk, path):
    page = desk.get(f"{path}?lang=en")
    assert page.status_code == 200
    shown = re.sub(r"商户\d+|中文", "", page.text)
    assert not [char for char in shown if "一" <= char <= "鿿"]


def test_an_owner_invites_changes_and_removes(desk, act, joined):
    page = desk.get("/team").text
    assert "li@shop.example" in page
    path = f"/team/{member(desk, '李四')}"
    assert act(f"{path}/role", role="viewer").status_code == 303
    assert re.search(
        r'value="viewer" selected.*?李四|李四.*?value="viewer" selected', desk.get("/team").text, re.S
    )
    asked = desk.get(f"{path}/remove")
    assert "li@shop.example" in asked.text
    assert "移出团队" in asked.text
    assert act(f"{path}/remove").status_code == 303
    assert "li@shop.example" not in desk.get("/team").text
    assert desk.get(f"{path}/remove").status_code == 404


def test_the_last_owner_is_told_why_in_the_pages_language(desk, act):
    page = desk.get("/team").text
    me = re.search(r"/team/(mem_\w+)/role", page)
    assert me
    answer = act(f"/team/{me[1]}/role", role="viewer")
    assert answer.status_code == 409
    assert "至少要有一位所有者" in answer.text


def test_an_invitation_shows_no_link_and_is_withdrawn(desk, act):
    page = act("/team", **PERSON).text
    assert "已邀请 li@shop.example" in page
    waiting = desk.get("/team").text
    assert "token=" not in page + waiting
    path = re.search(r"/team/invitations/inv_\w+/withdraw", waiting)
    assert path
    assert act(path[0]).status_code == 303
    assert "/withdraw" not in desk.get("/team").text


def test_what_is_wrong_with_an_invitation_is_said_beside_the_form(desk, act, api):
    answer = act("/team", **{**PERSON, "email": api.credentials["portal_email"]})
    assert answer.status_code == 409
    assert "已有登录账号" in answer.text
    answer = act("/team", **{**PERSON, "email": "nobody"})
    assert answer.status_code == 422
    assert 'value="nobody"' in answer.text


def test_a_colleague_sees_the_team_and_changes_nothing(person, desk, act, joined):
    desk.post("/logout", data={"csrf": csrf(desk.get("/"))})
    person.log_in(joined)
    page = desk.get("/team").text
    assert "li@shop.example" in page
    assert 'id="invite"' not in page
    assert "/role" not in page
    assert "/remove" not in page
    token = csrf(desk.get("/security"))
    answer = desk.post("/team", data={"csrf": token, **PERSON, "email": "x@y.example"})
    assert answer.status_code == 403
    assert "您的角色不能执行此操作" in answer.text


def test_no_form_is_taken_without_the_sessions_token(desk, person):
    rules = [rule for rule in person.portal.application.url_map.iter_rules() if "POST" in rule.methods]
    assert len(rules) >= 7
    for rule in rules:
        path = re.sub(r"<[^>]+>", "refund" if "payments" in rule.rule else "x", rule.rule)
        for sent in ({}, {"csrf": "forged"}):
            assert desk.post(path, data=sent).status_code == 403, path
    assert desk.get("/team").status_code == 200, "the logout was refused too"


def test_after_an_old_login_one_logs_in_and_comes_back_to_the_page(desk, person, api, act, clock):
    clock.advance(minutes=6)
    door = act("/team", **PERSON)
    assert door.status_code == 303
    assert "prompt=login" in door.location
    assert "max_age=300" in door.location
    back = through(person, door.location, api.credentials)
    assert urlsplit(back.location).path == "/team"
    assert "li@shop.example" not in desk.get("/team").text, "nothing happens by itself"
    assert act("/team", **PERSON).status_code == 200


def test_a_refund_after_an_old_login_is_asked_again(desk, person, api, clock):
    payment = api.captured()
    path = f"/payments/{payment['id']}/refund"
    page = desk.get(path)
    clock.advance(minutes=6)
    door = person.send(path, page.text)
    assert "max_age=300" in door.location
    back = through(person, door.location, api.credentials)
    assert urlsplit(back.location).path == path
    assert person.send(path, desk.get(path).text).status_code == 303
    assert api.get(f"/v1/payments/{payment['id']}").json["refunded_amount"] == 599_900


def test_a_step_up_ends_the_session_before_it(desk, person, api, act, clock):
    clock.advance(minutes=6)
    before = desk.get_cookie("fenqi_portal").value
    door = act("/team", **PERSON)
    through(person, door.location, api.credentials)
    after = desk.get_cookie("fenqi_portal").value
    assert desk.get("/security").text.count("<form") == 1 + 0, "one session is open, and it is this one"
    clock.advance(seconds=2)
    desk.set_cookie("fenqi_portal", before)
    assert desk.get("/security").status_code in (303, 401)
    desk.set_cookie("fenqi_portal", after)


def test_the_way_to_the_page_of_factors_and_back(desk, person, api, clock):
    there = desk.get("/security/confirm")
    assert there.location.startswith("http://gateway.test/account/security?lang=")
    page = person.gateway.get("/account/security")
    assert page.status_code == 200
    assert 'href="http://gateway.test/portal/security/renewed"' in page.text
    assert desk.get("/security/renewed").location.endswith("/security")
    assert desk.get("/security").status_code == 200
    clock.advance(minutes=6)
    assert "prompt=login" in desk.get("/security/confirm").location


def test_another_session_is_ended_on_the_page(desk, person, api, act):
    before = desk.get_cookie("fenqi_portal").value
    desk.delete_cookie("fenqi_portal")
    person.log_in(api.credentials)
    page = desk.get("/security").text
    path = re.search(r"/security/sessions/ses_\w+/end", page)
    assert path
    assert act(path[0], page="/security").status_code == 303
    assert "/end" not in desk.get("/security").text
    assert before


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537 Chrome/140 Safari/537 Edg/140", "Edge · Windows"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15) AppleWebKit/605 Safari/605", "Safari · macOS"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) CriOS/140 Safari/604", "Chrome · iPhone"),
        ("curl/8.5.0", "curl"),
        ("", "–"),
    ],
)
def test_a_device_is_named_as_its_owner_knows_it(said, shown):
    assert device_name(said) == shown


def test_a_session_that_is_idle_for_a_quarter_of_an_hour_ends(desk, clock):
    clock.advance(minutes=14, seconds=59)
    assert desk.get("/team").status_code == 200
    clock.advance(minutes=15, seconds=1)
    assert desk.get("/team").status_code == 401


def test_a_session_in_use_ends_after_twelve_hours(desk, clock):
    for _ in range(51):
        clock.advance(minutes=14)
        assert desk.get("/security").status_code == 200
    clock.advance(minutes=14)
    assert desk.get("/security").status_code == 401


def through(person, door, credentials):
    """Log in at the door and come back to the portal."""
    parts = urlsplit(door)
    page = person.gateway.get(f"{parts.path}?{parts.query}")
    for sent in (
        {"email": credentials["portal_email"], "password": credentials["portal_password"]},
        {"continue": "yes"},
    ):
        form = re.search(
            r'<form method="post" action="([^"]+)".*?name="form" value="([^"]+)"', page.text, re.S
        )
        assert form, page.text
        page = person.gateway.post(unescape(form[1]), data={"form": unescape(form[2]), **sent})
    parts = urlsplit(page.location)
    return person.portal.get(f"{parts.path}?{parts.query}".removeprefix("/portal"))
