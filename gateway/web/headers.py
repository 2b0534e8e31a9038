"""Security headers of every answer; pages get a policy that allows only what is ours."""

from __future__ import annotations

from flask import Flask, Response, g

PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; script-src 'self'; form-action {form_action}; "
    "base-uri 'none'; frame-ancestors 'none'"
)
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


def register(app: Flask, public_url: str) -> None:
    """Set the headers after every request; browsers stay with https where the public URL has it."""
    https = public_url.startswith("https:")

    @app.after_request
    def guard(response: Response) -> Response:
        html = response.mimetype == "text/html"
        targets = " ".join(["'self'", g.form_target] if "form_target" in g else ["'self'"])
        response.headers["Content-Security-Policy"] = (
            PAGE_POLICY.format(form_action=targets) if html else ANSWER_POLICY
        )
        response.headers.update(OF_EVERY_ANSWER)
        if html:
            response.headers["X-Robots-Tag"] = "noindex"
            response.headers.setdefault("Cache-Control", "no-store")
        if https:
            response.headers["Strict-Transport-Security"] = "max-age=31536000"
        return response
