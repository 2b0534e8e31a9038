"""Scopes: what a token may do."""

from gateway.core.roles import ROLE_SCOPES

__all__ = ["ALL_SCOPES", "PORTAL", "ROLE_SCOPES", "SERVER_SCOPES"]

SERVER_SCOPES = (
    "checkouts:write",
    "checkouts:read",
    "payments:write",
    "payments:read",
    "refunds:write",
    "settlements:read",
    "reconciliations:write",
    "events:read",
    "webhooks:write",
    "scores:write",
)
PORTAL = "portal"
ALL_SCOPES = (*SERVER_SCOPES, PORTAL)
