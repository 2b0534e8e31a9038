"""Each refusal leaves one event: a line of JSON without secrets, and a count. A route that is new is in this, too."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import quote

import pytest
from oauth_fixtures import REDIRECT

from gateway.monitoring import security_events
from gateway.monitoring.metrics import SECURITY_EVENTS
from gateway.oauth import service as oauth
from gateway.process import server
from tests.gateway.conftest import Api
from tests.gateway.oauth.proofs import JWT_BEARER, Prover
from tests.one_database import database_url  # noqa: F401

REFUSALS = (401, 403, 429)
EMAIL = "wang@shop.example"
FORM = {"grant_type": "client_credentials", "token": "x"}
SHOWN = re.compile(r"(?:sub|ci|mer|req)_\w+|\d{4}-\d\d-\d\dT[\d:.]+Z|\d+\.\d+\.\d+\.0/24")


def counted(kind: str) -> float:
    """How often a kind was counted, in all modes."""
    return sum(
        sample.value
        for family in SECURITY_EVENTS.collect()
        for sample in family.samples
        if sample.name.endswith("_total") and sample.labels["kind"] == kind
    )


def test_250_failed_logins_are_counted_and_logged_without_naming_anybody(portal, heard):
    kinds = ("login_failed", "login_locked", "rate_limited")
    before = sum(counted(kind) for kind in kinds)
    form = portal.form(portal.client.get(portal.address()))
    heard.events()
    for number in range(250):
        answer = portal.client.post(
            form["action"],
            data={"form": form["form"], "email": EMAIL, "password": f"guess number {number}"},
            environ_base={"REMOTE_ADDR": "203.0.113.77"},
        )
        assert answer.status_code in (422, 429)
    lines = "\n".join(heard.lines)
    events = heard.events()
    assert len(events) == 250
    assert sum(counted(kind) for kind in kinds) - before == 250
    assert [event["kind"] for event in events[:6]] == ["login_failed"] * 5 + ["login_locked"]
    assert {event["kind"] for event in events} == set(kinds)
    assert {event["address"] for event in events} == {"203.0.113.0/24"}
    assert len({event["subject"] for event in events[:6]}) == 1
    assert (events[0]["client_id"], events[0]["mode"]) == (portal.client_id, "test")
    for secret in (EMAIL, "wang", "guess", "203.0.113.77", form["form"]):
        assert secret not in lines


def test_every_401_403_and_429_of_the_app_leaves_one_event(app, api, make_portal, heard, monkeypatch):
    """Strangers, a forged token, a server with one scope, and a developer, at every route; then with limits used up."""
    here = app.extensions["fenqi"]
    client_id, secret = here.db.write(
        lambda tx: oauth.create_client(
            tx, here.vault, merchant_id=api.credentials["merchant"], mode="test", scopes=("events:read",)
        )
    )
    narrow = Api(app.test_client(), {"client_id": client_id, "client_secret": secret})
    narrow.login()
    developer = make_portal("developer", "dev@shop.example").tokens()["access_token"]
    headers: list[dict[str, str]] = [
        {},
        {"Authorization": "Bearer a.b.c"},
        {"Authorization": f"Bearer {developer}"},
        {"Authorization": f"Bearer {narrow.token}"},
        {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
    ]
    client, seen = app.test_client(), set()

    def walk(headers: list[dict[str, str]]) -> None:
        for rule in app.url_map.iter_rules():
            path = re.sub(r"<[^>]+>", "x_1", rule.rule)
            for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
                form = FORM if method == "POST" and path.startswith("/oauth/") else None
                for sent in headers:
                    heard.events()
                    answer = client.open(path, method=method, headers=sent, data=form)
                    events = heard.events()
                    if answer.status_code in REFUSALS:
                        assert len(events) == 1, (method, path, sent, answer.status_code, events)
                        assert events[0]["route"] == rule.rule
                        assert events[0]["request_id"] == answer.headers["X-Request-Id"]
                        seen.add((answer.status_code, events[0]["kind"]))
                    else:
                        assert len(events) <= 1, (method, path, sent, events)

    walk(headers)
    monkeypatch.setattr(here.counter, "wait", lambda rate, who: 5)
    walk([{"Authorization": f"Bearer {api.token}"}])
    assert {
        (401, "token_refused"),
        (403, "role_refused"),
        (403, "scope_refused"),
        (403, "foreign_form"),
        (401, "client_refused"),
        (401, "session_refused"),
        (429, "rate_limited"),
    } <= seen


def test_what_is_known_inside_only_is_said_inside(app, api, portal, clock, heard, monkeypatch):
    client = app.test_client()

    def kind_of(answer: Any, status: int) -> str:
        assert answer.status_code == status, answer.text
        (event,) = heard.events()
        assert event["status"] == status
        return str(event["kind"])

    heard.events()
    code = portal.code()
    tokens = portal.exchange(code).json
    assert kind_of(portal.exchange(code), 400) == "authorization_code_reused"
    tokens = portal.tokens()
    portal.refresh(tokens["refresh_token"])
    assert kind_of(portal.refresh(tokens["refresh_token"]), 400) == "refresh_token_reused"
    assert kind_of(portal.refresh("never-issued"), 400) == "grant_refused"
    clock.advance(minutes=11)
    expired = api.get("/v1/me")
    assert expired.status_code == 401
    (event,) = heard.events()
    assert (event["kind"], event["reason"]) == ("token_refused", "expired")
    assertion = {"client_assertion_type": JWT_BEARER, "client_assertion": "e30.e30.e30"}
    sent = {"grant_type": "client_credentials", **assertion}
    monkeypatch.setattr(
        "gateway.oauth.clients.assertions.claimed_client", lambda _: api.credentials["client_id"]
    )
    assert kind_of(client.post("/oauth/token", data=sent), 401) == "assertion_refused"
    prover = Prover(client, clock)
    prover.learn_nonce()
    assert heard.kinds() == ["proof_nonce_asked"]
    wrong = prover.post("/oauth/token", {"grant_type": "client_credentials"}, htm="GET")
    assert kind_of(wrong, 400) == "proof_refused"
    form = portal.form(portal.client.get(portal.address()))
    tampered = {"form": "AAAA", "email": EMAIL, "password": "x"}
    assert kind_of(portal.client.post(form["action"], data=tampered), 400) == "form_refused"
    passkey = {"form": form["form"], "credential": "{}"}
    assert kind_of(portal.client.post(form["action"], data=passkey), 422) == "passkey_failed"


def test_wrong_factors_and_lock_outs_are_events(app, portal, heard, monkeypatch):
    monkeypatch.setattr("gateway.team.factors.enrolled", lambda tx, member_id: True)
    page = portal.log_in()
    form = portal.form(page)
    heard.events()
    answers = [
        portal.client.post(form["action"], data={"form": form["form"], "second": "code", "code": "000000"})
        for _ in range(6)
    ]
    assert [answer.status_code for answer in answers] == [422] * 5 + [429]
    assert heard.kinds() == ["factor_failed"] * 5 + ["factor_locked"]


def test_a_wrong_one_time_code_is_an_event_without_the_phone(app, api, heard):
    checkout = api.checkout()
    client = app.test_client()
    data = {
        "term": "3",
        "name": "王小明",
        "id_number": "110105199003071239",
        "phone": "13800000001",
        "code": "999999",
    }
    heard.events()
    answer = client.post(f"/checkout/{checkout['id']}/identity", data=data)
    assert answer.status_code in (403, 422)
    line = heard.lines[0]
    (event,) = heard.events()
    if answer.status_code == 422:
        assert (event["kind"], event["route"]) == ("code_failed", "/checkout/<checkout_id>/identity")
        assert event["subject"].startswith("sub_")
    assert not any(text in line for text in ("13800000001", "110105", checkout["id"]))


def test_a_line_cannot_be_forged_and_shows_only_what_looks_like_a_client(app, heard):
    client = app.test_client()
    client.get("/v1/payments/" + quote('x\n{"event": "security", "kind": "login_failed"}'))
    client.post(
        "/oauth/token",
        data={"grant_type": "client_credentials", "client_id": "sk_test_secret\n", "client_secret": "s"},
    )
    client.post("/oauth/token", data={"grant_type": "client_credentials", "client_id": "sk_live_" + "a" * 49})
    client.open("/v1/me", method="GET", headers={"Authorization": "Bearer 13800000001"})
    for line in list(heard.lines):
        rest = SHOWN.sub("", line)
        assert "sk_" not in rest
        assert "138" not in rest
    events = heard.events()
    assert len(events) >= 2
    assert {event["client_id"] for event in events} == {""}


def test_networks_are_kept_and_addresses_are_not():
    assert security_events.network_of("203.0.113.77") == "203.0.113.0/24"
    assert security_events.network_of("2001:db8:1:2::3") == "2001:db8:1::/48"
    assert security_events.network_of("::ffff:203.0.113.77") == "203.0.113.0/24"
    assert security_events.network_of("fe80::1%eth0") == "fe80::/48"
    assert [security_events.network_of(strange) for strange in (None, "", "unix:", "a\nb")] == [""] * 4


def test_a_kind_that_is_not_listed_is_a_mistake():
    with pytest.raises(LookupError):
        security_events.security_event("login_faild")


def test_the_portal_records_what_it_refuses_and_leaves_the_gateways_refusals_to_it(app, heard):
    portal = server.portal(app)
    browser, forger = portal.test_client(), portal.test_client()
    forger.set_cookie("fenqi_portal", "forged.abc.def")
    forger.get("/payments")
    browser.get("/callback?code=x&state=é&iss=http://gateway.test")
    browser.post("/logout")
    assert browser.get("/payments").status_code == 401
    events = heard.events()
    assert [(event["kind"], event["reason"]) for event in events] == [
        ("portal_session_refused", "forged"),
        ("portal_callback_refused", "foreign"),
        ("portal_form_refused", ""),
        ("portal_session_refused", "no_login"),
    ]
    assert events[3]["route"] == "/payments"


def test_a_portal_on_its_own_logs_a_line_of_json(tmp_path, caplog):
    import merchant_portal  # noqa: PLC0415

    alone = merchant_portal.create_app(
        gateway_url="http://gateway.test",
        portal_url=REDIRECT.removesuffix("/callback"),
        client_id="ci_test_portal",
        secret_key=b"k" * 32,
        folder=tmp_path,
    )
    assert alone.test_client().get("/payments").status_code == 401
    (record,) = [one for one in caplog.records if one.name == "merchant_portal.security"]
    assert json.loads(record.getMessage())["kind"] == "portal_session_refused"
