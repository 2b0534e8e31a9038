"""The page on which an operator logs in: name, password and the code of the app, all three at once.

One answer to whatever is wrong says nothing of which of them it was. Every request logs in anew, so no page asks
whether to go on: the form itself says where it leads and what the program may then do. It is bound to the browser that
it was shown to.
"""

from __future__ import annotations

import hmac
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from authlib.common.urls import add_params_to_uri
from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749.errors import InvalidRequestError
from flask import Blueprint, Response, make_response, redirect, render_template, request

from gateway.audit import service as audit
from gateway.audit.service import Actor
from gateway.db.transactions import Transaction
from gateway.errors import CodeRefused, NotFound, TooManyRequests
from gateway.monitoring.security_events import security_event
from gateway.oauth.authorize import parameters
from gateway.oauth.authorize import refused as refused_request
from gateway.oauth.operators import addresses
from gateway.oauth.operators.server import OperatorServer
from gateway.oauth.rates import LOGINS
from gateway.oauth.tokens.server import uncached
from gateway.operators import service as operators
from gateway.team import browser_cookies, forms, login_attempts, passwords
from gateway.web.context import gateway
from gateway.web.headers import allow_form_target
from gateway.web.rate_limits import limited

if TYPE_CHECKING:
    from gateway.operators.models import Operator

blueprint = Blueprint("operators_login", __name__, template_folder="../templates")
FORM_LIFE = timedelta(minutes=30)
LONGEST_NAME = 40
STEP = "operator_login"
PARAMETERS = ("client_id", "redirect_uri", "response_type", "scope", "state", "code_challenge", "resource")


@blueprint.get("/operator/authorize")
def operator_login() -> Response:
    """Show the login, or say at once what is wrong with the request."""
    wanted = parameters.in_address(request)
    return _page(wanted, _checked(wanted))


@blueprint.post("/operator/authorize")
@limited(LOGINS)
def operator_log_in() -> Response:
    """Check name, password and code, and send the program its code."""
    wanted = parameters.in_address(request)
    scope = _checked(wanted)
    if browser_cookies.is_foreign():
        raise InvalidRequestError("The form was sent from another site.")
    request.max_content_length = parameters.LONGEST_BODY
    form, browser = forms.opened(STEP, FORM_LIFE), browser_cookies.at_login()
    ours = form is not None and browser and hmac.compare_digest(form["browser"], browser)
    if form is None or not ours or not hmac.compare_digest(form["request"], _digest(wanted)):
        return _page(wanted, scope, error="stale" if browser else "cookie", status=400)
    name = operators.normalised(request.form.get("name", ""))
    if not (name and request.form.get("password") and request.form.get("code")):
        return _page(wanted, scope, error="missing", name=name, status=422)
    device = browser_cookies.known_device(_whom(name))
    wait = gateway().db.write(
        lambda tx: login_attempts.count(tx, gateway().vault, _whom(name[:LONGEST_NAME]), device)
    )
    if wait is not None:
        return _waits(wanted, scope, name, int(wait.total_seconds()) + 1)
    try:
        operator = _proved(name)
    except TooManyRequests:
        return _waits(wanted, scope, name, int(operators.WINDOW.total_seconds()))
    if operator is None:
        security_event("login_failed", subject=_known(name), client_id=addresses.CLIENT_ID)
        return _page(wanted, scope, error="wrong", name=name, status=422)
    return _logged_in(wanted, operator, device)


@blueprint.after_request
def bound(response: Response) -> Response:
    """The browser keeps its number, which the form names."""
    return browser_cookies.keep_number(response)


@blueprint.errorhandler(OAuth2Error)
def refused(error: OAuth2Error) -> Response:
    """An error goes to the program, or, when its address is not certain, to the person."""
    if error.redirect_uri:
        return _sent_back(error.redirect_uri, error.get_body())
    return refused_request.here(error)


def _checked(wanted: dict[str, str]) -> str:
    """The scopes wanted, if the request can be granted. Raises ``OAuth2Error``."""
    with gateway().db.read() as tx:
        grant = OperatorServer(tx, wanted, gateway()).get_consent_grant()
        return str(grant.request.scope)


def _proved(name: str) -> Operator | None:
    """The operator whose password and code these are; the code is used up only after a right password.

    The password is checked outside every transaction: it takes 30 ms of a core. Raises ``TooManyRequests``.
    """
    here, password = gateway(), request.form["password"]
    with here.db.read() as tx:
        row = operators.able_to_log_in(tx, name[:LONGEST_NAME])
        known = row.password if row is not None else None
    right = passwords.matches(password[: passwords.LONGEST + 1], known)
    if row is None or known is None or not right:
        return None
    try:
        return operators.prove(here.db, here.vault, row.name, request.form["code"][:40])
    except (CodeRefused, NotFound):
        return None


def _logged_in(wanted: dict[str, str], operator: Operator, device: str) -> Response:
    here = gateway()

    def in_transaction(tx: Transaction) -> str:
        login_attempts.forget(tx, here.vault, _whom(operator.name), device)
        grant = (server := OperatorServer(tx, wanted, here)).get_consent_grant()
        response = server.create_authorization_response(
            grant_user=operators.present(tx, operator.name), grant=grant
        )
        audit.record(
            tx,
            Actor("operator", operator.id),
            "operator.login",
            about=operator.id,
            facts={"name": operator.name, "scope": str(grant.request.scope)},
        )
        return str(response.headers["Location"])

    answer = _sent_back(here.db.write(in_transaction), [])
    return browser_cookies.remember_device(answer, whom=_whom(operator.name))


def _known(name: str) -> str:
    """The id of whoever has the name: what somebody types is kept nowhere."""
    with gateway().db.read() as tx:
        row = operators.able_to_log_in(tx, name[:LONGEST_NAME])
        return row.id if row is not None else ""


def _waits(wanted: dict[str, str], scope: str, name: str, seconds: int) -> Response:
    security_event("login_locked", subject=_known(name), client_id=addresses.CLIENT_ID)
    page = _page(wanted, scope, error="wait", name=name, status=429)
    page.headers["Retry-After"] = str(seconds)
    return page


def _whom(name: str) -> str:
    """As whom tries are counted: no address of a merchant's person has a space."""
    return f"operator {name}"


def _page(
    wanted: dict[str, str], scope: str, *, error: str | None = None, name: str = "", status: int = 200
) -> Response:
    target = urlsplit(wanted["redirect_uri"])
    allow_form_target(f"{target.scheme}://{target.netloc}")
    facts: dict[str, Any] = {
        "action": "/operator/authorize?" + urlencode(wanted),
        "form": forms.sealed(STEP, request=_digest(wanted), browser=browser_cookies.number_at_login()),
        "target": target.netloc,
        "scopes": [one.partition(":")[2] for one in scope.split()],
        "error": error,
        "name": name[:LONGEST_NAME],
    }
    return uncached(make_response(render_template("oauth/operator_login.html", **facts), status))


def _sent_back(address: str, params: list[tuple[str, str]]) -> Response:
    """To the program, with the name of who answers (RFC 9207); 303, so that no password is sent along."""
    issuer = addresses.issuer(gateway().settings.public_url)
    target = urlsplit(address)
    allow_form_target(f"{target.scheme}://{target.netloc}")
    return uncached(make_response(redirect(add_params_to_uri(address, [*params, ("iss", issuer)]), 303)))


def _digest(wanted: dict[str, str]) -> str:
    values = urlencode([(name, wanted[name]) for name in PARAMETERS if name in wanted])
    return gateway().vault.lookup(values, "operator_login_form")
