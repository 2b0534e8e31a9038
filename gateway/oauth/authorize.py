"""The login: /oauth/authorize asks a merchant's person for address and password and sends a code to the portal.

RFC 6749 section 4.1 with PKCE (RFC 7636, S256 only), exact redirect addresses and ``iss`` (RFC 9207).
"""

from __future__ import annotations

import hmac
from typing import Any, cast
from urllib.parse import urlencode

from authlib.common.urls import add_params_to_uri
from authlib.oauth2 import OAuth2Error
from flask import Blueprint, Response, current_app, g, redirect, render_template, request

from gateway.db.transactions import Transaction
from gateway.errors import InvalidRequest
from gateway.oauth import service
from gateway.oauth.server import Server
from gateway.web.context import gateway

blueprint = Blueprint("authorize", __name__, template_folder="templates")
PARAMETERS = (
    "response_type", "client_id", "redirect_uri", "scope", "state", "code_challenge", "code_challenge_method",
)  # fmt: skip


def server() -> Server:
    """The OAuth server of this application."""
    return cast(Server, current_app.extensions["fenqi.oauth"])


@blueprint.get("/oauth/authorize")
def login() -> Any:
    """Show the login, or say at once what is wrong with the request."""
    with gateway().db.read() as tx:
        g.tx = tx
        refused = _refused()
    return refused if refused is not None else _form()


@blueprint.post("/oauth/authorize")
def grant() -> Any:
    """Check address and password; a right pair sends a code to the redirect address."""
    email, password = request.form.get("email", ""), request.form.get("password", "")
    here, guesses = gateway(), current_app.extensions["fenqi.guesses"]
    if not hmac.compare_digest(request.form.get("form", ""), _form_token()):
        return _form(error="login.stale"), 400
    if not email or not password or len(email) > 200 or len(password) > 200:
        return _form(error="login.missing", email=email[:200]), 422
    if guesses.too_many(email, here.clock()):
        return _form(error="login.wait", email=email), 429

    def work(tx: Transaction) -> Any:
        g.tx = tx
        refused = _refused()
        if refused is not None:
            return refused
        member = service.member_with_password(tx, email, password)
        if member is None:
            return None
        consent = server().get_consent_grant(end_user=member)
        return server().create_authorization_response(grant_user=member, grant=consent)

    answer = here.db.write(work)
    if answer is None:
        guesses.failed(email, here.clock())
        return _form(error="login.wrong", email=email), 422
    guesses.succeeded(email)
    return _with_issuer(answer)


def _refused() -> Any:
    """The answer to a request that cannot be granted, or None. Never redirects to an unregistered address."""
    for name, values in request.args.lists():
        if len(values) > 1:
            raise InvalidRequest(f"The parameter {name!r} is given more than once.", param=name)
        if not all(char.isprintable() for char in values[0]):
            raise InvalidRequest(f"The parameter {name!r} holds control characters.", param=name)
    if not request.args.get("redirect_uri"):
        raise InvalidRequest("The request has no redirect_uri.", param="redirect_uri")
    try:
        server().get_consent_grant(end_user=None)
    except OAuth2Error as error:
        if error.redirect_uri:
            return _with_issuer(_error_redirect(error.redirect_uri, error.error, str(error.description or "")))
        raise InvalidRequest(str(error.description or error.error), param="client_id") from None
    if not request.args.get("code_challenge") or request.args.get("code_challenge_method") != "S256":
        return _with_issuer(
            _error_redirect(request.args["redirect_uri"], "invalid_request", "PKCE with S256 is required.")
        )
    return None


def _error_redirect(address: str, error: str, description: str) -> Response:
    params = [("error", error), ("error_description", description)]
    if request.args.get("state"):
        params.append(("state", request.args["state"]))
    return cast(Response, redirect(add_params_to_uri(address, params), 302))


def _with_issuer(response: Response) -> Response:
    """RFC 9207: the answer names who gives it."""
    address = response.headers["Location"]
    response.headers["Location"] = add_params_to_uri(address, [("iss", gateway().settings.public_url)])
    response.status_code = 303
    response.headers["Cache-Control"] = "no-store"
    return response


def _form(*, error: str | None = None, email: str = "") -> str:
    asked = {name: request.args[name] for name in PARAMETERS if name in request.args}
    language = {"lang": request.args["lang"]} if "lang" in request.args else {}
    return render_template(
        "oauth/login.html",
        action="/oauth/authorize?" + urlencode({**asked, **language}),
        form=_form_token(),
        error=error,
        email=email,
        redirect_uri=asked.get("redirect_uri", ""),
    )


def _form_token() -> str:
    """Binds the form to this very request, so that no other page can send it with parameters of its own choice."""
    asked = urlencode(sorted((name, request.args[name]) for name in PARAMETERS if name in request.args))
    return gateway().vault.lookup(asked, "login_form")
