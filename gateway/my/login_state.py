"""What a browser keeps while somebody logs in: its number and the phone that was typed, sealed, for half an hour."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import asdict, dataclass
from datetime import timedelta

from flask import Response, request

from gateway.my import door
from gateway.privacy.vault import VaultError
from gateway.web import cookies
from gateway.web.context import gateway

LIFE = timedelta(minutes=30)
PROVED = timedelta(minutes=10)
"""So long after the code name and ID number may follow."""
COOKIE = "fenqi_my_login"
PLACE = {"table": "cookie", "row": "my_login", "column": "value"}
BROWSER_BITS = 128


@dataclass(frozen=True, slots=True)
class LoginState:
    """Where a login stands in this browser."""

    mode: str
    browser: str
    """A number of the browser, so that a code is good only where it was asked for."""
    at: int
    """When the number was made (Unix seconds)."""
    phone: str = ""
    proved_at: int = 0
    """When the phone (E.164) was proved by a code; 0 before."""


def read() -> LoginState:
    """The state that the browser's cookie holds, or a new one."""
    here, now = gateway(), int(gateway().clock().timestamp())
    try:
        sealed = base64.urlsafe_b64decode(request.cookies.get(cookies.name_of(COOKIE), "").encode("ascii"))
        state = LoginState(**json.loads(here.vault.open(sealed, **PLACE)))
    except (binascii.Error, TypeError, UnicodeEncodeError, ValueError, VaultError):
        state = None
    if state is None or state.mode != door.mode() or not 0 <= now - state.at < LIFE.total_seconds():
        return LoginState(door.mode(), f"{here.random_bits(BROWSER_BITS):032x}", now)
    return state


def proved_phone() -> str | None:
    """The phone (E.164) that this browser has proved a short time ago, or None."""
    state = read()
    age = gateway().clock().timestamp() - state.proved_at
    return state.phone if state.proved_at and 0 <= age < PROVED.total_seconds() else None


def keep(response: Response, state: LoginState) -> Response:
    """Let the browser keep the state."""
    sealed = gateway().vault.seal(json.dumps(asdict(state)), **PLACE)
    life = int(LIFE.total_seconds())
    value = base64.urlsafe_b64encode(sealed).decode()
    response.set_cookie(cookies.name_of(COOKIE), value, max_age=life, **cookies.options())
    return response


def forget(response: Response) -> Response:
    """Let the browser forget it, once it is logged in."""
    response.delete_cookie(cookies.name_of(COOKIE), **cookies.options())
    return response
