"""Pages: words, the error page, and the static files, the snippet among them."""

from __future__ import annotations

from pathlib import Path

from flask import Blueprint, Flask, Response, g, make_response, render_template, request, send_from_directory

from gateway.errors import GatewayError, NotFound
from gateway.web import i18n, problems
from gateway.web.packing import packed

HERE = Path(__file__).parent
STATIC = HERE / "static"
blueprint = Blueprint("pages", __name__, template_folder="templates")
LONGEST_IDENTIFIER = 100
KNOWN_ERRORS = ("not_found", "checkout_expired", "wrong_state", "rate_limited", "database_unavailable")
MAY_PASS = ("rate_limited", "database_unavailable", "other")
"""Errors that may be over when the page is opened again."""


def register(app: Flask) -> None:
    """Mount static files and the error page on ``app``."""
    i18n.register(app)
    app.before_request(_refuse_strange_identifiers)
    app.extensions["fenqi.error_page"] = error_page
    app.register_blueprint(blueprint)


def _refuse_strange_identifiers() -> None:
    """What no identifier looks like is not looked for: a database may not even take it. Raises ``NotFound``."""
    for value in (request.view_args or {}).values():
        if not value.isascii() or not value.isprintable() or len(value) > LONGEST_IDENTIFIER:
            raise NotFound("There is no object with this id.")


def error_page(error: GatewayError) -> Response:
    """An error as a page: what happened, that no money moved, and how to ask about it."""
    kind = error.code if error.code in KNOWN_ERRORS else "other"
    wait = i18n.waiting_time(error.extra.get("retry_after", 60))
    checkout_id = (request.view_args or {}).get("checkout_id")
    page = render_template(
        "error.html",
        kind=kind,
        wait=wait,
        request_id=g.get("request_id"),
        status=error.status,
        order_url=f"/checkout/{checkout_id}" if checkout_id and kind != "not_found" else None,
        try_again=request.method == "GET" and kind in MAY_PASS,
    )
    return problems.with_retry_after(make_response(page, error.status), error)


@blueprint.get("/static/<path:name>")
def static_file(name: str) -> Response:
    """Styles and scripts of the pages."""
    return packed(send_from_directory(STATIC, name, max_age=300))


@blueprint.get("/js/<version>/<name>")
def snippet(version: str, name: str) -> Response:
    """The snippet: ``/js/v1/`` follows the newest 1.x, ``/js/v1.0.0/`` never changes and has an integrity hash."""
    moving = version.count(".") == 0
    response = send_from_directory(STATIC / "js" / version, name, max_age=300 if moving else 31_536_000)
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    if not moving:
        response.cache_control.immutable = True
    return packed(response)


@blueprint.get("/js/versions.json")
def snippet_versions() -> Response:
    """The integrity hash of each version of the snippet."""
    return _beside_the_snippet("versions.json")


@blueprint.get("/js/CHANGELOG.md")
def snippet_changelog() -> Response:
    """What each version of the snippet brought, with its hash."""
    return _beside_the_snippet("CHANGELOG.md")


def _beside_the_snippet(name: str) -> Response:
    response = send_from_directory(STATIC / "js", name, max_age=300)
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    if name.endswith(".md"):
        response.content_type = "text/markdown; charset=utf-8"
    return packed(response)
