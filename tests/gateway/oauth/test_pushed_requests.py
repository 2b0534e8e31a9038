"""Pushed requests: the browser carries a name; it is one client's, opened in 90 seconds, and answered once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlencode

import pytest
from sqlmodel import select

from gateway.oauth import service
from gateway.oauth.authorize import par
from gateway.oauth.models import PushedRequest
from gateway.oauth.rates import PUSHES
from tests.gateway.oauth.proofs import Prover
from tests.one_database import database_url, on_both  # noqa: F401


def push(portal, headers=None, **changes):
    return portal.client.post("/oauth/par", data=portal.asked(**changes), headers=headers)


def address(portal, uri: str, **more: str) -> str:
    named = {"client_id": portal.client_id, "request_uri": uri, **more}
    return "/oauth/authorize?" + urlencode(named)


@pytest.fixture
def uri(portal) -> str:
    answer = push(portal)
    assert answer.status_code == 201, answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.json["expires_in"] == 90
    return answer.json["request_uri"]


def page(portal, uri: str, **more: str) -> int:
    return portal.client.get(address(portal, uri, **more)).status_code


def test_a_pushed_request_brings_a_code_and_shows_nothing_in_the_address(portal, uri):
    first = portal.client.get(address(portal, uri))
    action = portal.form(first)["action"]
    assert action == address(portal, uri)
    answer = portal.returned(portal.carry_on(portal.log_in(address=address(portal, uri))))
    assert answer["state"] == "xyz"
    assert answer["iss"] == "http://gateway.test"
    assert portal.exchange(answer["code"]).status_code == 200


@on_both
def test_it_is_answered_once(portal, uri):
    portal.carry_on(portal.log_in(address=address(portal, uri)))
    assert page(portal, uri) == 400


@on_both
def test_of_parallel_answers_one_brings_a_code(portal, uri):
    login = portal.log_in(address=address(portal, uri))

    def carry_on(_: int):
        return type(portal)(portal.tab(), portal.client_id, portal.email).carry_on(login)

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(carry_on, range(20)))
    assert sorted(answer.status_code for answer in answers) == [303] + [400] * 19


def test_it_is_opened_within_ninety_seconds_and_then_gives_time_to_log_in(portal, uri, clock):
    opened = portal.client.get(address(portal, uri))
    clock.advance(seconds=89)
    assert page(portal, uri) == 200
    clock.advance(seconds=1)
    assert page(portal, uri) == 400
    form = portal.form(opened)
    data = {"form": form["form"], "email": portal.email, "password": portal.password}
    login = portal.client.post(form["action"], data=data)
    assert portal.returned(portal.carry_on(login))["code"]


def test_one_that_nobody_opened_in_time_is_dead_for_posts_too(portal, uri, clock):
    clock.advance(seconds=90)
    assert portal.client.post(address(portal, uri), data={"form": "x"}).status_code == 400
    assert page(portal, uri) == 400


def test_another_client_cannot_use_it(app, portal, uri):
    other = app.extensions["fenqi"].db.write(
        lambda tx: service.portal_client(tx, redirect_uris=["https://gateway.test/cb"], mode="live").client_id
    )
    assert page(portal, uri, client_id=other) == 400
    assert portal.client.get(f"/oauth/authorize?request_uri={uri}").status_code == 400
    assert page(portal, uri) == 200


def test_nothing_in_the_address_changes_what_was_pushed(portal, uri):
    more = dict.fromkeys(("scope", "redirect_uri", "state", "code_challenge"), "x" * 43)
    login = portal.log_in(address=address(portal, uri, **more))
    answer = portal.returned(portal.carry_on(login))
    assert answer["state"] == "xyz"
    assert portal.exchange(answer["code"]).status_code == 200


def test_an_unknown_name_is_refused(portal):
    for uri in ("x", "urn:ietf:params:oauth:request_uri:x", "https://evil.test/request", "é"):
        assert page(portal, uri) == 400, uri


def test_what_could_not_be_granted_is_refused_at_once(portal):
    for changes, error in (
        ({"redirect_uri": "http://evil.test/"}, "invalid_request"),
        ({"client_id": "ci_test_nobody"}, "invalid_client"),
        ({"client_id": None}, "invalid_client"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge": None}, "invalid_request"),
        ({"scope": "root"}, "invalid_scope"),
        ({"resource": "https://evil.test"}, "invalid_target"),
        ({"dpop_jkt": "x"}, "invalid_request"),
        ({"request_uri": "urn:ietf:params:oauth:request_uri:x"}, "invalid_request"),
        ({"request": "a.b.c"}, "invalid_request"),
        ({"state": "a\0b"}, "invalid_request"),
    ):
        answer = push(portal, **changes)
        assert answer.status_code == (401 if error == "invalid_client" else 400), answer.text
        assert answer.json["error"] == error, changes


def test_a_server_without_addresses_cannot_push(api, portal):
    named = {name: api.credentials[name] for name in ("client_id", "client_secret")}
    assert push(portal, **named).json["error"] == "invalid_request"


def test_a_client_that_must_push_is_refused_without(app, portal):
    app.extensions["fenqi"].db.write(lambda tx: service.require(tx, portal.client_id, par=True) and None)
    refused = portal.returned(portal.client.get(portal.address()))
    assert (refused["error"], "/oauth/par" in refused["error_description"]) == ("invalid_request", True)
    uri = push(portal).json["request_uri"]
    assert portal.returned(portal.carry_on(portal.log_in(address=address(portal, uri))))["code"]


def test_a_proof_binds_the_code_to_its_key(portal, clock, api):
    prover = Prover(api.client, clock)
    prover.learn_nonce()
    other = push(portal, {"DPoP": prover.proof("POST", "/oauth/par")}, dpop_jkt="x" * 43)
    assert other.json["error"] == "invalid_dpop_proof"
    uri = push(portal, {"DPoP": prover.proof("POST", "/oauth/par")}).json["request_uri"]
    code = portal.returned(portal.carry_on(portal.log_in(address=address(portal, uri))))["code"]
    assert portal.exchange(code).json["error"] == "invalid_grant"


def waiting(app) -> list[dict[str, str]]:
    with app.extensions["fenqi"].db.read() as tx:
        return list(tx.exec(select(PushedRequest.parameters)))


def test_of_a_request_only_what_has_a_meaning_is_kept_and_not_much_of_it(app, portal):
    assert push(portal, padding="x" * 15_000, client_secret=None).status_code == 201
    (kept,) = waiting(app)
    assert set(kept) == {*portal.asked()}
    refused = push(portal, state="x" * 4_096)
    assert (refused.status_code, refused.json["error"]) == (400, "invalid_request")
    assert "4096" in refused.json["error_description"]
    assert len(waiting(app)) == 1


def test_pushing_is_limited_for_each_address_and_in_all(app, portal, clock, monkeypatch):
    """Without credentials 400 requests came to 400 rows of 15 kB."""
    answers = [push(portal).status_code for _ in range(PUSHES.burst + 1)]
    assert answers == [201] * PUSHES.burst + [429]
    refused = push(portal)
    assert int(refused.headers["Retry-After"]) >= 1
    elsewhere = {"REMOTE_ADDR": "2001:db8::1"}
    monkeypatch.setattr(par, "MOST_WAITING", PUSHES.burst + 1)
    data = portal.asked()
    answers = [
        portal.client.post("/oauth/par", data=data, environ_base=elsewhere).status_code for _ in range(2)
    ]
    assert answers == [201, 429]
    assert len(waiting(app)) == PUSHES.burst + 1
    clock.advance(seconds=91)
    for _ in range(2):
        assert portal.client.post("/oauth/par", data=data, environ_base=elsewhere).status_code == 201
    assert len(waiting(app)) == 2, "what nobody opened in time is swept by those that come"


def test_old_requests_and_proofs_are_forgotten(app, portal, uri, clock):
    from sqlalchemy import text  # noqa: PLC0415

    from gateway.oauth.tokens import replay_guard  # noqa: PLC0415

    db = app.extensions["fenqi"].db
    clock.advance(hours=1, seconds=90)
    db.write(replay_guard.forget_expired)
    with db.read() as tx:
        assert tx.execute(text("SELECT count(*) FROM pushed_request")).scalar_one() == 0
