"""Tokens of the logged-in person: fetched from the gateway, kept sealed in the cookie, renewed before they end."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import requests
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from flask import g, session

import fenqi

SCOPES = "portal checkouts:read payments:read payments:write refunds:write settlements:read events:read webhooks:write"
IDLE_SECONDS = 15 * 60
LIFE_SECONDS = 12 * 60 * 60
RENEW_BEFORE_SECONDS = 60
TIMEOUT = (3.05, 20)


class LoggedOut(Exception):
    """Nobody is logged in, or the login has ended."""


@dataclass
class Tokens:
    """The portal's side of OAuth: authorization code with PKCE S256, rotating refresh tokens."""

    gateway_url: str
    portal_url: str
    client_id: str
    key: bytes
    session: requests.Session
    clock: Callable[[], float] = time.time

    def authorization_address(self, state: str, verifier: str, **more: str) -> str:
        """Where the browser goes to log in."""
        digest = hashlib.sha256(verifier.encode()).digest()
        return f"{self.gateway_url}/oauth/authorize?" + urlencode(
            {
                "response_type": "code",
                "client_id": self.client_id,
                "redirect_uri": f"{self.portal_url}/callback",
                "scope": SCOPES,
                "state": state,
                "code_challenge": base64.urlsafe_b64encode(digest).decode().rstrip("="),
                "code_challenge_method": "S256",
                **more,
            }
        )

    def redeem(self, code: str, verifier: str) -> None:
        """Trade the code for tokens and begin a new session with them. Raises ``LoggedOut``."""
        tokens = self._ask(
            grant_type="authorization_code",
            code=code,
            redirect_uri=f"{self.portal_url}/callback",
            code_verifier=verifier,
        )
        session.clear()
        session["csrf"] = secrets.token_urlsafe(24)
        self._keep(tokens)

    def client(self) -> fenqi.Fenqi:
        """The SDK with the person's token, renewed when it is about to end. Raises ``LoggedOut``."""
        if "client" not in g:
            held = self._held()
            now = self.clock()
            if now - held["seen"] > IDLE_SECONDS or now - held["began"] > LIFE_SECONDS:
                self.end()
                raise LoggedOut
            if held["until"] - now < RENEW_BEFORE_SECONDS:
                held = self._renewed(held)
            else:
                self._seal({**held, "seen": int(now)})
            g.client = fenqi.Fenqi(
                access_token=held["access"], base_url=self.gateway_url, session=self.session, max_retries=1
            )
        client: fenqi.Fenqi = g.client
        return client

    def renew(self) -> None:
        """Fetch tokens that know what has changed about the person, such as a second factor. Raises ``LoggedOut``."""
        self.client()  # a session that is idle for too long ends here
        self._renewed(self._held())

    def _renewed(self, held: dict[str, Any]) -> dict[str, Any]:
        return self._keep(
            self._ask(grant_type="refresh_token", refresh_token=held["refresh"]), began=held["began"]
        )

    def end(self) -> None:
        """Revoke what is held and forget it."""
        with contextlib.suppress(LoggedOut, requests.RequestException):
            self.session.post(
                f"{self.gateway_url}/oauth/revoke",
                data={"token": self._held()["refresh"], "client_id": self.client_id},
                timeout=TIMEOUT,
            )
        session.clear()

    def _ask(self, **body: str) -> dict[str, Any]:
        answer = self.session.post(
            f"{self.gateway_url}/oauth/token", data={**body, "client_id": self.client_id}, timeout=TIMEOUT
        )
        if answer.status_code != 200:
            session.clear()
            raise LoggedOut
        tokens: dict[str, Any] = answer.json()
        return tokens

    def _keep(self, tokens: dict[str, Any], *, began: int | None = None) -> dict[str, Any]:
        now = int(self.clock())
        held = {
            "access": tokens["access_token"],
            "refresh": tokens["refresh_token"],
            "until": now + int(tokens["expires_in"]),
            "seen": now,
            "began": now if began is None else began,
        }
        self._seal(held)
        return held

    def _seal(self, held: dict[str, Any]) -> None:
        nonce = secrets.token_bytes(12)
        sealed = self._cipher().encrypt(nonce, json.dumps(held).encode(), b"portal tokens")
        session["tokens"] = base64.b64encode(nonce + sealed).decode()

    def _held(self) -> dict[str, Any]:
        try:
            raw = base64.b64decode(session["tokens"])
            held: dict[str, Any] = json.loads(self._cipher().decrypt(raw[:12], raw[12:], b"portal tokens"))
        except (KeyError, ValueError, InvalidTag):
            raise LoggedOut from None
        return held

    def _cipher(self) -> AESGCM:
        return AESGCM(hashlib.sha256(b"portal tokens" + self.key).digest())
