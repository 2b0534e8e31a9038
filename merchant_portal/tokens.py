"""Tokens of the logged-in person: fetched from the gateway, kept by ``sessions``, renewed before they end."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import requests
from flask import g, request, session

import fenqi
from merchant_portal.sessions import Held, Sessions

SCOPES = (
    "portal checkouts:write checkouts:read payments:read payments:write refunds:write settlements:read "
    "reconciliations:write events:read webhooks:write"
)
IDLE_SECONDS = 15 * 60
LIFE_SECONDS = 12 * 60 * 60
RENEW_BEFORE_SECONDS = 60
TIMEOUT = (3.05, 20)


class LoggedOut(Exception):
    """Nobody is logged in, or the login has ended."""


class NotRenewed(Exception):
    """The gateway could not be asked for new tokens; the login stays as it is.

    ``wait`` is for how many seconds it asked us to wait, None when it did not.
    """

    def __init__(self, *, wait: int | None = None) -> None:
        super().__init__()
        self.wait = wait


@dataclass
class Tokens:
    """The portal's side of OAuth: authorization code with PKCE S256, rotating refresh tokens."""

    gateway_url: str
    portal_url: str
    client_id: str
    sessions: Sessions
    session: requests.Session
    gateway_key: bytes = b""
    """Shared with the gateway: what we say of our browsers' addresses is signed with it, or not said without one."""
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
        """Trade the code for tokens and begin a new session with them; one of before ends.

        Raises ``LoggedOut``, ``NotRenewed``.
        """
        tokens = self._ask(
            grant_type="authorization_code",
            code=code,
            redirect_uri=f"{self.portal_url}/callback",
            code_verifier=verifier,
        )
        self.end()
        session["csrf"] = secrets.token_urlsafe(24)
        session["sid"] = self.sessions.begin(self._content(tokens, began=int(self.clock())))

    def client(self) -> fenqi.Fenqi:
        """The SDK with the person's token, renewed when it is about to end. Raises ``LoggedOut``, ``NotRenewed``."""
        if "client" not in g:
            with self._held() as held:
                content = self._in_time(held)
                now = self.clock()
                if content["until"] - now < RENEW_BEFORE_SECONDS:
                    content = self._renewed(held, still_good=content["until"] > now)
                else:
                    held.write({**content, "seen": int(now)})
            g.client = fenqi.Fenqi(
                access_token=content["access"], base_url=self.gateway_url, session=self.session, max_retries=1
            )
        client: fenqi.Fenqi = g.client
        return client

    def renew(self) -> None:
        """Fetch tokens that know what has changed about the person, such as a second factor.

        Raises ``LoggedOut``, ``NotRenewed``.
        """
        with self._held() as held:
            self._in_time(held)
            self._renewed(held, still_good=False)

    def end(self) -> None:
        """Revoke what is held and forget it."""
        with contextlib.suppress(LoggedOut), self._held() as held:
            self._end(held)
        session.clear()

    @contextlib.contextmanager
    def _held(self) -> Iterator[Held]:
        with self.sessions.hold(session.get("sid", "")) as held:
            if held is None:
                raise LoggedOut
            yield held

    def _in_time(self, held: Held) -> dict[str, Any]:
        content, now = held.content or {}, self.clock()
        if now - content["seen"] > IDLE_SECONDS or now - content["began"] > LIFE_SECONDS:
            self._end(held)
            session.clear()
            raise LoggedOut
        return content

    def _renewed(self, held: Held, *, still_good: bool) -> dict[str, Any]:
        content = held.content or {}
        try:
            tokens = self._ask(grant_type="refresh_token", refresh_token=content["refresh"])
        except NotRenewed:
            if not still_good:
                raise
            held.write({**content, "seen": int(self.clock())})
        except LoggedOut:
            held.forget()
            session.clear()
            raise
        else:
            held.write(self._content(tokens, began=content["began"]))
        return held.content or {}

    def _end(self, held: Held) -> None:
        refresh = (held.content or {}).get("refresh", "")
        held.forget()
        with contextlib.suppress(requests.RequestException):
            self.session.post(
                f"{self.gateway_url}/oauth/revoke",
                data={"token": refresh, "client_id": self.client_id},
                headers=self._browser(),
                timeout=TIMEOUT,
            )

    def _ask(self, **body: str) -> dict[str, Any]:
        """Tokens from the gateway. Raises ``LoggedOut`` only when it refuses; any other failure is ``NotRenewed``."""
        try:
            answer = self.session.post(
                f"{self.gateway_url}/oauth/token",
                data={**body, "client_id": self.client_id},
                headers=self._browser(),
                timeout=TIMEOUT,
            )
            if answer.status_code == 429:
                raise NotRenewed(wait=_seconds(answer.headers.get("Retry-After", "")))
            tokens: dict[str, Any] = answer.json()
        except (requests.RequestException, ValueError):
            raise NotRenewed from None
        if answer.status_code == 400:
            raise LoggedOut
        if answer.status_code != 200:
            raise NotRenewed
        return tokens

    def _browser(self) -> dict[str, str]:
        """Whom this is for: the gateway counts what is asked for each browser, not all together for the portal."""
        if not self.gateway_key or not request.remote_addr:
            return {}
        told = f"{int(self.clock())} {request.remote_addr}"
        signature = hmac.new(self.gateway_key, told.encode(), hashlib.sha256).hexdigest()
        return {"Fenqi-Browser": f"{told} {signature}"}

    def _content(self, tokens: dict[str, Any], *, began: int) -> dict[str, Any]:
        now = int(self.clock())
        return {
            "access": tokens["access_token"],
            "refresh": tokens["refresh_token"],
            "until": now + int(tokens["expires_in"]),
            "seen": now,
            "began": began,
        }


def _seconds(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 60
