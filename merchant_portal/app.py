"""The application factory: settings, security headers, and the error page."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from flask import Flask, Response, abort, redirect, render_template, request, url_for
from werkzeug.exceptions import HTTPException

import fenqi
from merchant_portal import login, people, refusals, views, wording
from merchant_portal.sessions import Sessions
from merchant_portal.tokens import IDLE_SECONDS, NotRenewed, Tokens

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
    folder: Path,
    session: requests.Session | None = None,
    clock: Callable[[], float] = time.time,
    record: refusals.Record = refusals.log_line,
) -> Flask:
    """The portal for one gateway.

    ``portal_url`` is where browsers find it, ``client_id`` its public OAuth client. ``folder`` keeps the logins; all
    processes of one portal share it. ``session`` carries the calls to the gateway; one that calls the gateway's
    application in the same process works as well as the network. ``clock`` gives Unix seconds. ``record`` is told what
    the portal refuses by itself.
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
        sessions=Sessions(folder, secret_key, IDLE_SECONDS, clock),
        session=session or requests.Session(),
        clock=clock,
    )
    refusals.register(app, record)
    wording.register(app)
    app.register_blueprint(login.blueprint)
    app.register_blueprint(views.blueprint)
    app.register_blueprint(people.blueprint)
    _known_ids(app)
    _guard(app, gateway_url)
    _explain(app)
    return app


def _known_ids(app: Flask) -> None:
    """A dot is no id: as a segment of a path it would ask the API for another object."""

    @app.before_request
    def refuse() -> None:
        if any(value in (".", "..") for value in (request.view_args or {}).values()):
            abort(404)


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
        refusals.leave_to_gateway()
        status = (
            error.status
            if isinstance(error, fenqi.APIError) and error.status in (400, 403, 404, 409, 422, 429)
            else 502
        )
        return render_template("sorry.html", error=error, status=status), status

    @app.errorhandler(NotRenewed)
    def later(error: NotRenewed) -> Any:
        refusals.leave_to_gateway()
        status = 429 if error.busy else 502
        return render_template("sorry.html", error=None, status=status), status

    @app.errorhandler(HTTPException)
    def refused_here(error: HTTPException) -> Any:
        status = error.code or 500
        if status < 400:
            return error
        return render_template("sorry.html", error=None, status=status), status, _allowed(error)


def _allowed(error: HTTPException) -> dict[str, str]:
    methods = getattr(error, "valid_methods", None)
    return {"Allow": ", ".join(sorted(methods))} if methods else {}
