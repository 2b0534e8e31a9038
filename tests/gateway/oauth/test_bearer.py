"""Which tokens open the API: ours, of the right kind, alive; every other one is a 401 with a sentence."""

from __future__ import annotations

import base64
import hmac
import json
from typing import Any

import pytest
from flask import Request
from joserfc import jws, jwt
from joserfc.jwk import ECKey, RSAKey
from werkzeug.test import EnvironBuilder

from gateway.oauth.tokens.bearer import Bearer
from gateway.oauth.tokens.keys import new_key
from tests.one_database import database_url  # noqa: F401

ISSUER = "http://gateway.test"


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def unsigned(header: bytes, claims: bytes = b"{}", signature: bytes = b"x" * 64) -> str:
    return ".".join(map(b64, (header, claims, signature)))


@pytest.fixture
def key(app) -> ECKey:
    """The gateway's own signing key."""
    path = app.extensions["fenqi"].settings.data_dir / "keys" / "signing.json"
    return ECKey.import_key(json.loads(path.read_text())["keys"][0]["jwk"])


@pytest.fixture
def claims(api, clock) -> dict[str, Any]:
    """The claims of a right token."""
    now = int(clock.now.timestamp())
    return {
        "iss": ISSUER,
        "aud": ISSUER,
        "sub": api.credentials["client_id"],
        "client_id": api.credentials["client_id"],
        "merchant_id": api.credentials["merchant"],
        "mode": "test",
        "scope": "payments:read",
        "iat": now,
        "exp": now + 600,
        "jti": "tok_1",
    }


def signed(key: Any, claims: dict[str, Any], **header: Any) -> str:
    fields = {"alg": "ES256", "typ": "at+jwt", "kid": key.kid, **header}
    fields = {name: value for name, value in fields.items() if value is not None}
    return jws.serialize_compact(
        fields, json.dumps(claims), key, algorithms=["ES256", "HS256", "RS256"], registry=Lax()
    )


class Lax(jws.JWSRegistry):
    """Signs whatever header a forger likes."""

    def check_header(self, header: Any) -> None:
        pass


def me(api, token: str):
    return api.client.get("/v1/me", headers={"Authorization": f"Bearer {token}"})


def refusal(answer) -> str:
    """The sentence of a 401, after checking that it is one."""
    assert (answer.status_code, answer.content_type) == (401, "application/problem+json"), answer.text
    assert answer.json["code"] == "unauthenticated"
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    return answer.json["detail"]


def test_a_right_token_is_taken(api, key, claims):
    assert me(api, signed(key, claims)).status_code == 200


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic eDp5", "Token x", "Bearer\t"])
def test_without_a_token_the_answer_says_how_to_send_one(api, header):
    answer = api.client.get("/v1/me", headers={} if header is None else {"Authorization": header})
    assert "Send Authorization: Bearer" in refusal(answer)


def test_a_token_in_the_address_is_not_looked_at(api):
    assert api.client.get(f"/v1/me?access_token={api.token}").status_code == 401


@pytest.mark.parametrize("typ", [None, "JWT", "jwt", "", "id+jwt", "AT+JWT "])
def test_another_kind_of_token_is_refused(api, key, claims, typ):
    assert "not an access token" in refusal(me(api, signed(key, claims, typ=typ)))


@pytest.mark.parametrize("extra", [{"jku": "http://x"}, {"jwk": {}}, {"x5u": "http://x"}, {"cty": "x"}])
def test_a_header_that_we_never_write_is_refused(api, key, claims, extra):
    refusal(me(api, signed(key, claims, **extra)))


@pytest.mark.parametrize("value", ["left out", None, [], {}, 1.5, True])
def test_every_claim_is_required_and_of_its_kind(api, key, claims, value):
    for name in claims:
        changed = {**claims, name: value}
        if value == "left out":
            del changed[name]
        refusal(me(api, signed(key, changed)))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"iss": "http://other.test"}, "another gateway"),
        ({"iss": ISSUER + "/"}, "another gateway"),
        ({"aud": "http://other.test"}, "another gateway"),
        ({"mode": "prod"}, "not an access token"),
    ],
)
def test_a_token_for_somewhere_else_is_refused(api, key, claims, changes, words):
    assert words in refusal(me(api, signed(key, {**claims, **changes})))


def test_expiry_has_no_grace_and_issue_has_five_seconds(api, key, claims):
    now = claims["iat"]
    assert "expired" in refusal(me(api, signed(key, {**claims, "exp": now})))
    assert me(api, signed(key, {**claims, "exp": now + 1})).status_code == 200
    assert me(api, signed(key, {**claims, "iat": now + 5})).status_code == 200
    assert "not valid yet" in refusal(me(api, signed(key, {**claims, "iat": now + 6})))


def test_another_key_is_refused_even_under_our_name(api, key, claims):
    forger = new_key()
    assert "not signed by this gateway" in refusal(me(api, signed(forger, claims)))
    refusal(me(api, signed(forger, claims, kid=key.kid)))


def test_a_public_key_used_as_a_shared_secret_is_refused(api, key, claims):
    public = api.client.get("/oauth/jwks").json["keys"][0]
    header = json.dumps({"alg": "HS256", "typ": "at+jwt", "kid": key.kid}).encode()
    content = f"{b64(header)}.{b64(json.dumps(claims).encode())}"
    for secret in (ECKey.import_key(public).as_pem(private=False), json.dumps(public).encode()):
        signature = hmac.digest(secret, content.encode(), "sha256")
        refusal(me(api, f"{content}.{b64(signature)}"))


def test_another_algorithm_is_refused(api, key, claims):
    rsa = RSAKey.generate_key(2048, {"kid": key.kid})
    refusal(me(api, signed(rsa, claims, alg="RS256")))
    for alg in ("none", "None", "", "ES256K", "ES384"):
        header = json.dumps({"alg": alg, "typ": "at+jwt", "kid": key.kid}).encode()
        refusal(me(api, unsigned(header, json.dumps(claims).encode())))
        refusal(me(api, unsigned(header, json.dumps(claims).encode(), b"")))


def test_a_changed_token_is_refused(api):
    header, body, signature = api.token.split(".")
    richer = json.loads(base64.urlsafe_b64decode(body + "=="))
    richer["scope"] = "checkouts:write portal"
    refusal(me(api, f"{header}.{b64(json.dumps(richer).encode())}.{signature}"))
    refusal(me(api, f"{header}.{body}.{signature[:-4]}AAAA"))
    refusal(me(api, f"{header}.{body}."))
    refusal(me(api, f"{header}.{body}"))
    refusal(me(api, f"{header}..{signature}"))


@pytest.mark.parametrize(
    "token",
    [
        ".", "..", "...", "a.b.c", "a b", "\xe9", "x" * 5000, "[" * 2000, "a.b.c.d.e", "null", "{}",
        unsigned(b"[" * 2500), unsigned(b"[]"), unsigned(b"1"), unsigned(b'"x"'), unsigned(b"null"),
        unsigned(b"\xff"), unsigned(b""), unsigned(b'{"alg":["ES256"]}'), unsigned(b'{"alg":"ES256","kid":1}'),
        unsigned(b'{"alg":"ES256","kid":{}}'), unsigned(b'{"alg":NaN}'), unsigned(b'{"alg":"ES256","crit":["x"]}'),
        unsigned(b'{"alg":"ES256","b64":false,"crit":["b64"]}'), unsigned(b'{"alg":"dir","enc":"A256GCM","zip":"DEF"}'),
    ],
)  # fmt: skip
def test_what_is_no_token_is_refused_and_never_an_error_of_ours(api, token):
    refusal(me(api, token))


def test_the_refused_token_is_not_shown(api, key, claims):
    token = signed(key, {**claims, "exp": 1})
    answer = me(api, token)
    assert token not in answer.text
    assert claims["jti"] not in answer.text


def test_a_publishable_key_opens_quotes_only(app, api):
    here = app.extensions["fenqi"]
    with here.db.read() as tx:
        caller = here.authenticator.publishable_key(tx, api.credentials["publishable_key"])
    assert (caller.merchant_id, caller.mode) == (api.credentials["merchant"], "test")
    assert caller.scopes == {"checkouts:read"}
    assert (
        api.client.get("/v1/payments", query_string={"key": api.credentials["publishable_key"]}).status_code
        == 401
    )


def test_the_caller_is_a_server_or_a_person(app, api, portal):
    bearer: Bearer = app.extensions["fenqi"].authenticator

    def caller(token: str) -> Any:
        builder = EnvironBuilder(headers={"Authorization": f"Bearer {token}"})
        with app.app_context():
            return bearer.bearer(Request(builder.get_environ()))

    server, person = caller(api.token), caller(portal.tokens()["access_token"])
    assert (server.client_id, server.user_id) == (api.credentials["client_id"], None)
    assert person.client_id == portal.client_id
    assert person.user_id.startswith("mem_")
    assert server.tenant == person.tenant
    assert server.token_id != person.token_id


def test_a_token_of_one_mode_sees_nothing_of_the_other(api, new_merchant):
    live = new_merchant(mode="live")
    assert live.credentials["client_id"].startswith("ci_live_")
    assert live.get("/v1/me").json["mode"] == "live"
    assert api.get("/v1/me").json["mode"] == "test"


def test_joserfc_itself_would_take_a_token_without_typ(key):
    """Why ``typ`` is checked by us: the library verifies the signature and nothing more."""
    token = jwt.encode({"alg": "ES256", "kid": key.kid}, {"x": 1}, key, default_type=None)
    assert jwt.decode(token, key, algorithms=["ES256"]).claims == {"x": 1}
