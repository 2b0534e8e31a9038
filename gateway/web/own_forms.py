"""Whether a form comes from our own pages: another site's is refused before anything is read."""

from __future__ import annotations

from flask import request

from gateway.errors import InvalidRequest, ScopeMissing
from gateway.monitoring.security_events import security_event

LONGEST_FORM = 16 * 1024


def refuse_foreign(*, longest: int = LONGEST_FORM) -> None:
    """Refuse a form that another site sent, or of more than ``longest`` bytes.

    Raises ``ScopeMissing`` or ``InvalidRequest``.
    """
    site = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get("Origin")
    if site in ("cross-site", "same-site") or (
        origin not in (None, "null") and (origin or "").partition("://")[2] != request.host
    ):
        security_event("foreign_form")
        raise ScopeMissing("This form was sent from another site.")
    if request.content_length and request.content_length > longest:
        raise InvalidRequest("The form is too large.")
