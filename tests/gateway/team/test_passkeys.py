"""Passkeys, with an authenticator of our own that signs as a real one does: what is taken, and what is refused."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import struct
from dataclasses import dataclass, field
from html import unescape
from typing import Any

import cbor2
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from flask import Flask
from webauthn.helpers import bytes_to_base64url as b64

from gateway.app import create_app
from gateway.config import Settings
from gateway.core import one_time_codes
from gateway.team import authenticators, passkeys
from tests.gateway.conftest import TestClock
from tests.gateway.scorer import loaded_scorer
from tests.gateway.team.conftest import Account, second
from tests.one_database import database_url  # noqa: F401

ORIGIN = "http://localhost"
PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


@dataclass
class Device:
    """A platform authenticator with one passkey on P-256, and a counter."""

    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    credential_id: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    count: int = 0

    def create(self, asked: dict[str, Any], **lies: Any) -> str:
        """The answer to ``navigator.credentials.create``."""
        point = self.key.public_key().public_numbers()
        public = {1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32), -3: point.y.to_bytes(32)}
        attested = bytes(16) + struct.pack(">H", 32) + self.credential_id + cbor2.dumps(public)
        said = self._authenticator_data(asked["rp"]["id"], ATTESTED, lies) + attested
        attestation = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": said})
        client = self._client_data("webauthn.create", asked["challenge"], lies)
        return self._answer({"attestationObject": b64(attestation), "clientDataJSON": b64(client)})

    def get(self, asked: dict[str, Any], **lies: Any) -> str:
        """The answer to ``navigator.credentials.get``."""
        said = self._authenticator_data(asked["rpId"], 0, lies)
        client = self._client_data("webauthn.get", asked["challenge"], lies)
        signed = said + hashlib.sha256(client).digest()
        signature = lies.get("key", self.key).sign(signed, ec.ECDSA(hashes.SHA256()))
        return self._answer(
            {"authenticatorData": b64(said), "clientDataJSON": b64(client), "signature": b64(signature)}
        )

    def _authenticator_data(self, host: str, more: int, lies: dict[str, Any]) -> bytes:
        self.count = lies.get("count", self.count + 1)
        flags = lies.get("flags", PRESENT | VERIFIED) | more
        return hashlib.sha256(lies.get("host", host).encode()).digest() + struct.pack(
            ">BI", flags, self.count
        )

    @staticmethod
    def _client_data(kind: str, challenge: str, lies: dict[str, Any]) -> bytes:
        said = {"type": kind, "challenge": challenge, "origin": ORIGIN, "crossOrigin": False}
        return json.dumps({**said, **{name: lies[name] for name in said if name in lies}}).encode()

    def _answer(self, response: dict[str, str]) -> str:
        name = b64(self.credential_id)
        return json.dumps({"id": name, "rawId": name, "type": "public-key", "response": response})


def asked(page: Any) -> dict[str, Any]:
    """What a page asks the browser to sign."""
    found = re.search(r'data-options="([^"]+)"', page.text)
    assert found, page.text
    options: dict[str, Any] = json.loads(unescape(found[1]))
    return options


@pytest.fixture
def app(database_url: str, tmp_path: Any, clock: TestClock) -> Flask:  # noqa: F811
    """The gateway at an address where browsers offer passkeys."""
    settings = Settings(
        database_url=database_url, data_dir=tmp_path / "data", public_url=ORIGIN, worker_in_process=False
    )
    return create_app(settings, clock=clock, ports={"scorer": loaded_scorer()})


@pytest.fixture
def add(account: Account) -> Any:
    """Registers a device's passkey on the account page."""

    def register(device: Device, **lies: Any) -> Any:
        page = account.open()
        return account.do("passkey_add", page, credential=device.create(asked(page), **lies), name="laptop")

    return register


@pytest.fixture
def device(add: Any) -> Device:
    """A device whose passkey the owner has registered."""
    made = Device()
    assert len(re.findall("<li><code>", add(made).text)) == 10, "the first factor brings recovery codes"
    return made


def by_passkey(browser: Any, page: Any, answer: str, **more: str) -> Any:
    """Send a passkey's answer with the form of a page."""
    form = browser.form(page)
    return browser.client.post(form["action"], data={"form": form["form"], "credential": answer, **more})


def log_in(browser: Any, device: Device, **lies: Any) -> Any:
    """Open the login and answer by passkey, without address and password."""
    page = browser.client.get(browser.address())
    return by_passkey(browser, page, device.get(asked(page), **lies))


def test_a_passkey_alone_logs_in_as_two_factors(portal, device, app):
    page = log_in(portal, device)
    assert page.status_code == 200, page.text
    tokens = portal.exchange(portal.returned(portal.carry_on(page))["code"]).json
    claims = app.extensions["fenqi"].authenticator.claims(tokens["access_token"])
    assert (claims["amr"], claims["acr"]) == (["hwk", "mfa"], "2")
    assert portal.me(tokens["access_token"]).json["role"] == "owner"


def test_a_passkey_is_the_second_factor_after_the_password(portal, device):
    page = portal.log_in()
    assert 'name="continue"' not in page.text
    (known,) = asked(page)["allowCredentials"]
    assert known["id"] == b64(device.credential_id)
    answer = by_passkey(portal, page, device.get(asked(page)), second="passkey")
    assert 'name="continue"' in answer.text


def test_another_persons_passkey_is_no_second_factor(portal, make_portal, device):
    other = make_portal("viewer", "li@shop.example")
    other.tokens()
    theirs = Device()
    page = Account(other).open()
    Account(other).do("passkey_add", page, credential=theirs.create(asked(page)), name="")
    page = portal.log_in()
    assert by_passkey(portal, page, theirs.get(asked(page)), second="passkey").status_code == 422
    assert log_in(other, theirs).status_code == 200


def test_lies_do_not_log_in(portal, device):
    lies: list[dict[str, Any]] = [
        {"flags": PRESENT},
        {"flags": 0},
        {"origin": "https://evil.example"},
        {"origin": "http://localhost.evil.example"},
        {"host": "evil.example"},
        {"type": "webauthn.create"},
        {"challenge": b64(bytes(64))},
        {"key": ec.generate_private_key(ec.SECP256R1())},
        {"count": 0},
        {"count": 1},  # of the registration: a copied key would say it again
    ]
    for lie in lies:
        answer = log_in(portal, device, **lie)
        assert (answer.status_code, 'name="continue"' in answer.text) == (422, False), lie
    assert log_in(portal, device).status_code == 200


def test_lies_register_nothing(portal, add):
    lies: list[dict[str, Any]] = [
        {"flags": PRESENT},
        {"origin": "https://evil.example"},
        {"host": "evil.example"},
        {"type": "webauthn.get"},
        {"challenge": b64(bytes(64))},
    ]
    for lie in lies:
        assert add(Device(), **lie).status_code == 422, lie
    assert 'name="continue"' in portal.log_in().text


def test_an_answer_is_taken_once(portal, device, clock):
    page = portal.client.get(portal.address())
    answer = device.get(asked(page))
    assert by_passkey(portal, page, answer).status_code == 200
    assert by_passkey(portal, page, answer).status_code == 422
    another = portal.client.get(portal.address())
    assert by_passkey(portal, another, answer).status_code == 422
    clock.advance(minutes=31)
    assert by_passkey(portal, page, answer).status_code == 400, "the form is older than what is remembered"


def test_a_passkey_is_registered_once(portal, make_portal, device):
    other = make_portal("viewer", "li@shop.example")
    other.tokens()
    page = Account(other).open()
    copied = device.create(asked(page))
    assert Account(other).do("passkey_add", page, credential=copied, name="").status_code == 422


def test_a_person_has_ten_passkeys_at_most(account, add, device):
    for _ in range(passkeys.MOST - 1):
        assert add(Device()).status_code < 400
    assert add(Device()).status_code == 422
    assert account.open().text.count('value="passkey_remove"') == passkeys.MOST


def test_a_removed_passkey_logs_nobody_in_and_takes_the_codes_with_it(app, portal, account, device, call):
    token = portal.exchange(portal.returned(portal.carry_on(log_in(portal, device)))["code"]).json[
        "access_token"
    ]
    mine = call(token, "GET", "/v1/account").json
    assert (mine["recovery_codes_left"], [key["name"] for key in mine["passkeys"]]) == (10, ["laptop"])
    account.do("passkey_remove", passkey=mine["passkeys"][0]["id"])
    assert log_in(portal, device).status_code == 422
    assert call(token, "GET", "/v1/account").json["recovery_codes_left"] == 0
    assert 'name="continue"' in portal.log_in().text, "the password alone is enough again"


def test_nobody_removes_another_persons_passkey(portal, make_portal, device, call):
    token = portal.exchange(portal.returned(portal.carry_on(log_in(portal, device)))["code"]).json[
        "access_token"
    ]
    name = call(token, "GET", "/v1/account").json["passkeys"][0]["id"]
    other = make_portal("owner", "li@shop.example")
    theirs = other.tokens()["access_token"]
    assert call(theirs, "DELETE", f"/v1/account/passkeys/{name}", {}).status_code == 404
    assert Account(other).do("passkey_remove", passkey=name).status_code == 404
    assert log_in(portal, device).status_code == 200


def test_the_api_removes_an_app_and_a_passkey(portal, account, add, call, clock):
    account.enrol_app(clock)
    device = Device()
    add(device)
    token = portal.exchange(portal.returned(portal.carry_on(log_in(portal, device)))["code"]).json[
        "access_token"
    ]
    (key,) = call(token, "GET", "/v1/account").json["passkeys"]
    gone = call(token, "DELETE", f"/v1/account/passkeys/{key['id']}", {})
    assert (gone.status_code, gone.json["deleted"]) == (200, True)
    assert call(token, "GET", "/v1/account").json["authenticator"] is True
    assert call(token, "DELETE", "/v1/account/authenticator", {}).status_code == 200
    after = call(token, "GET", "/v1/account").json
    assert (after["authenticator"], after["passkeys"], after["recovery_codes_left"]) == (False, [], 0)


def test_a_recovery_code_stands_in_for_a_passkey(portal, account, add):
    page = add(Device())
    codes = re.findall(r"<li><code>([a-z0-9-]+)</code>", page.text)
    assert 'name="continue"' in second(portal, portal.log_in(), codes[0]).text


def test_a_passkeys_answer_that_is_nonsense_is_refused(portal):
    page = portal.client.get(portal.address())
    for nonsense in ("{}", "[]", "null", "x", '{"id": 1}', '{"id": "é"}', '{"id": "AAAA"}'):
        assert by_passkey(portal, page, nonsense).status_code == 422


@pytest.mark.parametrize(
    ("url", "usable"),
    [
        ("https://pay.example.com", True),
        ("http://localhost:8400", True),
        ("http://127.0.0.1:8400", False),
        ("http://pay.example.com", False),
        ("https://[::1]", False),
    ],
)
def test_passkeys_are_offered_where_browsers_allow_them(url, usable):
    assert passkeys.Site.of(url).usable is usable


def test_the_picture_is_one_svg_element_without_style():
    picture = authenticators.picture(
        one_time_codes.address("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", "a@b.example")
    )
    assert picture.startswith("<svg")
    assert "style" not in picture
