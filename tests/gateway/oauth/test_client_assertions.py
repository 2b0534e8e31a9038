"""private_key_jwt: one algorithm per client, five minutes, our name as audience, and each assertion once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from gateway.core.tenant import Tenant
from gateway.errors import Conflict, NotFound, ValidationFailed
from gateway.oauth import service
from tests.gateway.oauth.proofs import ISSUER, JWT_BEARER, signed
from tests.one_database import database_url, on_both  # noqa: F401


class Keyed:
    """A client that signs its assertions."""

    def __init__(self, app: Any, api: Any, clock: Any, key: Any, alg: str) -> None:
        self.client, self.clock, self.key, self.alg = app.test_client(), clock, key, alg
        self.merchant, self.number = api.credentials["merchant"], 0
        self.client_id = app.extensions["fenqi"].db.write(
            lambda tx: (
                service.create_client_with_keys(
                    tx, merchant_id=self.merchant, mode="test", jwks={"keys": [key.as_dict(private=False)]}
                ).id
            )
        )

    def assertion(self, header: Any = None, key: Any = None, **claims: Any) -> str:
        self.number += 1
        now = int(self.clock.now.timestamp())
        right = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": ISSUER,
            "exp": now + 60,
            "jti": f"assertion-{self.number}",
        }
        fields = {"alg": self.alg, "kid": self.key.thumbprint(), **(header or {})}
        return signed(key or self.key, fields, {**right, **claims})

    def ask(self, assertion: str, path: str = "/oauth/token", **body: str) -> Any:
        data = {
            "grant_type": "client_credentials",
            "client_assertion_type": JWT_BEARER,
            "client_assertion": assertion,
            **body,
        }
        return self.client.post(path, data=data)


@pytest.fixture
def keyed(app, api, clock) -> Keyed:
    return Keyed(app, api, clock, ECKey.generate_key("P-256"), "ES256")


def refused(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json["error"]


NOT_THE_CLIENT = (401, "invalid_client")


def test_each_algorithm_works(app, api, clock):
    for key, alg in (
        (ECKey.generate_key("P-256"), "ES256"),
        (OKPKey.generate_key("Ed25519"), "Ed25519"),
        (RSAKey.generate_key(2048), "PS256"),
    ):
        keyed = Keyed(app, api, clock, key, alg)
        assert keyed.ask(keyed.assertion()).json["token_type"] == "Bearer", alg
        assert keyed.ask(keyed.assertion({"kid": None})).status_code == 200


def test_the_audience_is_us_or_our_token_endpoint(keyed):
    for audience in (ISSUER, f"{ISSUER}/oauth/token", [ISSUER], [ISSUER, f"{ISSUER}/oauth/token"]):
        assert keyed.ask(keyed.assertion(aud=audience)).status_code == 200, audience


def wrong(now: int) -> dict[str, dict[str, Any]]:
    return {
        "no audience": {"aud": None},
        "empty audience": {"aud": []},
        "another audience": {"aud": "https://other.test"},
        "one audience too many": {"aud": [ISSUER, "https://other.test"]},
        "audience of another kind": {"aud": {"x": 1}},
        "another issuer": {"iss": "ci_test_other"},
        "another subject": {"sub": "ci_test_other"},
        "no subject": {"sub": None},
        "subject of another kind": {"sub": 1},
        "no exp": {"exp": None},
        "expired": {"exp": now},
        "alive for too long": {"exp": now + 306},
        "exp as text": {"exp": str(now + 60)},
        "exp with a fraction": {"exp": now + 60.5},
        "iat ahead": {"iat": now + 6},
        "nbf ahead": {"nbf": now + 6},
        "iat as text": {"iat": "x"},
        "no jti": {"jti": None},
        "empty jti": {"jti": ""},
        "long jti": {"jti": "x" * 256},
        "NUL in jti": {"jti": "a\0"},
        "half a character": {"jti": "\ud800"},
    }


def test_wrong_claims_are_refused_in_one_text(keyed, clock):
    texts = set()
    for name, claims in wrong(int(clock.now.timestamp())).items():
        answer = keyed.ask(keyed.assertion(**claims))
        assert refused(answer) == NOT_THE_CLIENT, name
        texts.add(answer.data)
    texts.add(keyed.ask("x").data)
    texts.add(keyed.client.post("/oauth/token", data={"grant_type": "client_credentials"}).data)
    assert len(texts) == 1


def test_wrong_headers_and_keys_are_refused(keyed):
    other, public = ECKey.generate_key("P-256"), keyed.key.as_dict(private=False)
    assert refused(keyed.ask(keyed.assertion(key=other))) == NOT_THE_CLIENT
    for name, header in {
        "its own key": {"jwk": public},
        "an address": {"jku": "http://evil.test"},
        "crit": {"crit": ["exp"]},
        "an access token": {"typ": "at+jwt"},
        "a proof": {"typ": "dpop+jwt"},
        "no such key": {"kid": "x"},
        "a key id of another kind": {"kid": 5},
    }.items():
        assert refused(keyed.ask(keyed.assertion(header))) == NOT_THE_CLIENT, name
    rsa, shared = RSAKey.generate_key(2048), OctKey.generate_key(256)
    for key, alg in (
        (rsa, "PS256"),
        (rsa, "RS256"),
        (shared, "HS256"),
        (OKPKey.generate_key("Ed25519"), "Ed25519"),
    ):
        assert refused(keyed.ask(keyed.assertion({"alg": alg}, key=key))) == NOT_THE_CLIENT, alg
    for text in ("", "x", "a.b.c", "x" * 9000, "e30.e30.", keyed.assertion() + "x"):
        assert keyed.ask(text).status_code in (400, 401)


def test_an_assertion_is_taken_once_at_any_endpoint(keyed, clock):
    assertion = keyed.assertion()
    token = keyed.ask(assertion).json["access_token"]
    assert refused(keyed.ask(assertion)) == NOT_THE_CLIENT
    for path in ("/oauth/introspect", "/oauth/revoke", "/oauth/par"):
        assert refused(keyed.ask(assertion, path, token=token)) == NOT_THE_CLIENT
    assert keyed.ask(keyed.assertion(), "/oauth/introspect", token=token).json["active"]


@on_both
def test_of_twenty_four_parallel_uses_one_passes(keyed):
    assertion = keyed.assertion()

    def ask(_: int) -> int:
        data = {
            "grant_type": "client_credentials",
            "client_assertion_type": JWT_BEARER,
            "client_assertion": assertion,
        }
        return keyed.client.application.test_client().post("/oauth/token", data=data).status_code

    with ThreadPoolExecutor(24) as pool:
        found = sorted(pool.map(ask, range(24)))
    assert found == [200] + [401] * 23


def test_an_assertion_comes_alone(keyed, api):
    secret = api.credentials["client_secret"]
    assert refused(keyed.ask(keyed.assertion(), client_secret=secret)) == (400, "invalid_request")
    wrong_type = keyed.ask(keyed.assertion(), client_assertion_type="x")
    assert refused(wrong_type) == (400, "invalid_request")
    assert refused(keyed.ask(keyed.assertion(), client_id="ci_test_other")) == NOT_THE_CLIENT
    assert keyed.ask(keyed.assertion(), client_id=keyed.client_id).status_code == 200


def test_a_client_has_keys_or_secrets_and_not_both(app, api, keyed):
    here = app.extensions["fenqi"]
    assert api.client.get("/v1/me", headers={"Authorization": f"Bearer {api.token}"}).status_code == 200
    own = keyed.assertion(iss=api.credentials["client_id"], sub=api.credentials["client_id"])
    assert refused(keyed.ask(own)) == NOT_THE_CLIENT
    keys = {"keys": [keyed.key.as_dict(private=False)]}
    here.db.write(lambda tx: service.set_keys(tx, api.credentials["client_id"], keys) and None)
    body = {name: api.credentials[name] for name in ("client_id", "client_secret")}
    answer = api.client.post("/oauth/token", data={"grant_type": "client_credentials", **body})
    assert refused(answer) == NOT_THE_CLIENT
    own = keyed.assertion(iss=api.credentials["client_id"], sub=api.credentials["client_id"])
    assert keyed.ask(own).status_code == 200
    with here.db.read() as tx:
        tenant = Tenant(str(service.server_client(tx, keyed.client_id).merchant_id), "test")
    with pytest.raises(Conflict):
        here.db.write(lambda tx: service.rotate_secret(tx, here.vault, tenant, client_id=keyed.client_id))


def test_keys_that_cannot_be_used_are_refused_with_a_sentence(app, api):
    good = ECKey.generate_key("P-256").as_dict(private=False)
    ed = OKPKey.generate_key("Ed25519").as_dict(private=False)
    for jwks, alg in (
        ({}, None),
        ([], None),
        ({"keys": []}, None),
        ({"keys": [1]}, None),
        ({"keys": [good] * 6}, None),
        ({"keys": [good, good]}, None),
        ({"keys": [good, ed]}, None),
        ({"keys": [ECKey.generate_key("P-256").as_dict(private=True)]}, None),
        ({"keys": [ECKey.generate_key("P-384").as_dict(private=False)]}, None),
        ({"keys": [{**good, "alg": "none"}]}, None),
        ({"keys": [{**good, "alg": "ES384"}]}, None),
        ({"keys": [{**good, "kid": 5}]}, None),
        ({"keys": [{**good, "x": good["y"]}]}, None),
        ({"keys": [{"kty": "oct", "k": "eA"}]}, None),
        ({"keys": [{"kty": "RSA", "n": "AQAB", "e": "AQAB"}]}, None),
        ({"keys": [good]}, "PS256"),
        ({"keys": [good]}, "RS256"),
    ):
        with pytest.raises(ValidationFailed):
            app.extensions["fenqi"].db.write(
                lambda tx, jwks=jwks, alg=alg: service.set_keys(tx, api.credentials["client_id"], jwks, alg)
            )
    with pytest.raises(NotFound):
        app.extensions["fenqi"].db.write(lambda tx: service.set_keys(tx, "ci_test_portal", {"keys": [good]}))
