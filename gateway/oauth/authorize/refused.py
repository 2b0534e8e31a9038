"""The answer to a login's request that cannot be sent back, as the address to send it to is not certain."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Response, make_response, render_template, request

from gateway.oauth.tokens.server import error_answer, uncached

if TYPE_CHECKING:
    from authlib.oauth2 import OAuth2Error


def here(error: OAuth2Error) -> Response:
    """A page for a person, JSON for whoever prefers it."""
    if request.accept_mimetypes.best_match(["application/json", "text/html"]) == "application/json":
        return error_answer(error)
    page = render_template("oauth/refused.html", error=error.error, description=error.description)
    return uncached(make_response(page, 400))
