"""Scopes: what a token may do, and what limits it: its client, the merchant's agreement, the person's role."""

from __future__ import annotations

from collections.abc import Iterable

from gateway.core.roles import ROLE_SCOPES

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
"""What a merchant agrees to unless it is said otherwise: scores are for partner institutions."""
PORTAL = "portal"
ALL_SCOPES = (*SERVER_SCOPES, PORTAL)
PORTAL_SCOPES = (
    "checkouts:write",
    "checkouts:read",
    "payments:write",
    "payments:read",
    "refunds:write",
    "settlements:read",
    "reconciliations:write",
    "events:read",
    "webhooks:write",
    PORTAL,
)
"""What the portal's pages need, and all that its client may ask for."""
OPERATOR_SCOPES = ("operator:read", "operator:write", "operator:money")
"""What the gateway's own people may do, whichever merchant it is about; no merchant's client or person gets one."""


def entitled(client: Iterable[str], agreement: Iterable[str], role: str | None) -> frozenset[str]:
    """What a token of this client may have at most; ``role`` is the person's, None for a merchant's server.

    The portal scope belongs to people and is not part of an agreement.
    """
    scopes = frozenset(client) & {*agreement, PORTAL}
    return scopes if role is None else scopes & frozenset(ROLE_SCOPES[role])


def in_order(scopes: Iterable[str]) -> list[str]:
    """Known scopes, each once, in the order of the documentation."""
    wanted = set(scopes)
    return [scope for scope in ALL_SCOPES if scope in wanted]
