"""The login: /oauth/authorize asks for address and password, shows who asks for what, and sends a code to the portal.

RFC 6749 section 4.1 with PKCE (RFC 7636, S256 only), exact redirect addresses (RFC 9700) and ``iss`` (RFC 9207).
Every step carries the OAuth parameters in its address and a sealed form that names them. After the password comes the
second factor of who has one; a passkey is both at once. Every request logs in anew, so ``prompt=login`` and ``max_age``
(RFC 9470) hold whatever they say.
"""

from __future__ import annotations

import hmac
import secrets
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from authlib.common.urls import add_params_to_uri
from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749.errors import AccessDeniedError, InvalidRequestError
from flask import Blueprint, Response, make_response, redirect, render_template, request

from gateway.audit import service as audit
from gateway.audit.service import Actor
from gateway.db.transactions import Transaction
from gateway.merchants import service as merchants
from gateway.monitoring.security_events import security_event
from gateway.oauth.authorize import par, parameters
from gateway.oauth.authorize import refused as refused_request
from gateway.oauth.models import OAuthClient
from gateway.oauth.rates import LOGINS
from gateway.oauth.tokens.server import Server, uncached
from gateway.team import browser_cookies, factors, forms, login_attempts, passkeys, passwords, sessions
from gateway.team import service as team
from gateway.web.context import gateway
from gateway.web.headers import allow_form_target
from gateway.web.rate_limits import limited

if TYPE_CHECKING:
    from gateway.team.models import TeamMember

blueprint = Blueprint("authorize", __name__, template_folder="../templates")
FORM_LIFE = {"login": timedelta(minutes=30), "second": timedelta(minutes=5), "continue": timedelta(minutes=5)}
PASSWORD, CODE, PASSKEY = ("pwd",), ("pwd", "otp", "mfa"), ("hwk", "mfa")
"""How somebody logged in, by the names of RFC 8176."""


@blueprint.get("/oauth/authorize")
def ask() -> Response:
    """Show the login, or say at once what is wrong with the request."""
    authorization = par.authorization_of(request)
    return _login_page(authorization, _checked(authorization))


@blueprint.post("/oauth/authorize")
@limited(LOGINS)
def answer() -> Response:
    """Check address and password, then take the answer to the question that follows."""
    authorization = par.authorization_of(request)
    client = _checked(authorization)
    _check_site()
    request.max_content_length = parameters.LONGEST_BODY
    step = next((name for name in ("continue", "second") if name in request.form), "login")
    form = _opened(step, authorization)
    if form is None:
        return _login_page(
            authorization, client, error="stale" if browser_cookies.at_login() else "cookie", status=400
        )
    if step == "continue":
        return _conclude(authorization, client, form)
    if step == "second":
        return _second_factor(authorization, client, form)
    return (
        _by_passkey(authorization, client, form)
        if request.form.get("credential")
        else _log_in(authorization, client)
    )


@blueprint.after_request
def bound(response: Response) -> Response:
    """The browser keeps its number, which every form of the login names."""
    return browser_cookies.keep_number(response)


@blueprint.errorhandler(OAuth2Error)
def refused(error: OAuth2Error) -> Response:
    """An error goes to the client's own address, or, when that is not certain, to the person."""
    if error.redirect_uri:
        return _sent_back(error.redirect_uri, error.get_body())
    return refused_request.here(error)


def _checked(authorization: dict[str, str]) -> OAuthClient:
    """The client that asks, if its request can be granted. Raises ``OAuth2Error``."""
    with gateway().db.read() as tx:
        row: OAuthClient = Server.of(gateway(), tx, authorization).get_consent_grant().client.row
        tx.expunge(row)
    return row


def _log_in(authorization: dict[str, str], client: OAuthClient) -> Response:
    """Who it is, if the password is right. It is checked outside every transaction: it takes 30 ms of a core."""
    here = gateway()
    email, password = request.form.get("email", "").strip(), request.form.get("password", "")
    if not email or not password:
        return _login_page(authorization, client, error="missing", email=email, status=422)
    if len(email) > team.LONGEST_EMAIL or len(password) > passwords.LONGEST:
        security_event("login_failed", reason="too_long", client_id=client.id, mode=client.mode)
        return _login_page(authorization, client, error="wrong", status=422)
    address = team.normalised(email)
    device = browser_cookies.known_device(address)
    wait = here.db.write(lambda tx: login_attempts.count(tx, here.vault, address, device))
    if wait is not None:
        security_event("login_locked", subject=address, client_id=client.id, mode=client.mode)
        return _wait(_login_page(authorization, client, error="wait", email=email, status=429), wait)
    with here.db.read() as tx:
        member = team.member_of_email(tx, address)
    if not passwords.matches(password, member.password if member else None) or member is None:
        security_event("login_failed", subject=address, client_id=client.id, mode=client.mode)
        return _login_page(authorization, client, error="wrong", email=email, status=422)
    here.db.write(lambda tx: login_attempts.forget(tx, here.vault, address, device))
    with here.db.read() as tx:
        enrolled = factors.enrolled(tx, member.id)
    if enrolled:
        return _second_page(authorization, client, member.id)
    if _needs_second_factor(client):
        return _login_page(authorization, client, error="factor", email=email, status=403)
    return _continue_page(authorization, client, member, PASSWORD)


def _needs_second_factor(client: OAuthClient) -> bool:
    """Whether a password alone opens nothing: in live mode; a first factor is set up in the portal of test mode."""
    return client.mode == "live"


def _second_factor(authorization: dict[str, str], client: OAuthClient, form: dict[str, Any]) -> Response:
    """Check the code of the app, a recovery code, or the answer of a passkey, after the password."""
    here, member_id = gateway(), form["member"]
    if request.form.get("credential"):
        return _by_passkey(authorization, client, form)
    wait = here.db.write(lambda tx: login_attempts.count(tx, here.vault, f"second {member_id}"))
    if wait is not None:
        security_event("factor_locked", subject=member_id, client_id=client.id, mode=client.mode)
        return _wait(_second_page(authorization, client, member_id, error="wait", status=429), wait)

    def in_transaction(tx: Transaction) -> TeamMember | None:
        if not factors.check_code(tx, here.vault, member_id, request.form.get("code", "")[:40]):
            return None
        login_attempts.forget(tx, here.vault, f"second {member_id}")
        return team.member_or_none(tx, member_id)

    member = here.db.write(in_transaction)
    if member is None:
        security_event("factor_failed", subject=member_id, client_id=client.id, mode=client.mode)
        return _second_page(authorization, client, member_id, error="code", status=422)
    return _continue_page(authorization, client, member, CODE)


def _by_passkey(authorization: dict[str, str], client: OAuthClient, form: dict[str, Any]) -> Response:
    """Check a passkey, alone or after the password; guessing one is hopeless, so tries are not counted."""
    here, after_password = gateway(), form.get("member")

    def in_transaction(tx: Transaction) -> TeamMember | None:
        member_id = passkeys.check(
            tx,
            passkeys.Site.of(here.settings.public_url),
            answer=request.form["credential"],
            challenge=form["challenge"],
            member_id=after_password,
        )
        return team.member_or_none(tx, member_id) if member_id else None

    member = here.db.write(in_transaction)
    if member is not None:
        return _continue_page(authorization, client, member, PASSKEY)
    security_event("passkey_failed", subject=after_password or "", client_id=client.id, mode=client.mode)
    if after_password:
        return _second_page(authorization, client, after_password, error="passkey", status=422)
    return _login_page(authorization, client, error="passkey", status=422)


def _conclude(authorization: dict[str, str], client: OAuthClient, form: dict[str, Any]) -> Response:
    """Send a code, or that the person did not want to, unless another password or a first factor came meanwhile."""
    if request.form["continue"] != "yes":
        raise AccessDeniedError(
            "The person chose not to continue.",
            redirect_uri=authorization["redirect_uri"],
            state=authorization.get("state"),
        )

    login = sessions.Login(
        amr=tuple(form["amr"]),
        at=datetime.fromtimestamp(form["at"], UTC),
        device=request.headers.get("User-Agent", ""),
        home=authorization["redirect_uri"].removesuffix("/callback"),
        cookie=secrets.token_urlsafe(32),
    )

    def in_transaction(tx: Transaction) -> tuple[str, str] | None:
        member = team.member_or_none(tx, form["member"])
        weak = login.amr == PASSWORD and (
            _needs_second_factor(client) or factors.enrolled(tx, form["member"])
        )
        if member is None or weak or form["proof"] != _proof(member):
            return None
        server = Server.of(gateway(), tx, authorization)
        server.login = login
        grant = server.get_consent_grant()
        response = server.create_authorization_response(grant_user=member, grant=grant)
        _record_login(tx, member, str(grant.client.row.mode), login.amr)
        return str(response.headers["Location"]), member.email

    done = gateway().db.write(in_transaction)
    if done is None:
        return _login_page(authorization, client, error="stale", status=400)
    return browser_cookies.remember(_sent_back(done[0], []), email=done[1], cookie=login.cookie)


def _record_login(tx: Transaction, member: TeamMember, mode: str, amr: tuple[str, ...]) -> None:
    audit.record(
        tx,
        Actor("member", member.id),
        "login",
        about=member.id,
        merchant_id=member.merchant_id,
        mode=mode,
        facts={"amr": list(amr)},
    )


def _wait(page: Response, wait: timedelta) -> Response:
    page.headers["Retry-After"] = str(int(wait.total_seconds()) + 1)
    return page


def _sent_back(address: str, params: list[tuple[str, str]]) -> Response:
    """To the client, with the name of who answers (RFC 9207); 303, so that no password is sent along."""
    target = add_params_to_uri(address, [*params, ("iss", gateway().settings.public_url)])
    _allow_target(address)
    return uncached(make_response(redirect(target, 303)))


def _login_page(
    authorization: dict[str, str],
    client: OAuthClient,
    *,
    error: str | None = None,
    email: str = "",
    status: int = 200,
) -> Response:
    question = browser_cookies.passkey_question()
    page = render_template(
        "oauth/login.html",
        **_page(authorization, client, "login", challenge=question["challenge"]),
        error=error,
        email=email[: team.LONGEST_EMAIL],
        passkey=question["options"],
    )
    return uncached(make_response(page, status))


def _second_page(
    authorization: dict[str, str],
    client: OAuthClient,
    member_id: str,
    *,
    error: str | None = None,
    status: int = 200,
) -> Response:
    question = browser_cookies.passkey_question(member_id)
    page = render_template(
        "oauth/second.html",
        **_page(authorization, client, "second", member=member_id, challenge=question["challenge"]),
        error=error,
        passkey=question["options"],
    )
    return uncached(make_response(page, status))


def _continue_page(
    authorization: dict[str, str], client: OAuthClient, member: TeamMember, amr: tuple[str, ...]
) -> Response:
    with gateway().db.read() as tx:
        merchant = merchants.get(tx, member.merchant_id)
    page = render_template(
        "oauth/continue.html",
        **_page(authorization, client, "continue", member=member.id, amr=amr, proof=_proof(member)),
        member=member,
        merchant=merchant,
    )
    return uncached(make_response(page))


def _page(authorization: dict[str, str], client: OAuthClient, step: str, **facts: Any) -> dict[str, Any]:
    _allow_target(authorization["redirect_uri"])
    return {
        "action": "/oauth/authorize?" + urlencode(par.address(authorization)),
        "form": _sealed(step, authorization, **facts),
        "mode": client.mode,
        "target": urlsplit(authorization["redirect_uri"]).netloc,
    }


def _sealed(step: str, authorization: dict[str, str], **facts: Any) -> str:
    """A form token: only we can make it, it fits one request of one client and one browser, and it ages.

    Without the browser somebody could log others in to an account of theirs, by a form sent from a page of theirs.
    """
    return forms.sealed(
        step, asked=_digest(authorization), browser=browser_cookies.number_at_login(), **facts
    )


def _opened(step: str, authorization: dict[str, str]) -> dict[str, Any] | None:
    """What the form token says, if it is ours, for this step, request and browser, and young enough."""
    content = forms.opened(step, FORM_LIFE[step])
    if content is None or not hmac.compare_digest(content["asked"], _digest(authorization)):
        return None
    browser = browser_cookies.at_login()
    return content if browser and hmac.compare_digest(content.get("browser", ""), browser) else None


def _proof(member: TeamMember) -> str:
    """Changes with the password: a form from before is stale."""
    return gateway().vault.lookup(member.password, "login_proof")


def _digest(authorization: dict[str, str]) -> str:
    values = urlencode(
        [(name, authorization[name]) for name in (*par.PARAMETERS, "request_uri") if name in authorization]
    )
    return gateway().vault.lookup(values, "login_form")


def _check_site() -> None:
    """Refuse a form that another site sent. Raises ``InvalidRequestError``."""
    if browser_cookies.is_foreign():
        raise InvalidRequestError("The form was sent from another site.")


def _allow_target(address: str) -> None:
    parts = urlsplit(address)
    allow_form_target(f"{parts.scheme}://{parts.netloc}")
