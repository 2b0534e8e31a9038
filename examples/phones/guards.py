"""What every page of a shop needs, whatever it sells: headers, a cookie no script can read, a token in each form."""

from __future__ import annotations

import hmac
import secrets
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, Response, abort, render_template, request, session
from werkzeug.exceptions import HTTPException

SIGNED_OTHERWISE = {"hooks"}
"""Routes that no browser sends a form to; the webhook is signed."""


def register(app: Flask, *, shop_url: str, gateway_url: str, secret_key: str) -> None:
    """Guard every page and every form of ``app``. Raises ``ValueError`` for a key that can be guessed."""
    if len(secret_key) < 32:
        raise ValueError("The secret key of the shop needs 32 characters or more, drawn at random.")
    address = urlsplit(shop_url)
    https, path = address.scheme == "https", address.path or "/"
    app.secret_key = secret_key
    app.config.update(
        SESSION_COOKIE_NAME="__Host-shop" if https and path == "/" else "shop",
        SESSION_COOKIE_PATH=path,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SECURE=https,
        SESSION_COOKIE_SAMESITE="Lax",  # the shopper comes back from the gateway by a link
        MAX_CONTENT_LENGTH=64 * 1024,
    )
    policy = (
        f"default-src 'none'; script-src {gateway_url}/js/; connect-src {gateway_url}; style-src 'self'; "
        f"img-src 'self' data:; form-action 'self' {gateway_url}; base-uri 'none'; frame-ancestors 'none'"
    )

    @app.before_request
    def refuse_forms_of_others() -> None:
        if request.method == "POST" and request.endpoint not in {None, *SIGNED_OTHERWISE}:
            sent, known = request.form.get("csrf", ""), session.get("csrf", "")
            if not known or not hmac.compare_digest(sent.encode(), known.encode()):
                abort(403)

    @app.after_request
    def guard(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = policy
        response.headers["Referrer-Policy"] = "strict-origin-when-cross-origin"
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
        if https:
            response.headers["Strict-Transport-Security"] = "max-age=31536000"
        if request.endpoint != "static":
            response.headers["Cache-Control"] = "no-store"  # each page holds the token of one browser
        return response

    @app.errorhandler(HTTPException)
    def sorry(error: HTTPException) -> Any:
        return render_template("sorry.html", status=error.code), error.code

    app.jinja_env.globals["csrf"] = csrf_token


def csrf_token() -> str:
    """The token of this browser's forms; what another site makes a browser send has none."""
    if "csrf" not in session:
        session["csrf"] = secrets.token_urlsafe(32)
    return str(session["csrf"])
