"""Headers: bounds of what a request brings, and the security headers of every answer."""

from __future__ import annotations

from typing import NamedTuple

from flask import Flask, Response, g, request

from gateway.errors import HeaderTooLarge

PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; script-src 'self'; form-action {form_action}; "
    "base-uri 'none'; frame-ancestors {frame_ancestor}"
)
LONGEST = {"authorization": 6 * 1024, "dpop": 6 * 1024, "idempotency-key": 1024, "cookie": 16 * 1024}
"""Characters of headers that are decoded, compared or kept; each is checked more closely where it is read."""
LONGEST_OTHER = 8 * 1024
LONGEST_IN_ALL = 48 * 1024
ANSWER_POLICY = "default-src 'none'; frame-ancestors 'none'"
OF_EVERY_ANSWER = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def allow_form_target(origin: str) -> None:
    """Let this page's forms end at ``origin``: browsers apply the policy to the redirect after a form, too."""
    g.form_target = origin


class Frame(NamedTuple):
    """The page that shows ours inside itself: its origin, and the channel by which it knows our messages."""

    parent: str
    channel: str


def allow_frame(frame: Frame) -> None:
    """Let pages of one origin show this page inside themselves."""
    g.frame = frame


def framed() -> Frame | None:
    """The page around this one; None for a page of its own."""
    found: Frame | None = g.get("frame")
    return found


def register(app: Flask, public_url: str) -> None:
    """Bound the headers before every request, and set the answer's after it.

    Browsers stay with https where the public URL has it.
    """
    https = public_url.startswith("https:")
    app.jinja_env.globals["framed"] = framed

    @app.before_request
    def bound() -> None:
        total = 0
        for name, value in request.headers:
            total += len(name) + len(value)
            longest = LONGEST.get(name.lower(), LONGEST_OTHER)
            if len(value) > longest:
                raise HeaderTooLarge(f"Send at most {longest} characters.", param=name[:100])
        if total > LONGEST_IN_ALL:
            raise HeaderTooLarge(f"Send headers of at most {LONGEST_IN_ALL} characters in all.")

    @app.after_request
    def guard(response: Response) -> Response:
        html = response.mimetype == "text/html"
        targets = " ".join(["'self'", g.form_target] if "form_target" in g else ["'self'"])
        around = framed()
        ancestor = around.parent if around else "'none'"
        policy = PAGE_POLICY.format(form_action=targets, frame_ancestor=ancestor) if html else ANSWER_POLICY
        response.headers["Content-Security-Policy"] = policy
        response.headers.update(OF_EVERY_ANSWER)
        if html and around:
            del response.headers["X-Frame-Options"]  # knows one origin only, our own
        if html:
            response.headers["X-Robots-Tag"] = "noindex"
            response.headers.setdefault("Cache-Control", "no-store")
        if https:
            response.headers["Strict-Transport-Security"] = "max-age=31536000"
        return response
