"""Joining a team: by a link that works once, for one address, for three days."""

from __future__ import annotations

import json
from html import unescape
from urllib.parse import urlsplit

import pytest
from sqlalchemy import text

from gateway.errors import MessagesUnavailable
from gateway.process.worker import drain_outbox
from gateway.team.invitations import LIFE
from tests.by_force import by_force
from tests.one_database import database_url  # noqa: F401

WANTED = {"email": "Li@Shop.example", "name": "李四", "role": "finance"}
CHOSEN = "a password of one's own"


@pytest.fixture
def owner(portal):
    return portal.tokens()["access_token"]


@pytest.fixture
def mailbox(app):
    """What the simulator of messages has sent: link by invitation."""
    file = app.extensions["fenqi"].settings.data_dir / "test-messages.jsonl"
    return lambda: {line["reference"]: line["url"] for line in map(json.loads, file.read_text().splitlines())}


@pytest.fixture
def invite(app, owner, call, mailbox):
    """Invites somebody; returns the invitation, with the link that the invited person gets."""

    def send(**changes):
        answer = call(owner, "POST", "/v1/team", {**WANTED, **changes})
        assert answer.status_code == 201, answer.text
        drain_outbox(app.extensions["fenqi"])
        return {**answer.json, "link": mailbox()[answer.json["id"]]}

    return send


@pytest.fixture
def guest(app):
    """Somebody with the link: opens it, and sends its form."""
    browser = app.test_client()

    class Guest:
        def open(self, url):
            parts = urlsplit(url)
            return browser.get(f"{parts.path}?{parts.query}")

        def join(self, url, *, headers=None, **changes):
            token = url.partition("token=")[2]
            data = {"token": token, "password": CHOSEN, "again": CHOSEN, **changes}
            return browser.post("/account/invitation", data=data, headers=headers or {})

    return Guest()


def stored(app, *tables):
    """Every column of every row of some tables, as text."""
    with app.extensions["fenqi"].db.read() as tx:
        rows = [row for table in tables for row in tx.execute(text(f"SELECT * FROM {table}")).mappings()]
    return "\n".join(", ".join(f"{name}={value}" for name, value in row.items()) for row in rows)


def log_in(portal, email, password=CHOSEN):
    return 'name="continue"' in portal.log_in(password, email).text


def test_an_invitation_leads_to_a_login_with_its_role(app, portal, owner, call, invite, guest):
    invitation = invite()
    assert (invitation["email"], invitation["role"]) == ("li@shop.example", "finance")
    page = guest.open(invitation["link"])
    assert page.status_code == 200
    assert "li@shop.example" in page.text
    assert page.headers["Cache-Control"] == "no-store"
    assert page.headers["Referrer-Policy"] in (
        "no-referrer",
        "same-origin",
        "strict-origin-when-cross-origin",
    )
    assert guest.join(invitation["link"]).status_code == 200
    new = type(portal)(app.test_client(), portal.client_id, "li@shop.example", CHOSEN)
    token = new.exchange(new.returned(new.carry_on(new.log_in(CHOSEN)))["code"]).json["access_token"]
    assert new.me(token).json["role"] == "finance"
    assert {one["email"]: one["role"] for one in call(owner, "GET", "/v1/team").json["data"]}[
        "li@shop.example"
    ] == "finance"
    assert call(owner, "GET", "/v1/team/invitations").json["data"] == []


def test_a_link_works_once(portal, invite, guest):
    url = invite()["link"]
    assert guest.join(url).status_code == 200
    assert guest.join(url, password="another password!!", again="another password!!").status_code == 410
    assert guest.open(url).status_code == 410
    assert log_in(portal, "li@shop.example")
    assert not log_in(portal, "li@shop.example", "another password!!")


def test_a_link_works_for_three_days(clock, owner, call, portal, invite, guest):
    url = invite()["link"]
    clock.advance(seconds=LIFE.total_seconds() - 1)
    assert guest.open(url).status_code == 200
    clock.advance(seconds=1)
    assert guest.open(url).status_code == 410
    assert guest.join(url).status_code == 410
    assert call(portal.tokens()["access_token"], "GET", "/v1/team/invitations").json["data"] == []


def test_a_link_is_for_the_address_it_was_made_for(portal, invite, guest):
    sent = {"email": "mallory@evil.example", "username": "mallory@evil.example", "role": "owner", "name": "M"}
    assert guest.join(invite()["link"], **sent).status_code == 200
    assert log_in(portal, "li@shop.example")
    assert not log_in(portal, "mallory@evil.example")


def test_a_second_invitation_replaces_the_first(invite, guest):
    first, second = invite()["link"], invite(role="viewer")["link"]
    assert guest.join(first).status_code == 410
    assert guest.join(second).status_code == 200


def test_an_invitation_is_withdrawn_once_and_by_its_own_team(app, owner, call, invite, guest, new_merchant):
    invitation = invite()
    path = f"/v1/team/invitations/{invitation['id']}"
    (waiting,) = call(owner, "GET", "/v1/team/invitations").json["data"]
    assert (waiting["id"], waiting["sent"]) == (invitation["id"], True)
    foreign = new_merchant()
    assert foreign.call("DELETE", path, {}).status_code == 403
    assert call(owner, "DELETE", path, {}).json["deleted"] is True
    assert call(owner, "DELETE", path, {}).status_code == 404
    assert guest.join(invitation["link"]).status_code == 410


def test_an_address_that_has_a_login_is_not_invited(owner, call, portal):
    answer = call(owner, "POST", "/v1/team", {**WANTED, "email": portal.email.upper()})
    assert (answer.status_code, answer.json["code"]) == (409, "conflict")


def test_an_address_that_got_a_login_meanwhile_is_told_so(invite, guest, new_merchant, app, make_portal):
    url = invite()["link"]
    make_portal("viewer", "li@shop.example")
    answer = guest.join(url)
    assert answer.status_code == 409
    assert "此邮箱已有登录账号" in answer.text


def test_what_does_not_fit_joins_nobody(invite, guest):
    url = invite()["link"]
    for changes, status in (
        ({"password": "password2026!", "again": "password2026!"}, 422),
        ({"password": "short", "again": "short"}, 422),
        ({"password": "x" * 129, "again": "x" * 129}, 422),
        ({"again": "another password"}, 422),
        ({"token": "unknown"}, 410),
        ({"token": ""}, 410),
    ):
        assert guest.join(url, **changes).status_code == status
    assert guest.open(url).status_code == 200, "the link still works"


def test_a_form_that_another_site_sends_joins_nobody(invite, guest):
    url = invite()["link"]
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        assert guest.join(url, headers=headers).status_code == 400
    assert guest.open(url).status_code == 200


def test_a_merchants_name_is_text(app, invite, guest):
    app.extensions["fenqi"].db.write(
        lambda tx: by_force(tx.connection(), "UPDATE merchant SET name = '<b>x</b>'")
    )
    page = guest.open(invite()["link"])
    assert "<b>x</b>" not in page.text
    assert "<b>x</b>" in unescape(page.text)


def test_the_link_leaves_by_the_outbox_once_and_is_sealed_until_then(app, owner, call):
    sent = []

    class Notifier:
        def check(self, mode):
            pass

        def send_invitation(self, mode, email, url, *, reference):
            sent.append((mode, email, url, reference))
            if len(sent) == 1:
                raise MessagesUnavailable("the answer was lost")

    gateway = app.extensions["fenqi"]
    gateway.ports.notifier = Notifier()
    invitation = call(owner, "POST", "/v1/team", WANTED).json
    assert invitation["sent"] is False
    assert sent == []
    waiting = stored(app, "outbox", "invitation")
    drain_outbox(gateway)
    assert stored(app, "invitation").count("message_sealed=None") == 0
    gateway.clock.advance(seconds=60)
    drain_outbox(gateway)
    drain_outbox(gateway)
    link = sent[0][2]
    assert sent == [("test", "li@shop.example", link, invitation["id"])] * 2
    assert link.partition("token=")[2] not in waiting
    assert stored(app, "invitation").count("message_sealed=None") == 1
    (listed,) = call(owner, "GET", "/v1/team/invitations").json["data"]
    assert listed["sent"] is True


def test_an_invitation_that_was_withdrawn_is_not_sent(app, owner, call):
    gateway = app.extensions["fenqi"]
    gateway.ports.notifier = Refusing()
    invitation = call(owner, "POST", "/v1/team", WANTED).json
    assert call(owner, "DELETE", f"/v1/team/invitations/{invitation['id']}").status_code == 200
    drain_outbox(gateway)
    assert "last_error=None" in stored(app, "outbox")
    assert "message_sealed=None" in stored(app, "invitation")


class Refusing:
    def check(self, mode):
        pass

    def send_invitation(self, mode, email, url, *, reference):
        raise AssertionError("a useless link was sent")


def test_where_nothing_can_be_sent_nobody_is_invited(app, owner, call):
    class Mute:
        def check(self, mode):
            raise MessagesUnavailable("no message service")

    app.extensions["fenqi"].ports.notifier = Mute()
    answer = call(owner, "POST", "/v1/team", WANTED)
    assert (answer.status_code, answer.json["code"]) == (503, "messages_unavailable")
    assert stored(app, "outbox", "invitation") == ""


def test_who_invites_never_sees_the_link(app, owner, call, mailbox, caplog):
    caplog.set_level("DEBUG", logger="gateway")
    answers = [call(owner, "POST", "/v1/team", WANTED, **{"Idempotency-Key": key}) for key in ("k", "k", "l")]
    assert answers[0].json == answers[1].json
    drain_outbox(app.extensions["fenqi"])
    answers += [call(owner, "GET", path) for path in ("/v1/team/invitations", "/v1/team", "/v1/audit")]
    links = mailbox()
    assert set(links) == {answers[2].json["id"]}, "the first was replaced before it left"
    told = "\n".join([*(answer.text for answer in answers), caplog.text])
    kept = stored(app, "invitation", "idempotent_answer", "outbox", "audit_entry", "event")
    for link in links.values():
        token = link.partition("token=")[2]
        assert len(token) > 40
        assert token not in told
        assert token not in kept
    assert "token=" not in told
    file = app.extensions["fenqi"].settings.data_dir / "test-messages.jsonl"
    assert file.stat().st_mode & 0o077 == 0


def test_a_bad_invitation_names_the_field(owner, call):
    for param, value in (
        ("email", "nobody"),
        ("email", "a b@c.example"),
        ("email", "x@" + "y" * 300),
        ("name", " "),
        ("role", "king"),
    ):
        answer = call(owner, "POST", "/v1/team", {**WANTED, param: value})
        assert answer.status_code == 422
        assert answer.json["errors"][0]["param"] == param
