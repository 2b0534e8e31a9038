"""The portal as the OAuth server sees it: a browser that logs in, and a client that exchanges codes."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from gateway.oauth import service
from gateway.team import service as team

REDIRECT = "http://gateway.test/portal/callback"
VERIFIER = "v" * 43
PASSWORD = "correct horse battery"


CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()


@dataclass
class Portal:
    """A browser and the portal behind it."""

    client: FlaskClient
    client_id: str
    email: str
    password: str = PASSWORD
    redirect_uri: str = REDIRECT

    @staticmethod
    def returned(answer: TestResponse) -> dict[str, str]:
        """The parameters that a redirect brings back to the portal, and only to it."""
        assert answer.status_code == 303, answer.text
        address = answer.headers["Location"]
        assert address.startswith(REDIRECT + "?"), address
        return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}

    def asked(self, **changes: str | None) -> dict[str, str]:
        """The parameters of a right request, with changes; None leaves one out."""
        right = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": REDIRECT,
            "state": "xyz",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
        }
        return {name: value for name, value in {**right, **changes}.items() if value is not None}

    def address(self, **changes: str | None) -> str:
        return "/oauth/authorize?" + urlencode(self.asked(**changes))

    def form(self, page: TestResponse) -> dict[str, str]:
        """The hidden field of a page and where the form goes."""
        found = re.search(r'action="([^"]+)".*?name="form" value="([^"]+)"', page.text, re.S)
        assert found is not None, page.text
        return {"action": unescape(found[1]), "form": unescape(found[2])}

    def log_in(
        self,
        password: str = PASSWORD,
        email: str | None = None,
        address: str | None = None,
        **changes: str | None,
    ) -> TestResponse:
        """Open the login, at ``address`` or by a right request, and send it."""
        form = self.form(self.client.get(address or self.address(**changes)))
        return self.client.post(
            form["action"], data={"form": form["form"], "email": email or self.email, "password": password}
        )

    def carry_on(self, page: TestResponse, answer: str = "yes") -> TestResponse:
        """Answer the question after the login."""
        form = self.form(page)
        return self.client.post(form["action"], data={"form": form["form"], "continue": answer})

    def code(self, **changes: str | None) -> str:
        """A fresh code, by the whole way through the pages."""
        return self.returned(self.carry_on(self.log_in(**changes)))["code"]

    def exchange(self, code: str, /, **changes: str) -> TestResponse:
        body = {
            "grant_type": "authorization_code",
            "client_id": self.client_id,
            "code": code,
            "redirect_uri": REDIRECT,
            "code_verifier": VERIFIER,
        }
        return self.client.post("/oauth/token", data={**body, **changes})

    def tokens(self, **changes: str | None) -> dict[str, Any]:
        """Tokens of a person who has just logged in."""
        answer = self.exchange(self.code(**changes))
        assert answer.status_code == 200, answer.text
        return dict(answer.json)

    def refresh(self, token: str, /, **changes: str) -> TestResponse:
        body = {"grant_type": "refresh_token", "client_id": self.client_id, "refresh_token": token}
        return self.client.post("/oauth/token", data={**body, **changes})

    def tab(self) -> FlaskClient:
        """A further connection of the same browser, for requests at the same moment."""
        client = self.client.application.test_client()
        for name in ("fenqi_login", "fenqi_device"):
            cookie = self.client.get_cookie(name)
            if cookie is not None:
                client.set_cookie(name, cookie.value)
        return client

    def me(self, access_token: str) -> TestResponse:
        return self.client.get("/v1/me", headers={"Authorization": f"Bearer {access_token}"})


@pytest.fixture
def make_portal(app: Flask, api: Any) -> Any:
    """Make a team member with a role, and a browser for them."""

    def make(role: str = "owner", email: str = "wang@shop.example") -> Portal:
        def work(tx: Any) -> str:
            team.create_team_member(
                tx,
                merchant_id=api.get("/v1/me").json["merchant"],
                email=email,
                name="王小明",
                password=PASSWORD,
                role=role,
            )
            return service.portal_client(tx, redirect_uris=[REDIRECT], mode="test").client_id

        return Portal(app.test_client(), app.extensions["fenqi"].db.write(work), email)

    return make


@pytest.fixture
def portal(make_portal: Any) -> Portal:
    """An owner of the merchant, before the login."""
    return make_portal()
