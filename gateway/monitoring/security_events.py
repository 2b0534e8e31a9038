"""Security events: each refusal is counted, and is one line of JSON in the log ``gateway.security``.

A refusal is recorded where answers leave, by the code of its error, so that a new route is covered without a line. A
room speaks up (``security_event``) only for what nobody sees from outside: a wrong password, a code used twice. A
request leaves one event at most, however often its transaction was repeated; the room's word is the one that counts.

No line holds a path, a secret, a token, or a personal number: routes are patterns, people a keyed hash, addresses a
network.
"""

from __future__ import annotations

import functools
import ipaddress
import json
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from flask import Flask, Response, g, has_request_context, request

from gateway.errors import GatewayError
from gateway.monitoring import metrics

if TYPE_CHECKING:
    from authlib.oauth2 import OAuth2Error

    from gateway.web.context import Gateway

P = ParamSpec("P")
T = TypeVar("T")
log = logging.getLogger("gateway.security")
CLIENT = re.compile(r"ci_(?:test|live)_(?:[0-9a-f]{24}|portal)")
"""What may be shown of what a stranger calls a client: anything else could be a secret in the wrong place."""
NETWORKS = {4: 24, 6: 48}
"""How many bits of an address are kept."""


@dataclass(frozen=True, slots=True)
class Kind:
    """``outcome``: refused, limited (too often), or asked (for more than was sent, which alone raises no alarm)."""

    outcome: str
    meaning: str


KINDS: dict[str, Kind] = {
    "login_failed": Kind("refused", "A person's e-mail address or password is wrong."),
    "login_locked": Kind("limited", "Too many logins were attempted for one e-mail address."),
    "factor_failed": Kind("refused", "A code of an authenticator app or a recovery code is wrong."),
    "factor_locked": Kind("limited", "Too many second-factor codes were attempted for one person."),
    "passkey_failed": Kind("refused", "A passkey's signature is not valid."),
    "code_failed": Kind("refused", "A shopper's one-time code is wrong, expired, or for another phone."),
    "token_refused": Kind("refused", "An access token is missing, forged, expired or revoked."),
    "proof_refused": Kind("refused", "A DPoP proof is invalid, already used, or missing."),
    "proof_nonce_asked": Kind("asked", "A DPoP proof lacks the server's nonce; the client sends it again."),
    "client_refused": Kind("refused", "A client's secret is wrong, or there is no such client."),
    "assertion_refused": Kind("refused", "A client's signed assertion is invalid or already used."),
    "grant_refused": Kind("refused", "An authorization code or refresh token is unknown, expired or revoked."),
    "authorization_code_reused": Kind("refused", "An authorization code was used twice; its login was ended."),
    "refresh_token_reused": Kind("refused", "A refresh token was used twice; its login was ended."),
    "scope_refused": Kind("refused", "A token lacks the scope, or a client asked for one it may not have."),
    "role_refused": Kind("refused", "A person's role does not allow the request."),
    "step_up_asked": Kind("asked", "A person must log in again for the request."),
    "second_factor_missing": Kind("refused", "In live mode, a person without a second factor was refused."),
    "rate_limited": Kind("limited", "Too many requests, or a quota is exhausted."),
    "foreign_form": Kind("refused", "A form was sent from another site."),
    "form_refused": Kind("refused", "The seal of a form is missing or invalid."),
    "session_refused": Kind("refused", "An account page was requested without a login, or with one that is too old."),
    "metrics_refused": Kind("refused", "/metrics was requested with a wrong token, or without one."),
    "access_refused": Kind("refused", "A 401 or 403 without a more specific kind."),
    "portal_session_refused": Kind("refused", "The portal's cookie is forged, or its login is missing or has ended."),
    "portal_callback_refused": Kind("refused", "A login returned to the portal that did not begin in this browser."),
    "portal_form_refused": Kind("refused", "A form of the portal lacks its session's token."),
}  # fmt: skip
"""Every kind there is; ``docs/monitoring.md`` has the same table."""

BY_CODE = {
    "unauthenticated": "token_refused",
    "invalid_dpop_proof": "proof_refused",
    "use_dpop_nonce": "proof_nonce_asked",
    "step_up_required": "step_up_asked",
    "insufficient_scope": "scope_refused",
    "insufficient_role": "role_refused",
    "second_factor_required": "second_factor_missing",
    "rate_limited": "rate_limited",
    "quota_exceeded": "rate_limited",
    "code_refused": "code_failed",
    "invalid_client": "client_refused",
    "unauthorized_client": "client_refused",
    "invalid_grant": "grant_refused",
    "invalid_scope": "scope_refused",
}
"""The kind of an error, by its code or its OAuth name."""
BY_STATUS = {401: "access_refused", 403: "access_refused", 429: "rate_limited"}


def security_event(kind: str, *, reason: str = "", subject: str = "", **who: str) -> None:
    """Say what the current request was refused for, in the words of ``KINDS``; it is recorded when the request ends.

    ``subject`` is a person or phone in whatever form it was sent: only its keyed hash is kept. ``who`` names
    ``client_id``, ``merchant_id`` and ``mode`` where the request's caller does not.
    """
    if kind not in KINDS:
        raise LookupError(f"there is no kind of security event {kind!r}")
    if has_request_context():
        g.security_event = {"kind": kind, "reason": reason, "subject": subject, **who}


def returned_refusal(kind: str, *, subject: str) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """For a function that returns its refusal: say so; ``subject`` names the argument that tells whom."""

    def around(function: Callable[P, T]) -> Callable[P, T]:
        @functools.wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> T:
            result = function(*args, **kwargs)
            if isinstance(result, GatewayError):
                security_event(kind, reason=reason_of(result), subject=str(kwargs.get(subject, "")))
            return result

        return call

    return around


def refused(error: GatewayError | OAuth2Error) -> None:
    """Note the error that a request is answered with; the kind follows from its code."""
    g.refused_by = error


def refused_before() -> None:
    """Note that the answer only shows a refusal that an earlier request was told of."""
    g.refused_before = True


def reason_of(error: Any) -> str:
    """One word for what was wrong, where the error says more than its code."""
    said = getattr(error, "reason", "") or getattr(error, "extra", {}).get("reason", "")
    return str(said) or str(getattr(error, "code", "") or getattr(error, "error", ""))


def register(app: Flask, here: Gateway) -> None:
    """Record the event of each request of ``app`` when its answer is known."""

    @app.after_request
    def record(response: Response) -> Response:
        noted = g.get("security_event") or _of_answer(response)
        if noted is not None:
            write(here, status=response.status_code, **noted)
        return response


def of_portal(here: Gateway) -> Callable[[str, str, int], None]:
    """What the portal calls with a kind, a reason and the status of its answer."""
    return lambda kind, reason, status: write(here, kind=kind, reason=reason, status=status)


def write(here: Gateway, *, kind: str, reason: str = "", subject: str = "", status: int, **who: str) -> None:
    """Count an event and log it as one line; JSON escapes whatever would end the line."""
    caller = g.get("caller")
    known = {
        "client_id": caller.client_id if caller else _claimed_client(),
        "merchant_id": caller.merchant_id if caller else "",
        "mode": caller.mode if caller else "",
    }
    if caller is not None and not subject:
        subject = caller.user_id or ""
    known |= {name: value for name, value in who.items() if value}
    level = logging.INFO if KINDS[kind].outcome == "asked" else logging.WARNING
    line = {
        "time": here.clock().isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "level": logging.getLevelName(level),
        "event": "security",
        "kind": kind,
        "outcome": KINDS[kind].outcome,
        "reason": reason,
        "status": status,
        "subject": "sub_" + here.vault.lookup(subject, "security_event")[:16] if subject else "",
        **known,
        "address": network_of(request.remote_addr),
        "method": request.method if request.method in metrics.METHODS else "other",
        "route": request.script_root + metrics.route_of(),
        "request_id": g.get("request_id", ""),
    }
    metrics.SECURITY_EVENTS.labels(kind, known["mode"] or "none").inc()
    log.log(level, json.dumps(line))


def network_of(address: str | None) -> str:
    """The network of an address: enough to block it, too little to name a household."""
    try:
        exact = ipaddress.ip_address((address or "").partition("%")[0])
    except ValueError:
        return ""
    exact = getattr(exact, "ipv4_mapped", None) or exact
    return str(ipaddress.ip_network((exact, NETWORKS[exact.version]), strict=False))


def _of_answer(response: Response) -> dict[str, str] | None:
    """The event of a refusal that no room spoke of: by its error, else by its status."""
    status, error = response.status_code, g.get("refused_by")
    if g.get("refused_before") or (status < 400 and error is None):
        return None
    code = (getattr(error, "code", "") or getattr(error, "error", "")) if error is not None else ""
    kind = BY_CODE.get(str(code)) or BY_STATUS.get(status)
    return {"kind": kind, "reason": reason_of(error) if error is not None else ""} if kind else None


def _claimed_client() -> str:
    """The client that a request to the OAuth server names, if it looks like one of ours."""
    if not (request.path.startswith("/oauth/") and request.url_rule is not None):
        return ""
    try:
        basic = request.authorization
    except ValueError:  # the library cannot read it
        return ""
    said = basic.username if basic is not None and basic.type == "basic" else None
    # A form that nobody has read is not read for this.
    said = said or request.args.get("client_id") or vars(request).get("form", {}).get("client_id", "")
    return said if CLIENT.fullmatch(said or "") else ""
