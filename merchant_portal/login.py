"""Logging in and out: to the gateway and back, with state, PKCE and the issuer checked."""

from __future__ import annotations

import hmac
import secrets
from typing import Any, cast

from flask import Blueprint, abort, current_app, redirect, render_template, request, session, url_for

from merchant_portal import refusals
from merchant_portal.tokens import LoggedOut, Tokens

blueprint = Blueprint("login", __name__)


def tokens() -> Tokens:
    """The portal's side of OAuth."""
    return cast(Tokens, current_app.extensions["portal"])


def check_csrf() -> None:
    """Refuse a form that does not carry this session's token."""
    if not _same(request.form.get("csrf", ""), session.get("csrf", "")):
        refusals.note("portal_form_refused")
        abort(403)


def _same(sent: str, kept: str) -> bool:
    """Whether what was sent is what was kept, compared in constant time whatever its characters are."""
    return bool(kept) and hmac.compare_digest(
        sent.encode("utf-8", "surrogatepass"), kept.encode("utf-8", "surrogatepass")
    )


@blueprint.get("/login")
def begin() -> Any:
    """Send the browser to the gateway's login."""
    session.clear()
    return _to_the_gateway()


def step_up(max_age: int) -> Any:
    """Send somebody who is logged in through the login once more, then back to the page of what they did (RFC 9470).

    What was to be changed is asked again there: a page that was left open does not act by itself after a login.
    """
    session["next"] = _page_of(request.path)
    return _to_the_gateway(prompt="login", max_age=str(max_age))


def _to_the_gateway(**more: str) -> Any:
    session["state"], session["verifier"] = secrets.token_urlsafe(24), secrets.token_urlsafe(48)
    return redirect(tokens().authorization_address(session["state"], session["verifier"], **more), 303)


def _page_of(path: str) -> str:
    """The page on which this was asked: the path itself where it can be looked at, else the nearest above it."""
    routes = current_app.url_map.bind("portal")
    while path.count("/") > 1 and not routes.test(path, "GET"):
        path = path.rpartition("/")[0]
    return path if routes.test(path, "GET") else "/"


@blueprint.get("/callback")
def callback() -> Any:
    """The browser is back with a code; anything that does not match starts the login again."""
    verifier, page = session.get("verifier", ""), session.get("next")
    fits = _same(request.args.get("state", ""), session.get("state", ""))
    if not fits or request.args.get("iss") != tokens().gateway_url or not request.args.get("code"):
        refusals.note("portal_callback_refused", "foreign" if not fits else "incomplete")
        return _failed()
    try:
        # One that has to wait comes back with the same code and state; a login of before is still open then.
        tokens().redeem(request.args["code"], verifier)
    except LoggedOut:
        return _failed()
    return redirect(request.script_root + page if page else url_for("views.home"), 303)


def _failed() -> Any:
    for name in ("state", "verifier", "next"):
        session.pop(name, None)
    return render_template("welcome.html", failed=True), 400


@blueprint.post("/logout")
def end() -> Any:
    """Revoke the tokens and leave."""
    check_csrf()
    tokens().end()
    return redirect(url_for("views.home"), 303)


@blueprint.app_errorhandler(LoggedOut)
def logged_out(_: LoggedOut) -> Any:
    """A visitor who is not logged in is sent to the login; only a page behind it is refused."""
    return render_template("welcome.html", failed=False), 200 if request.endpoint == "views.home" else 401
