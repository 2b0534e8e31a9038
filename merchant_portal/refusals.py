"""What the portal refuses by itself is recorded once: by the process that runs it, else as one line of JSON in the log.

What the gateway refused, the gateway has recorded.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime

from flask import Flask, Response, g, request, session

Record = Callable[[str, str, int], None]
"""Takes the kind, the reason in one word, and the status of the answer."""
REFUSED = (401, 403, 429)
log = logging.getLogger("merchant_portal.security")


def note(kind: str, reason: str = "") -> None:
    """Say what the current request is refused for."""
    g.refusal = (kind, reason)


def leave_to_gateway() -> None:
    """The current refusal is the gateway's own, and recorded there."""
    g.refused_by_gateway = True


def register(app: Flask, record: Record) -> None:
    """Hand every refusal of ``app`` to ``record``."""

    @app.before_request
    def look_at_cookie() -> None:
        # An empty session keeps no cookie: one that came and says nothing was not signed by us.
        if app.config["SESSION_COOKIE_NAME"] in request.cookies and not session:
            note("portal_session_refused", "forged")

    @app.after_request
    def hand_on(response: Response) -> Response:
        noted: tuple[str, str] | None = g.get("refusal")
        if noted is None and response.status_code in REFUSED and not g.get("refused_by_gateway"):
            noted = ("portal_session_refused", "ended" if "sid" in session else "no_login")
        if noted is not None:
            kind, reason = noted
            record(kind, reason, response.status_code)
        return response


def log_line(kind: str, reason: str, status: int) -> None:
    """Log a refusal where nobody else records it."""
    line = {
        "time": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "event": "security",
        "kind": kind,
        "outcome": "refused",
        "reason": reason,
        "status": status,
        "route": request.url_rule.rule if request.url_rule is not None else "(none)",
    }
    log.warning(json.dumps(line))
