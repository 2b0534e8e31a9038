"""RFC 9457 problem details: every failure of the API becomes one, with a stable code and the request id."""

from __future__ import annotations

import errno
import json
import logging
import secrets
from collections.abc import Callable
from typing import Any

from flask import Flask, Response, g, request
from werkzeug.exceptions import HTTPException

from gateway.core.masking import redacted
from gateway.errors import (
    GatewayError,
    InvalidRequest,
    MethodNotAllowed,
    NotFound,
    PayloadTooLarge,
    StepUpRequired,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
    UnsupportedMediaType,
)
from gateway.monitoring import security_events

log = logging.getLogger("gateway.problems")
DOCS = "/docs/api#problem-"
CONTENT_TYPE = "application/problem+json"
BY_STATUS: dict[int, type[GatewayError]] = {
    404: NotFound,
    405: MethodNotAllowed,
    413: PayloadTooLarge,
    415: UnsupportedMediaType,
    429: TooManyRequests,
}

DISK_ERRORS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EFBIG})


def new_request_id() -> str:
    """What an answer and the log call a request."""
    return "req_" + secrets.token_hex(12)


def document(error: GatewayError, request_id: str | None) -> dict[str, Any]:
    """The problem document of an error, without the transport."""
    body: dict[str, Any] = {
        "type": f"{DOCS}{error.code}",
        "title": error.title,
        "status": error.status,
        "detail": error.message,
        "code": error.code,
        "param": error.param,
        "request_id": request_id,
    }
    return {name: _masked(value) for name, value in {**body, **error.extra}.items()}


def answer(error: GatewayError) -> Response:
    """The HTTP answer of an error."""
    response = Response(
        json.dumps(document(error, g.get("request_id")), ensure_ascii=False),
        status=error.status,
        content_type=CONTENT_TYPE,
    )
    response.headers["Cache-Control"] = "no-store"
    if g.get("open_to_all_origins"):
        # Without it a shop's page could not read why its quote was refused.
        response.headers["Access-Control-Allow-Origin"] = "*"
    if isinstance(error, Unauthenticated):
        for challenge in error.challenges:
            response.headers.add("WWW-Authenticate", challenge)
    if isinstance(error, StepUpRequired):
        response.headers["WWW-Authenticate"] = (
            'Bearer realm="fenqi", error="insufficient_user_authentication", '
            f'error_description="Log in again", max_age="{error.extra["max_age"]}"'
        )
    return with_retry_after(response, error)


def with_retry_after(response: Response, error: GatewayError) -> Response:
    """Tell when to try again, where that helps."""
    seconds = pause(error)
    if seconds is not None:
        response.headers["Retry-After"] = str(seconds)
    return response


def pause(error: GatewayError) -> int | None:
    """After how many seconds it helps to try again; None where it does not."""
    if isinstance(error, (Unavailable, TooManyRequests)):
        return int(error.extra.get("retry_after", 2 if isinstance(error, Unavailable) else 60))
    return None


def register(app: Flask) -> None:
    """Answer every error of the API as a problem; pages have their own handler (``gateway.web.pages``)."""

    @app.errorhandler(GatewayError)
    def known(error: GatewayError) -> Response:
        return _as_page_or_problem(app, error)

    @app.errorhandler(HTTPException)
    def from_werkzeug(error: HTTPException) -> Response:
        kind = BY_STATUS.get(error.code or 500)
        if kind is None and 300 <= (error.code or 500) < 400:
            return error.get_response()  # type: ignore[return-value]
        known_error = kind(_words(error)) if kind else InvalidRequest(_words(error))
        return _as_page_or_problem(app, known_error)

    @app.errorhandler(OSError)
    def disk(error: OSError) -> Response:
        if error.errno not in DISK_ERRORS:
            return unexpected(error)
        log.error("request %s: %s: %s", g.get("request_id"), error.filename or "a file", error.strerror)
        return _as_page_or_problem(
            app,
            Unavailable("The server cannot write to its disk. Try again with the same Idempotency-Key."),
        )

    @app.errorhandler(Exception)
    def unexpected(error: Exception) -> Response:
        log.exception("unexpected error in request %s", g.get("request_id"))
        return _as_page_or_problem(
            app,
            GatewayError("Something went wrong on our side. Quote the request id if you contact support."),
        )


def _masked(value: Any) -> Any:
    """What a caller sent may come back in the words of an error: personal numbers in it are masked."""
    if isinstance(value, str):
        return redacted(value)
    if isinstance(value, dict):
        return {name: _masked(inner) for name, inner in value.items()}
    return [_masked(inner) for inner in value] if isinstance(value, list) else value


def _words(error: HTTPException) -> str:
    if error.code == 404:
        return f"There is no {request.path!r} in this API."
    if error.code == 405:
        return f"{request.path} does not support {request.method}."
    return error.description or error.name


def _as_page_or_problem(app: Flask, error: GatewayError) -> Response:
    security_events.refused(error)
    page: Callable[[GatewayError], Response] | None = app.extensions.get("fenqi.error_page")
    kinds = ["application/json", "application/problem+json", "text/html"]
    reads_pages = request.accept_mimetypes.best_match(kinds) == "text/html"
    if page is not None and reads_pages and not request.path.startswith("/v1/"):
        return page(error)
    return answer(error)
