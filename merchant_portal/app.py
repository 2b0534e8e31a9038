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
from werkzeug.middleware.proxy_fix import ProxyFix

import fenqi
from merchant_portal import disputes, exports, in_store, login, payouts, people, refusals, views, wording
from merchant_portal.sessions import Sessions
from merchant_portal.tokens import IDLE_SECONDS, NotRenewed, Tokens

LOOPBACK = ("localhost", "127.0.0.1", "::1")
POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self' {gateway}; base-uri 'none'; "
    "frame-ancestors 'none'"
)


class Portal(Flask):
    """Flask whose log names the route of a failed request: its path is anybody's text."""

    def log_exception(self, exc_info: Any) -> None:
        """Name the endpoint and the method, never the path."""
        self.logger.error("Exception in %s [%s]", request.endpoint, request.method, exc_info=exc_info)


def create_app(
    *,
    gateway_url: str,
    portal_url: str,
    client_id: str,
    secret_key: bytes,
    folder: Path,
    session: requests.Session | None = None,
    gateway_key: str = "",
    clock: Callable[[], float] = time.time,
    proxies: int = 0,
    record: refusals.Record = refusals.log_line,
) -> Flask:
    """The portal for one gateway.

    ``portal_url`` is where browsers find it, ``client_id`` its public OAuth client. ``folder`` keeps the logins; all
    processes of one portal share it. ``session`` carries the calls to the gateway; one that calls the gateway's
    application in the same process works as well as the network. With ``gateway_key``, which the gateway has too, the
    gateway believes what we tell of a browser's address. ``clock`` gives Unix seconds. ``proxies`` stand in front and
    add to ``X-Forwarded-For``. ``record`` is told what the portal refuses by itself.
    """
    app = Portal("merchant_portal", root_path=str(Path(__file__).parent))
    if proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=proxies, x_proto=proxies)  # type: ignore[method-assign]
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
        gateway_key=gateway_key.encode(),
        clock=clock,
    )
    refusals.register(app, record)
    wording.register(app)
    app.register_blueprint(login.blueprint)
    app.register_blueprint(views.blueprint)
    app.register_blueprint(exports.blueprint)
    app.register_blueprint(in_store.blueprint)
    app.register_blueprint(people.blueprint)
    app.register_blueprint(payouts.blueprint)
    app.register_blueprint(disputes.blueprint)
    _answer_for(app, portal_url)
    _known_ids(app)
    _guard(app, gateway_url, https=https)
    _explain(app)
    return app


def _known_ids(app: Flask) -> None:
    """A dot is not an id: as a segment of a path it would ask the API for another object."""

    @app.before_request
    def refuse() -> None:
        if any(value in (".", "..") for value in (request.view_args or {}).values()):
            abort(404)


def _answer_for(app: Flask, portal_url: str) -> None:
    """Refuse a request for another host: it would be sent on to that host."""
    public = urlsplit(portal_url)

    @app.before_request
    def refuse() -> None:
        try:
            name = urlsplit(f"//{request.host}").hostname
        except ValueError:
            name = None
        if name not in (public.hostname, *LOOPBACK):
            abort(400)


def _guard(app: Flask, gateway_url: str, *, https: bool) -> None:
    parts = urlsplit(gateway_url)
    # A form may end at the gateway's login, and browsers also apply the policy to the redirect after a form.
    policy = POLICY.format(gateway=f"{parts.scheme}://{parts.netloc}")

    @app.after_request
    def headers(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = policy
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["X-Frame-Options"] = "DENY"
        response.headers["Referrer-Policy"] = "no-referrer"
        if https:
            response.headers["Strict-Transport-Security"] = "max-age=31536000"
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
        if error.wait is None:
            return render_template("sorry.html", error=None, status=502), 502
        page = render_template("sorry.html", error=None, status=429, wait=error.wait)
        return page, 429, {"Retry-After": str(error.wait)}

    @app.errorhandler(HTTPException)
    def refused_here(error: HTTPException) -> Any:
        status = error.code or 500
        if status < 400:
            return error
        return render_template("sorry.html", error=None, status=status), status, _allowed(error)


def _allowed(error: HTTPException) -> dict[str, str]:
    methods = getattr(error, "valid_methods", None)
    return {"Allow": ", ".join(sorted(methods))} if methods else {}
