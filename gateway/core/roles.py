"""What each role of a merchant's team may do: one table, from which tokens, refusals and pages are made."""

from __future__ import annotations

from collections.abc import Iterable

READING = ("checkouts:read", "payments:read", "events:read", "portal")

ROLE_SCOPES: dict[str, tuple[str, ...]] = {
    "owner": (
        "checkouts:write", "checkouts:read", "payments:write", "payments:read", "refunds:write",
        "settlements:read", "reconciliations:write", "events:read", "webhooks:write", "scores:write", "portal",
    ),
    "finance": (*READING, "settlements:read", "refunds:write", "reconciliations:write"),
    "operations": (*READING, "checkouts:write", "settlements:read", "payments:write", "refunds:write"),
    "developer": (*READING, "webhooks:write"),
    "viewer": (*READING, "settlements:read"),
}  # fmt: skip
"""The scopes a role may have; a token never has more than its person. A developer moves and sees no money of the
merchant's own: neither settlements nor the balance."""

ROLES = tuple(ROLE_SCOPES)


def holders(scopes: Iterable[str]) -> list[str]:
    """The roles that have at least one of ``scopes``."""
    wanted = set(scopes)
    return [role for role, held in ROLE_SCOPES.items() if wanted & set(held)]
