"""Keys roll over: the next one is published before it signs, and tokens in flight stay good until they die."""

from __future__ import annotations

import json

import pytest

from gateway.errors import Conflict
from gateway.oauth.tokens.keys import PUBLISHED_AHEAD, SigningKeys
from gateway.privacy.keyfile import KeyFileError
from tests.one_database import database_url  # noqa: F401


def kid_of(token: str) -> str:
    import base64  # noqa: PLC0415

    header = token.split(".", maxsplit=1)[0]
    return json.loads(base64.urlsafe_b64decode(header + "=="))["kid"]


def published(api) -> list[str]:
    return [row["kid"] for row in api.client.get("/oauth/jwks").json["keys"]]


@pytest.fixture
def operator(app, clock) -> SigningKeys:
    """The command of another process, on the same file."""
    return SigningKeys.create(app.extensions["fenqi"].settings.data_dir, clock)


def test_tokens_in_flight_survive_a_rotation_and_die_at_their_time(api, operator, clock):
    old, old_kids = api.token, published(api)
    clock.advance(seconds=1)
    operator.rotate()
    clock.advance(seconds=5)
    assert published(api)[:2] == old_kids
    assert len(published(api)) == 3
    api.login()
    assert (kid_of(old), kid_of(api.token)) == tuple(old_kids)
    for token in (old, api.token):
        answer = api.client.get("/v1/me", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 200
    clock.advance(seconds=593)
    assert api.client.get("/v1/me", headers={"Authorization": f"Bearer {old}"}).status_code == 200
    clock.advance(seconds=1)
    refused = api.client.get("/v1/me", headers={"Authorization": f"Bearer {old}"})
    assert "expired" in refused.json["detail"]
    clock.advance(seconds=61)
    assert published(api)[0] == old_kids[1]
    assert len(published(api)) == 2


def test_no_call_fails_while_keys_rotate_again_and_again(api, operator, clock):
    kids, tokens = set(), []
    for minute in range(90):
        if minute % 25 == 3:
            operator.rotate()
        clock.advance(minutes=1)
        api.login()
        kids.add(kid_of(api.token))
        tokens = [*tokens, api.token][-10:]
        for token in tokens[1::4]:
            answer = api.client.get("/v1/me", headers={"Authorization": f"Bearer {token}"})
            assert answer.status_code == 200
    assert len(kids) == 5


def test_a_key_signs_only_ten_minutes_after_it_was_published(tmp_path, clock):
    keys = SigningKeys.create(tmp_path, clock)
    keys.rotate()
    keys.rotate()
    with pytest.raises(Conflict, match="in progress"):
        keys.rotate()
    states = [row["state"] for row in keys.described()]
    assert states == ["verifies", "signs", "waits", "waits"]
    second = kid_of(keys.sign({}))
    clock.advance(seconds=PUBLISHED_AHEAD - 1)
    assert kid_of(keys.sign({})) == second
    clock.advance(seconds=6)
    (signing,) = (row["kid"] for row in keys.described() if row["state"] == "signs")
    assert kid_of(keys.sign({})) == signing != second


def test_a_file_from_before_there_were_rotations_is_read(tmp_path, clock):
    keys = SigningKeys.create(tmp_path, clock)
    token = keys.sign({"jti": "tok_1"})
    path = tmp_path / "keys" / "signing.json"
    path.write_text(json.dumps({"keys": [json.loads(path.read_text())["keys"][0]["jwk"]]}))
    old = SigningKeys.create(tmp_path, clock)
    assert old.verified(token)[1] == {"jti": "tok_1"}
    old.rotate()
    assert [row["state"] for row in old.described()] == ["signs", "waits", "waits"]
    assert old.verified(token)[1] == {"jti": "tok_1"}


def test_a_damaged_file_does_not_stop_a_running_process(tmp_path, clock):
    keys = SigningKeys.create(tmp_path, clock)
    token = keys.sign({"jti": "tok_1"})
    (tmp_path / "keys" / "signing.json").write_text("{")
    clock.advance(seconds=60)
    assert keys.verified(token)[1] == {"jti": "tok_1"}
    with pytest.raises(KeyFileError):
        SigningKeys.create(tmp_path, clock)


def test_nothing_secret_is_published_or_described(tmp_path, clock):
    keys = SigningKeys.create(tmp_path, clock)
    secrets = [
        row["jwk"]["d"] for row in json.loads((tmp_path / "keys" / "signing.json").read_text())["keys"]
    ]
    shown = json.dumps([keys.public, keys.described()])
    assert len(secrets) == 2
    assert not [secret for secret in secrets if secret in shown]
