"""What the gateway keeps in a browser and asks of it, and whether a form comes from its own pages.

Three cookies: ``fenqi_login`` is the browser's number at the login, so that a form is taken only from the browser that
it was shown to; ``fenqi_device`` says that somebody has logged in from here before (their tries are counted apart); and
``fenqi_account`` names the login for the gateway's account pages. None logs anybody in to the portal or the API.
"""

from __future__ import annotations

import base64
import binascii
import json
import secrets
from datetime import timedelta

from flask import Response, g, request

from gateway.db.transactions import Transaction
from gateway.monitoring.security_events import security_event
from gateway.privacy.vault import VaultError
from gateway.team import passkeys, sessions
from gateway.team.models import LoginSession, TeamMember
from gateway.web import cookies
from gateway.web.context import gateway

DEVICE_LIFE = timedelta(days=180)
DEVICE, ACCOUNT, LOGIN = "fenqi_device", "fenqi_account", "fenqi_login"


def at_login() -> str:
    """The number of the browser that the current request comes from, as a keyed hash; empty when it has none."""
    number = request.cookies.get(cookies.name_of(LOGIN), "")
    return gateway().vault.lookup(number, "login_browser") if number else ""


def number_at_login() -> str:
    """The same for a form that is shown: a browser that has no number gets one with the answer."""
    if "login_number" not in g:
        g.login_number = request.cookies.get(cookies.name_of(LOGIN), "") or secrets.token_urlsafe(32)
    return gateway().vault.lookup(g.login_number, "login_browser")


def keep_number(response: Response) -> Response:
    """Give the browser the number that a form was shown with, if it is new."""
    if "login_number" in g and request.cookies.get(cookies.name_of(LOGIN)) != g.login_number:
        response.set_cookie(cookies.name_of(LOGIN), g.login_number, **cookies.options())
    return response


def known_device(email: str) -> str:
    """The number of this browser, if the person with this address has logged in from it; else empty."""
    try:
        sealed = base64.urlsafe_b64decode(request.cookies.get(cookies.name_of(DEVICE), "").encode("ascii"))
        content = json.loads(gateway().vault.open(sealed, table="cookie", row="device", column="value"))
    except (binascii.Error, UnicodeEncodeError, ValueError, VaultError):
        return ""
    age = gateway().clock().timestamp() - content["at"]
    known = content["who"] == gateway().vault.lookup(email, "device") and age <= DEVICE_LIFE.total_seconds()
    return str(content["device"]) if known else ""


def remember(response: Response, *, email: str, cookie: str) -> Response:
    """Keep both cookies in the browser that has just logged in."""
    life = int(sessions.LIFE.total_seconds())
    response.set_cookie(cookies.name_of(ACCOUNT), cookie, max_age=life, **cookies.options())
    return remember_device(response, whom=email)


def remember_device(response: Response, *, whom: str) -> Response:
    """Keep in the browser that somebody, by address or name, has logged in from it."""
    here = gateway()
    content = {
        "who": here.vault.lookup(whom, "device"),
        "device": known_device(whom) or secrets.token_hex(8),
        "at": int(here.clock().timestamp()),
    }
    sealed = here.vault.seal(json.dumps(content), table="cookie", row="device", column="value")
    device, life = base64.urlsafe_b64encode(sealed).decode(), int(DEVICE_LIFE.total_seconds())
    response.set_cookie(cookies.name_of(DEVICE), device, max_age=life, **cookies.options())
    return response


def session(tx: Transaction) -> LoginSession | None:
    """The open login that this browser's account cookie names."""
    return sessions.of_cookie(tx, gateway().vault, request.cookies.get(cookies.name_of(ACCOUNT), ""))


def merchant(tx: Transaction) -> str | None:
    """The merchant on whose team somebody is who is logged in on this browser, or None."""
    if not request.cookies.get(cookies.name_of(ACCOUNT)):
        return None
    login = session(tx)
    person = tx.get(TeamMember, login.member_id) if login is not None else None
    return person.merchant_id if person is not None else None


def passkey_question(member_id: str | None = None) -> dict[str, str]:
    """What the browser is to sign, and its challenge; of a person, only if there is a passkey to ask for."""
    site = passkeys.Site.of(gateway().settings.public_url)
    with gateway().db.read() as tx:
        asks = site.usable and (member_id is None or bool(passkeys.of_member(tx, member_id)))
        options = passkeys.question(tx, site, member_id) if asks else {"challenge": ""}
    return {"challenge": options["challenge"], "options": json.dumps(options) if asks else ""}


def is_foreign() -> bool:
    """Whether a form was sent from a page that is not ours."""
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    # Without a referrer policy that tells it, a browser says "null"; then Sec-Fetch-Site is the one to believe.
    own = (None, "null", gateway().settings.public_url, request.host_url.rstrip("/"))
    foreign = origin not in own or site in ("cross-site", "same-site")
    if foreign:
        security_event("foreign_form")
    return foreign
