"""Discovery says where everything is and promises only what is there; keys are published without their secrets."""

from __future__ import annotations

import json

import pytest
from authlib.oauth2 import rfc8414, rfc9207
from joserfc.jwk import ECKey

from gateway.oauth.discovery import of_server as document
from gateway.oauth.tokens.keys import SigningKeys
from gateway.privacy.keyfile import KeyFileError
from tests.one_database import database_url  # noqa: F401


def test_the_metadata_is_valid_by_the_rfcs():
    found = rfc8414.AuthorizationServerMetadata(document("https://pay.example.com"))
    found.validate(metadata_classes=[rfc9207.AuthorizationServerMetadata])


def test_every_address_in_the_metadata_answers(api):
    answer = api.client.get("/.well-known/oauth-authorization-server")
    assert answer.headers["Cache-Control"] == "public, max-age=300"
    found = answer.json
    assert found["issuer"] == "http://gateway.test"
    methods = {"jwks_uri": ("GET", 200), "authorization_endpoint": ("GET", 400)}
    for name, address in found.items():
        if name.endswith(("_endpoint", "_uri")):
            method, status = methods.get(name, ("POST", 400))
            path = address.removeprefix("http://gateway.test")
            assert api.client.open(path, method=method).status_code == status, name


def test_the_keys_verify_our_tokens_and_hold_no_secret(api):
    answer = api.client.get("/oauth/jwks")
    assert answer.headers["Cache-Control"] == "public, max-age=300"
    assert len(answer.json["keys"]) == 2
    for row in answer.json["keys"]:
        assert set(row) == {"kty", "crv", "x", "y", "use", "alg", "kid"}
        assert (row["kty"], row["crv"], row["use"], row["alg"]) == ("EC", "P-256", "sig", "ES256")
        assert row["kid"] == ECKey.import_key(row).thumbprint()


def test_the_signing_key_survives_a_restart_and_is_private(tmp_path):
    token = SigningKeys.create(tmp_path).sign({"jti": "tok_1"})
    assert SigningKeys.create(tmp_path).verified(token)[1] == {"jti": "tok_1"}
    assert (tmp_path / "keys" / "signing.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"keys": []},
        {"keys": 1},
        {"keys": [ECKey.generate_key("P-256").as_dict(private=False)]},
        {"keys": [ECKey.generate_key("P-384").as_dict(private=True)]},
        {"keys": [{"kty": "oct", "k": "eA"}]},
    ],
)
def test_a_damaged_key_file_stops_the_start(tmp_path, content):
    path = tmp_path / "keys" / "signing.json"
    path.parent.mkdir()
    path.write_text(json.dumps(content))
    with pytest.raises(KeyFileError, match=r"signing\.json"):
        SigningKeys.create(tmp_path)
    assert json.loads(path.read_text()) == content
