"""Scopes: what a token may do."""

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

ROLE_SCOPES: dict[str, tuple[str, ...]] = {
    "owner": ALL_SCOPES,
    "finance": (
        "checkouts:read", "payments:read", "refunds:write", "settlements:read", "reconciliations:write",
        "events:read", PORTAL,
    ),
    "operations": (
        "checkouts:read", "payments:write", "payments:read", "refunds:write", "settlements:read", "events:read", PORTAL,
    ),
    "developer": ("checkouts:read", "payments:read", "settlements:read", "events:read", "webhooks:write", PORTAL),
    "viewer": ("checkouts:read", "payments:read", "settlements:read", "events:read", PORTAL),
}  # fmt: skip
"""What each role of a team may do through the portal; a token never has more than its person."""
