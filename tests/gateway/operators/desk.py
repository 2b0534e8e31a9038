"""Operators before a gateway of the tests: their apps, their browsers, and the program that they log in with."""

from __future__ import annotations

import base64
import hashlib
import re
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pyotp
from flask import Flask
from werkzeug.test import TestResponse

from gateway.operators import service as operators
from gateway.team import passwords

REDIRECT = "http://127.0.0.1:53682/callback"
VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
PASSWORD = "correct horse battery"
KNOWN = passwords.hashed(PASSWORD)


class Operator:
    """One operator: an app, a browser of their own, and a program with a token."""

    def __init__(self, app: Flask, clock: Any, name: str, vouched_by: str | None) -> None:
        self.app, self.clock, self.name = app, clock, name
        self.gateway, self.client, self.token = app.extensions["fenqi"], app.test_client(), ""

        def add(tx: Any) -> tuple[str, str]:
            by = operators.present(tx, vouched_by) if vouched_by else None
            row, secret = operators.add(tx, self.gateway.vault, name, by=by)
            return row.id, secret

        self.id, self.secret = self.gateway.db.write(add)
        operators.prove(self.gateway.db, self.gateway.vault, name, self.code(), first_time=True)
        self.gateway.db.write(lambda tx: operators.choose_password(tx, name, KNOWN) and None)

    def code(self) -> str:
        """The code that the app shows next."""
        self.clock.advance(seconds=30)
        return pyotp.TOTP(self.secret).at(self.clock.now)

    @staticmethod
    def address(**changes: str | None) -> str:
        """Where the login is asked for, with changes; None leaves a parameter out."""
        right = {
            "response_type": "code",
            "client_id": "operators",
            "redirect_uri": REDIRECT,
            "state": "xyz",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
        }
        return "/operator/authorize?" + urlencode(
            {name: value for name, value in {**right, **changes}.items() if value is not None}
        )

    def send(self, address: str | None = None, **fields: str) -> TestResponse:
        """Open the login and send its form."""
        page = self.client.get(address or self.address())
        found = re.search(r'action="([^"]+)".*?name="form" value="([^"]+)"', page.text, re.S)
        assert found is not None, page.text
        sent = {"form": unescape(found[2]), "name": self.name, "password": PASSWORD, **fields}
        if "code" not in sent:
            sent["code"] = self.code()
        return self.client.post(unescape(found[1]), data=sent)

    def code_of(self, answer: TestResponse) -> str:
        """The code that a login has brought."""
        assert answer.status_code == 303, answer.text
        assert answer.headers["Location"].startswith(REDIRECT + "?")
        back = {
            name: values[0] for name, values in parse_qs(urlsplit(answer.headers["Location"]).query).items()
        }
        assert (back["state"], back["iss"]) == ("xyz", "http://gateway.test/operator")
        return back["code"]

    def exchange(self, code: str, **changes: str) -> TestResponse:
        body = {
            "grant_type": "authorization_code",
            "client_id": "operators",
            "code": code,
            "redirect_uri": REDIRECT,
            "code_verifier": VERIFIER,
        }
        return self.client.post("/operator/token", data={**body, **changes})

    def log_in(self, scope: str | None = None) -> dict[str, Any]:
        """Log in; returns the tokens, of which the access token is used from now on."""
        answer = self.exchange(self.code_of(self.send(self.address(scope=scope))))
        assert answer.status_code == 200, answer.text
        self.token = answer.json["access_token"]
        return dict(answer.json)

    def refresh(self, token: str, **changes: str) -> TestResponse:
        body = {"grant_type": "refresh_token", "client_id": "operators", "refresh_token": token}
        return self.client.post("/operator/token", data={**body, **changes})

    def call(self, method: str, path: str, body: Any = None) -> TestResponse:
        headers = {"Authorization": f"Bearer {self.token}"}
        return self.client.open("/v1/operator" + path, method=method, json=body, headers=headers)

    def get(self, path: str) -> TestResponse:
        return self.call("GET", path)

    def post(self, path: str, body: Any) -> TestResponse:
        return self.call("POST", path, body)


def two(app: Flask, clock: Any) -> tuple[Operator, Operator]:
    """The first operator, and one for whom the first vouches."""
    return Operator(app, clock, "li.na", None), Operator(app, clock, "wang.wei", "li.na")
