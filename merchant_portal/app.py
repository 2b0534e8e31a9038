"""The application factory: settings, security headers, and the error page."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from flask import Flask, Response, redirect, render_template, request, url_for

import fenqi
from merchant_portal import login, people, views, wording
from merchant_portal.tokens import Tokens

POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self' {gateway}; base-uri 'none'; "
    "frame-ancestors 'none'"
)


def create_app(
    *,
    gateway_url: str,
    portal_url: str,
    client_id: str,
    secret_key: bytes,
    session: requests.Session | None = None,
    clock: Callable[[], float] = time.time,
) -> Flask:
    """The portal for one gateway.

    ``portal_url`` is where browsers find it, ``client_id`` its public OAuth client. ``session`` carries the calls to
    the gateway; one that calls the gateway's application in the same process works as well as the network. ``clock``
    gives Unix seconds.
    """
    app = Flask("merchant_portal", root_path=str(Path(__file__).parent))
    app.secret_key = secret_key
    https = portal_url.startswith("https:")
    app.config.update(
        # The prefix makes browsers refuse such a cookie from a subdomain or without https; it wants the path "/".
        SESSION_COOKIE_NAME="__Host-fenqi_portal" if https else "fenqi_portal",
        SESSION_COOKIE_PATH="/" if https else None,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=https,
        MAX_CONTENT_LENGTH=64 * 1024,
    )
    app.extensions["portal"] = Tokens(
        gateway_url=gateway_url.rstrip("/"),
        portal_url=portal_url.rstrip("/"),
        client_id=client_id,
        key=secret_key,
        session=session or requests.Session(),
        clock=clock,
    )
    wording.register(app)
    app.register_blueprint(login.blueprint)
    app.register_blueprint(views.blueprint)
    app.register_blueprint(people.blueprint)
    _guard(app, gateway_url)
    _explain(app)
    return app


def _guard(app: Flask, gateway_url: str) -> None:
    parts = urlsplit(gateway_url)
    # A form may end at the gateway's login, and browsers apply the policy to the redirect after a form, too.
    policy = POLICY.format(gateway=f"{parts.scheme}://{parts.netloc}")

    @app.after_request
    def headers(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = policy
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["X-Frame-Options"] = "DENY"
        response.headers["Referrer-Policy"] = "no-referrer"
        if request.endpoint != "static":
            response.headers["Cache-Control"] = "no-store"
        return response


def _explain(app: Flask) -> None:
    @app.errorhandler(fenqi.AuthenticationError)
    def log_in_again(error: fenqi.AuthenticationError) -> Any:
        if error.code == "step_up_required":
            return login.step_up(int(error.problem.get("max_age", 300)))
        return redirect(url_for("login.begin"), 303)

    @app.errorhandler(fenqi.FenqiError)
    def refused(error: fenqi.FenqiError) -> Any:
        status = (
            error.status
            if isinstance(error, fenqi.APIError) and error.status in (403, 404, 409, 422)
            else 502
        )
        return render_template("sorry.html", error=error, status=status), status

    @app.errorhandler(404)
    def missing(_: Exception) -> Any:
        return render_template("sorry.html", error=None, status=404), 404
