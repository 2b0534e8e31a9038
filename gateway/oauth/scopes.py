"""Scopes: what a token may do."""

from gateway.core.roles import ROLE_SCOPES

__all__ = ["ALL_SCOPES", "MERCHANT_SCOPES", "PORTAL", "ROLE_SCOPES", "SERVER_SCOPES"]

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
MERCHANT_SCOPES = tuple(scope for scope in SERVER_SCOPES if scope != "scores:write")
"""What a merchant's server may do unless it is said otherwise: scores are for partner institutions."""
PORTAL = "portal"
ALL_SCOPES = (*SERVER_SCOPES, PORTAL)
