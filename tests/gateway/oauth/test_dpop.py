"""DPoP: a token bound to a key is worth nothing without it, and a proof opens one request, once, within a minute."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey
from sqlalchemy import event

from gateway.errors import Unavailable
from gateway.oauth.tokens import replay_guard
from gateway.oauth.tokens.replay_guard import RecentProofs
from tests.gateway.oauth.proofs import Prover
from tests.one_database import database_url, on_both  # noqa: F401


@pytest.fixture
def prover(api, clock) -> Prover:
    return Prover(api.client, clock)


@pytest.fixture
def bound(prover, api) -> str:
    return prover.tokens(api.credentials)["access_token"]


def refusal(answer) -> str:
    """The code of a 401 with its challenge, after checking that both say the same."""
    assert (answer.status_code, answer.content_type) == (401, "application/problem+json"), answer.text
    bearer, dpop = answer.headers.getlist("WWW-Authenticate")
    assert bearer.startswith('Bearer realm="fenqi"')
    assert 'algs="ES256 Ed25519 PS256"' in dpop
    assert "/.well-known/oauth-protected-resource" in dpop
    code = answer.json["code"]
    assert (f'error="{code}"' in dpop) == (code != "unauthenticated")
    return code


@pytest.mark.parametrize(
    ("key", "alg"),
    [
        (ECKey.generate_key("P-256"), "ES256"),
        (OKPKey.generate_key("Ed25519"), "Ed25519"),
        (RSAKey.generate_key(2048), "PS256"),
    ],
    ids=["ES256", "Ed25519", "PS256"],
)
def test_a_token_is_bound_to_the_key_of_the_proof_and_opens_with_it(api, clock, key, alg):
    prover = Prover(api.client, clock, key, alg)
    token = prover.tokens(api.credentials)["access_token"]
    answer = prover.call(token)
    assert answer.status_code == 200, answer.text
    assert answer.headers["DPoP-Nonce"] == prover.nonce


def test_a_bound_token_is_nothing_as_a_bearer_token(api, bound, prover):
    answer = api.client.get("/v1/me", headers={"Authorization": f"Bearer {bound}"})
    assert refusal(answer) == "unauthenticated"
    proof = prover.proof("GET", "/v1/me", bound)
    answer = api.client.get("/v1/me", headers={"Authorization": f"Bearer {bound}", "DPoP": proof})
    assert refusal(answer) == "unauthenticated"
    answer = api.client.get("/v1/me", headers={"Authorization": f"DPoP {bound}"})
    assert refusal(answer) == "invalid_dpop_proof"


def test_a_stolen_token_is_nothing_with_another_key(api, bound, prover, clock):
    thief = Prover(api.client, clock)
    thief.nonce = prover.nonce
    assert refusal(thief.call(bound)) == "invalid_dpop_proof"
    assert prover.call(bound).status_code == 200


def test_a_proof_with_an_unbound_token_is_refused_not_ignored(api, prover):
    prover.learn_nonce()
    assert refusal(prover.call(api.token)) == "invalid_dpop_proof"
    proof = prover.proof("GET", "/v1/me", api.token)
    answer = api.client.get("/v1/me", headers={"Authorization": f"Bearer {api.token}", "DPoP": proof})
    assert refusal(answer) == "invalid_dpop_proof"
    answer = api.client.get("/v1/me", headers={"Authorization": f"Bearer {api.token}", "DPoP": "x"})
    assert refusal(answer) == "invalid_dpop_proof"


WRONG_CLAIMS = {
    "other method": {"htm": "POST"},
    "method in lower case": {"htm": "get"},
    "no method": {"htm": None},
    "other path": {"htu": "http://gateway.test/v1/payments"},
    "longer path": {"htu": "http://gateway.test/v1/me/"},
    "other host": {"htu": "http://other.test/v1/me"},
    "other scheme": {"htu": "https://gateway.test/v1/me"},
    "other port": {"htu": "http://gateway.test:81/v1/me"},
    "no port at all": {"htu": "http://gateway.test:x/v1/me"},
    "userinfo": {"htu": "http://a@gateway.test/v1/me"},
    "no address": {"htu": None},
    "address of another kind": {"htu": 1},
    "NUL in the address": {"htu": "http://gateway.test/v1/me\0"},
    "no jti": {"jti": None},
    "empty jti": {"jti": ""},
    "long jti": {"jti": "x" * 256},
    "jti of another kind": {"jti": 5},
    "NUL in jti": {"jti": "a\0b"},
    "half a character in jti": {"jti": "\ud800"},
    "no iat": {"iat": None},
    "iat as text": {"iat": "1"},
    "iat true": {"iat": True},
    "iat with a fraction": {"iat": 1.5},
    "no ath": {"ath": None},
    "wrong ath": {"ath": "x" * 43},
    "ath of another kind": {"ath": ["x"]},
}


def test_a_proof_whose_claims_are_wrong_is_refused(prover, bound):
    for name, claims in WRONG_CLAIMS.items():
        assert refusal(prover.call(bound, **claims)) == "invalid_dpop_proof", name


def headers() -> dict[str, dict]:
    private = ECKey.generate_key("P-256").as_dict(private=True)
    public = {name: private[name] for name in ("kty", "crv", "x", "y")}
    return {
        "no typ": {"typ": None},
        "another typ": {"typ": "JWT"},
        "an access token's typ": {"typ": "at+jwt"},
        "no key": {"jwk": None},
        "a key that is none": {"jwk": "x"},
        "a private key": {"jwk": private},
        "another key": {"jwk": public},
        "a key beside the curve": {"jwk": {**public, "y": public["x"]}},
        "a key without y": {"jwk": {**public, "y": None}},
        "a shared secret": {"jwk": {"kty": "oct", "k": "eA"}},
        "a small RSA key": {"jwk": {"kty": "RSA", "n": "AQAB", "e": "AQAB"}},
        "an address of keys": {"jku": "http://evil.test"},
        "a key id": {"kid": "x"},
        "a certificate": {"x5c": ["x"]},
        "crit": {"crit": ["exp"]},
    }


def test_a_proof_whose_header_is_wrong_is_refused(prover, bound):
    for name, header in headers().items():
        assert refusal(prover.call(bound, header=header)) == "invalid_dpop_proof", name


def test_a_proof_by_a_shared_secret_or_another_algorithm_is_refused(api, clock, prover, bound):
    for key, alg in ((OctKey.generate_key(256), "HS256"), (RSAKey.generate_key(2048), "RS256")):
        forger = Prover(api.client, clock, key, alg)
        forger.nonce = prover.nonce
        assert refusal(forger.call(bound)) == "invalid_dpop_proof"


def test_what_is_no_proof_is_refused_and_never_an_error_of_ours(api, bound):
    for proof in ("", "x", "a.b.c", "...", "x" * 6000, "e30.e30.", "bnVsbA.e30.x", "\xe9"):
        answer = api.client.get("/v1/me", headers={"Authorization": f"DPoP {bound}", "DPoP": proof})
        assert refusal(answer) == "invalid_dpop_proof", proof


def test_two_proofs_are_refused(api, prover, bound):
    pair = [("DPoP", prover.proof("GET", "/v1/me", bound)) for _ in range(2)]
    answer = api.client.get("/v1/me", headers=[("Authorization", f"DPoP {bound}"), *pair])
    assert refusal(answer) == "invalid_dpop_proof"


def test_the_address_is_compared_as_rfc_3986_compares(api, prover, bound):
    for address in (
        "HTTP://GATEWAY.test:80/v1/me",
        "http://gateway.test/v1/me?x=1#y",
        "http://gateway.test/v1/%6De",
    ):
        assert prover.call(bound, htu=address).status_code == 200


def test_a_proof_is_sixty_seconds_old_or_ahead_at_most(prover, bound, clock):
    now = int(clock.now.timestamp())
    for seconds, status in ((-60, 200), (60, 200), (-61, 401), (61, 401)):
        assert prover.call(bound, iat=now + seconds).status_code == status


def test_without_a_nonce_of_ours_the_answer_brings_one(prover, bound):
    for nonce in (None, "", "x", 5, "0" * 32, "é"):
        answer = prover.call(bound, nonce=nonce)
        assert refusal(answer) == "use_dpop_nonce", nonce
    assert prover.call(bound, nonce=answer.headers["DPoP-Nonce"]).status_code == 200


def test_a_nonce_is_old_after_two_minutes_at_the_latest(prover, bound, clock):
    clock.advance(seconds=59)
    assert prover.call(bound).status_code == 200
    clock.advance(seconds=61)
    answer = prover.call(bound)
    assert refusal(answer) == "use_dpop_nonce"
    assert answer.headers["DPoP-Nonce"] != prover.nonce


def test_a_proof_that_comes_again_is_refused(api, prover, bound):
    for method, path in (("GET", "/v1/me"), ("POST", "/v1/checkouts")):
        proof = prover.proof(method, path, bound)
        named = {"Authorization": f"DPoP {bound}", "DPoP": proof}
        assert api.client.open(path, method=method, json={}, headers=named).status_code != 401
        assert refusal(api.client.open(path, method=method, json={}, headers=named)) == "invalid_dpop_proof"


@on_both
def test_of_twenty_four_parallel_replays_of_a_write_one_passes_in_any_process(app, prover, bound):
    bearer = app.extensions["fenqi"].authenticator
    named = {"Authorization": f"DPoP {bound}", "DPoP": prover.proof("POST", "/v1/checkouts", bound)}

    class Forgetful:  # what 24 processes know of each other's proofs
        def spend(self, key, now):
            return True

    bearer.proofs = Forgetful()
    with ThreadPoolExecutor(24) as pool:
        answers = list(
            pool.map(lambda _: app.test_client().post("/v1/checkouts", json={}, headers=named), range(24))
        )
    assert sorted(answer.status_code == 401 for answer in answers) == [False] + [True] * 23


def test_a_proof_is_spent_with_its_write_and_without_one_all_the_same(app, api, prover, bound):
    gateway, order, commits = app.extensions["fenqi"], api.order(), []
    event.listen(gateway.db.engine, "commit", lambda _: commits.append(1))
    for body, status in ((order, 201), ({}, 422), ({**order, "expires_in": 7200}, 409)):
        named = {"Authorization": f"DPoP {bound}", "DPoP": prover.proof("POST", "/v1/checkouts", bound)}
        commits.clear()
        assert app.test_client().post("/v1/checkouts", json=body, headers=named).status_code == status
        assert len(commits) == 1, "the proof has no commit of its own"
        gateway.authenticator.proofs = replay_guard.RecentProofs(125)  # another process
        assert refusal(app.test_client().post("/v1/checkouts", json=api.order(), headers=named))


@on_both
def test_of_parallel_replays_of_a_look_one_passes_where_processes_count_together(app, prover, bound):
    gateway, known = app.extensions["fenqi"], set()
    named = {"Authorization": f"DPoP {bound}", "DPoP": prover.proof("GET", "/v1/me", bound)}

    class Together:  # what a counter in Redis knows
        def is_first(self, key, seconds):
            new = key not in known
            known.add(key)
            return new

    gateway.counter = Together()
    answers = []
    for _ in range(3):
        gateway.authenticator.proofs = replay_guard.RecentProofs(125)  # another process
        answers.append(app.test_client().get("/v1/me", headers=named).status_code)
    assert answers == [200, 401, 401]


def test_a_process_remembers_for_two_generations_and_refuses_when_full(monkeypatch):
    proofs = RecentProofs(125)
    assert proofs.spend(b"a", 1000)
    assert not proofs.spend(b"a", 1124)
    assert not proofs.spend(b"a", 1125)
    assert proofs.spend(b"b", 1249)
    assert proofs.spend(b"a", 1250)
    assert not proofs.spend(b"b", 1250)
    assert proofs.spend(b"b", 9000)
    monkeypatch.setattr(replay_guard, "LIMIT", 1)
    with pytest.raises(Unavailable):
        proofs.spend(b"c", 9000)


def test_a_proof_is_taken_once_at_the_token_endpoint(api, prover):
    prover.learn_nonce()
    named = {name: api.credentials[name] for name in ("client_id", "client_secret")}
    headers = {"DPoP": prover.proof("POST", "/oauth/token")}
    body = {"grant_type": "client_credentials", **named}
    assert api.client.post("/oauth/token", data=body, headers=headers).json["token_type"] == "DPoP"
    again = api.client.post("/oauth/token", data=body, headers=headers)
    assert (again.status_code, again.json["error"]) == (400, "invalid_dpop_proof")


def test_a_code_asked_for_with_a_key_is_exchanged_with_that_key_only(portal, prover, api, clock):
    prover.learn_nonce()
    code = portal.code(dpop_jkt=prover.jkt)
    body = {
        "grant_type": "authorization_code",
        "client_id": portal.client_id,
        "code": code,
        "redirect_uri": portal.redirect_uri,
        "code_verifier": "v" * 43,
    }
    thief = Prover(api.client, clock)
    thief.nonce = prover.nonce
    assert portal.exchange(code).json["error"] == "invalid_grant"
    assert thief.post("/oauth/token", body).json["error"] == "invalid_grant"
    assert prover.post("/oauth/token", body).json["token_type"] == "DPoP"


def test_a_bound_refresh_token_needs_its_key_and_survives_a_thief(portal, prover, api, clock):
    prover.learn_nonce()
    tokens = prover.post(
        "/oauth/token",
        {
            "grant_type": "authorization_code",
            "client_id": portal.client_id,
            "code": portal.code(),
            "redirect_uri": portal.redirect_uri,
            "code_verifier": "v" * 43,
        },
    ).json
    thief = Prover(api.client, clock)
    thief.nonce = prover.nonce
    body = {
        "grant_type": "refresh_token",
        "client_id": portal.client_id,
        "refresh_token": tokens["refresh_token"],
    }
    assert portal.refresh(tokens["refresh_token"]).json["error"] == "invalid_grant"
    assert thief.post("/oauth/token", body).json["error"] == "invalid_grant"
    second = prover.post("/oauth/token", body).json
    assert prover.call(second["access_token"]).status_code == 200
    assert thief.post("/oauth/token", body).json["error"] == "invalid_grant"
    assert prover.call(second["access_token"]).status_code == 200
    assert prover.post("/oauth/token", body).json["error"] == "invalid_grant"
    assert refusal(prover.call(second["access_token"])) == "unauthenticated"
