"""The login: /oauth/authorize asks for address and password, shows who asks for what, and sends a code to the portal.

RFC 6749 section 4.1 with PKCE (RFC 7636, S256 only), exact redirect addresses (RFC 9700) and ``iss`` (RFC 9207).
There is no session: every step carries the OAuth parameters in its address and a sealed form that names them.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

from authlib.common.urls import add_params_to_uri
from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749.errors import AccessDeniedError, InvalidRequestError
from flask import Blueprint, Response, make_response, redirect, render_template, request

from gateway.db.transactions import Transaction
from gateway.merchants import service as merchants
from gateway.oauth import login_attempts, parameters, passwords, pushed, service
from gateway.oauth.models import OAuthClient, TeamMember
from gateway.oauth.server import Server, error_answer, uncached
from gateway.privacy.vault import VaultError
from gateway.web.context import gateway
from gateway.web.headers import allow_form_target

blueprint = Blueprint("authorize", __name__, template_folder="templates")
PARAMETERS = (
    "response_type",
    "client_id",
    "redirect_uri",
    "scope",
    "state",
    "code_challenge",
    "code_challenge_method",
    "resource",
    "dpop_jkt",
    "request_uri",
)
FORM_LIFE = {"login": timedelta(minutes=30), "continue": timedelta(minutes=5)}


@blueprint.get("/oauth/authorize")
def ask() -> Response:
    """Show the login, or say at once what is wrong with the request."""
    asked = pushed.asked(request)
    return _login_page(asked, _checked(asked))


@blueprint.post("/oauth/authorize")
def answer() -> Response:
    """Check address and password, then take the answer to the question that follows."""
    asked = pushed.asked(request)
    client = _checked(asked)
    _check_site()
    request.max_content_length = parameters.LONGEST_BODY
    step = "continue" if "continue" in request.form else "login"
    form = _opened(step, asked)
    if form is None:
        return _login_page(asked, client, error="stale", status=400)
    return _log_in(asked, client) if step == "login" else _conclude(asked, form["member"])


@blueprint.errorhandler(OAuth2Error)
def refused(error: OAuth2Error) -> Response:
    """An error goes to the client's own address, or, when that is not certain, to the person."""
    if error.redirect_uri:
        return _sent_back(error.redirect_uri, error.get_body())
    accepted = request.accept_mimetypes.best_match(["application/json", "text/html"])
    if accepted == "application/json":
        return error_answer(error)
    page = render_template("oauth/refused.html", error=error.error, description=error.description)
    return uncached(make_response(page, 400))


def _checked(asked: dict[str, str]) -> OAuthClient:
    """The client that asks, if its request can be granted. Raises ``OAuth2Error``."""
    with gateway().db.read() as tx:
        row: OAuthClient = Server.of(gateway(), tx, asked).get_consent_grant().client.row
        tx.expunge(row)
    return row


def _log_in(asked: dict[str, str], client: OAuthClient) -> Response:
    """Who it is, if the password is right. It is checked outside every transaction: it takes 30 ms of a core."""
    here = gateway()
    email, password = request.form.get("email", "").strip(), request.form.get("password", "")
    if not email or not password:
        return _login_page(asked, client, error="missing", email=email, status=422)
    if len(email) > service.LONGEST_EMAIL or len(password) > passwords.LONGEST:
        return _login_page(asked, client, error="wrong", status=422)
    address = service.normalised(email)
    wait = here.db.write(lambda tx: login_attempts.count(tx, here.vault, address))
    if wait is not None:
        page = _login_page(asked, client, error="wait", email=email, status=429)
        page.headers["Retry-After"] = str(int(wait.total_seconds()) + 1)
        return page
    with here.db.read() as tx:
        member = service.member_of_email(tx, address)
    if not passwords.matches(password, member.password if member else None) or member is None:
        return _login_page(asked, client, error="wrong", email=email, status=422)
    here.db.write(lambda tx: login_attempts.forget(tx, here.vault, address))
    return _continue_page(asked, client, member)


def _conclude(asked: dict[str, str], member_id: str) -> Response:
    """Send a code, or that the person did not want to."""
    if request.form["continue"] != "yes":
        raise AccessDeniedError(
            "The person did not continue.", redirect_uri=asked["redirect_uri"], state=asked.get("state")
        )

    def work(tx: Transaction) -> str:
        server = Server.of(gateway(), tx, asked)
        grant = server.get_consent_grant()
        response = server.create_authorization_response(grant_user=service.member(tx, member_id), grant=grant)
        return str(response.headers["Location"])

    return _sent_back(gateway().db.write(work), [])


def _sent_back(address: str, params: list[tuple[str, str]]) -> Response:
    """To the client, with the name of who answers (RFC 9207); 303, so that no password is sent along."""
    target = add_params_to_uri(address, [*params, ("iss", gateway().settings.public_url)])
    _allow_target(address)
    return uncached(make_response(redirect(target, 303)))


def _login_page(
    asked: dict[str, str],
    client: OAuthClient,
    *,
    error: str | None = None,
    email: str = "",
    status: int = 200,
) -> Response:
    page = render_template(
        "oauth/login.html",
        **_page(asked, client, "login"),
        error=error,
        email=email[: service.LONGEST_EMAIL],
    )
    return uncached(make_response(page, status))


def _continue_page(asked: dict[str, str], client: OAuthClient, member: TeamMember) -> Response:
    with gateway().db.read() as tx:
        merchant = merchants.get(tx, member.merchant_id)
    page = render_template(
        "oauth/continue.html",
        **_page(asked, client, "continue", member=member.id),
        member=member,
        merchant=merchant,
    )
    return uncached(make_response(page))


def _page(asked: dict[str, str], client: OAuthClient, step: str, **facts: str) -> dict[str, Any]:
    _allow_target(asked["redirect_uri"])
    return {
        "action": "/oauth/authorize?" + urlencode(pushed.address(asked)),
        "form": _sealed(step, asked, **facts),
        "mode": client.mode,
        "target": urlsplit(asked["redirect_uri"]).netloc,
    }


def _sealed(step: str, asked: dict[str, str], **facts: str) -> str:
    """A form token: only we can make it, it fits one request of one client, and it ages."""
    here = gateway()
    content = {"at": here.clock().timestamp(), "asked": _digest(asked), **facts}
    sealed = here.vault.seal(json.dumps(content), table="login_form", row=step, column="token")
    return base64.urlsafe_b64encode(sealed).decode()


def _opened(step: str, asked: dict[str, str]) -> dict[str, Any] | None:
    """What the form token says, if it is ours, for this step and request, and young enough."""
    here = gateway()
    try:
        sealed = base64.urlsafe_b64decode(request.form.get("form", "").encode("ascii"))
        content: dict[str, Any] = json.loads(
            here.vault.open(sealed, table="login_form", row=step, column="token")
        )
    except (binascii.Error, UnicodeEncodeError, VaultError):
        return None
    age = timedelta(seconds=here.clock().timestamp() - content["at"])
    fits = hmac.compare_digest(content["asked"], _digest(asked))
    return content if fits and age <= FORM_LIFE[step] else None


def _digest(asked: dict[str, str]) -> str:
    values = urlencode([(name, asked[name]) for name in PARAMETERS if name in asked])
    return gateway().vault.lookup(values, "login_form")


def _check_site() -> None:
    """Refuse a form that another site sent. Raises ``InvalidRequestError``."""
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    # Without a referrer policy that tells it, a browser says "null"; then Sec-Fetch-Site is the one to believe.
    foreign = origin not in (None, "null") and origin not in (
        gateway().settings.public_url,
        request.host_url.rstrip("/"),
    )
    if foreign or site in ("cross-site", "same-site"):
        raise InvalidRequestError("The form was sent from another site.")


def _allow_target(address: str) -> None:
    parts = urlsplit(address)
    allow_form_target(f"{parts.scheme}://{parts.netloc}")
