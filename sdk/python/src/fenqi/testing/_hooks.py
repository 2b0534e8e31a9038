"""The fake's webhook endpoints: kept and rotated; ``FakeGateway.deliver`` is what sends, with its own secret."""

from __future__ import annotations

import base64
import re
from datetime import timedelta

from . import _fields as f
from ._clock import rfc3339
from ._state import Fields, Problem, State

_VERSION = "2026-11-23"
_LOOPBACK = re.compile(r"http://(127\.0\.0\.1|localhost)(:[0-9]+)?(/.*)?")
_MOST = 5
_PUBLIC = re.compile(r"https://[^/@:#]+\.[^/@:#]+(:443)?(/[^#]*)?")


def create(state: State, body: Fields) -> Fields:
    """A new endpoint with its secret, which no later answer shows."""
    f.checked(
        body,
        {"url": f.text},
        {"enabled_events": f.texts, "description": f.text, "api_version": f.one_of(_VERSION)},
    )
    _check_url(body["url"])
    endpoint = {
        **state.base("webhook_endpoint", "we"),
        "url": body["url"],
        "description": body.get("description"),
        "enabled_events": body.get("enabled_events", ["*"]),
        "api_version": _VERSION,
        "status": "enabled",
        "disabled_reason": None,
        "disabled_at": None,
        "failing_since": None,
        "secrets": [_listed(state)],
    }
    state.webhook_endpoints[endpoint["id"]] = endpoint
    return {**endpoint, "secret": _secret(state)}


def update(state: State, id: str, body: Fields) -> Fields:
    """Change what is given."""
    endpoint = state.existing("webhook endpoint", state.webhook_endpoints, id)
    f.checked(
        body,
        {},
        {
            "url": f.text,
            "enabled_events": f.texts,
            "description": f.text,
            "api_version": f.one_of(_VERSION),
            "status": f.one_of("enabled", "disabled"),
        },
    )
    if "url" in body:
        _check_url(body["url"])
    endpoint.update(body)
    disabled = endpoint["status"] == "disabled"
    endpoint["disabled_reason"] = "requested" if disabled else None
    endpoint["disabled_at"] = rfc3339(state.now) if disabled else None
    return endpoint


def delete(state: State, id: str) -> Fields:
    """Forget an endpoint."""
    state.existing("webhook endpoint", state.webhook_endpoints, id)
    del state.webhook_endpoints[id]
    return {"id": id, "object": "webhook_endpoint", "deleted": True}


def rotate(state: State, id: str) -> Fields:
    """A new secret; the one before it would sign for a day more, older ones until their end."""
    endpoint = state.existing("webhook endpoint", state.webhook_endpoints, id)
    live = _live(state, endpoint)
    if len(live) >= _MOST:
        raise Problem(
            409, "too_many_secrets", f"{_MOST} secrets are in use: wait until one expires, or revoke one."
        )
    for row in live:
        row["expires_at"] = row["expires_at"] or rfc3339(state.now + timedelta(hours=24))
    endpoint["secrets"] = [_listed(state), *live]
    return {**endpoint, "secret": _secret(state)}


def revoke(state: State, id: str, body: Fields) -> Fields:
    """End a secret that was replaced."""
    endpoint = state.existing("webhook endpoint", state.webhook_endpoints, id)
    f.checked(body, {"secret": f.text}, {})
    row = state.existing("secret", {row["id"]: row for row in _live(state, endpoint)}, body["secret"])
    if row["expires_at"] is None:
        raise Problem(409, "wrong_state", "This secret is the current one: rotate it first.", param="secret")
    endpoint["secrets"] = [one for one in _live(state, endpoint) if one is not row]
    return endpoint


def _live(state: State, endpoint: Fields) -> list[Fields]:
    return [one for one in endpoint["secrets"] if (one["expires_at"] or "9") > rfc3339(state.now)]


def _listed(state: State) -> Fields:
    return {"id": state.new_id("whs"), "created_at": rfc3339(state.now), "expires_at": None}


def _check_url(url: str) -> None:
    if not _PUBLIC.fullmatch(url) and not _LOOPBACK.fullmatch(url):
        raise Problem(
            422, "address_not_allowed", "Must begin with https:// and name a full host.", param="url"
        )


def _secret(state: State) -> str:
    return "whsec_" + base64.b64encode(state.new_id("secret").ljust(32, "0").encode()).decode()
