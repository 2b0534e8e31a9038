"""The moves a checkout can make; a state that is not named here is final."""

from gateway.core.transitions import Transitions

CHECKOUT = Transitions(
    {
        "open": {"identified", "expired", "canceled"},
        "identified": {"under_review", "approved", "declined", "expired", "canceled"},
        "under_review": {"approved", "declined", "expired", "canceled"},
    }
)

EXPIRABLE = ("open", "identified", "under_review")
REQUIRED_CONSENTS = ("credit_service", "bureau_query", "funder_sharing")
"""Separate consents without which no loan is made; refusing ``marketing`` never blocks."""
OPTIONAL_CONSENTS = ("marketing",)
