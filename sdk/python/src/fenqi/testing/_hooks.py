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
        "old_secret_expires_at": None,
    }
    state.webhook_endpoints[endpoint["id"]] = endpoint
    return {**endpoint, "secret": _secret(state)}


def update(state: State, id: str, body: Fields) -> Fields:
    """Change what is given."""
    endpoint = state.found("webhook endpoint", state.webhook_endpoints, id)
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
    state.found("webhook endpoint", state.webhook_endpoints, id)
    del state.webhook_endpoints[id]
    return {"id": id, "object": "webhook_endpoint", "deleted": True}


def rotate(state: State, id: str) -> Fields:
    """A new secret; the old one would sign for a day beside it."""
    endpoint = state.found("webhook endpoint", state.webhook_endpoints, id)
    endpoint["old_secret_expires_at"] = rfc3339(state.now + timedelta(hours=24))
    return {**endpoint, "secret": _secret(state)}


def _check_url(url: str) -> None:
    if not _PUBLIC.fullmatch(url) and not _LOOPBACK.fullmatch(url):
        raise Problem(
            422, "address_not_allowed", "Must begin with https:// and name a full host.", param="url"
        )


def _secret(state: State) -> str:
    return "whsec_" + base64.b64encode(state.new_id("secret").ljust(32, "0").encode()).decode()
