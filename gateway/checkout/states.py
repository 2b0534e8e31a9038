"""The moves a checkout can make; a state that is not named here is final."""

from gateway.core.transitions import Transitions

CHECKOUT = Transitions(
    {
        "open": {"identified", "expired", "canceled"},
        "identified": {"deciding", "expired", "canceled"},
        "deciding": {"under_review", "approved", "declined"},
        "under_review": {"approved", "declined", "canceled"},
    }
)

EXPIRABLE = ("open", "identified")
"""Until they are confirmed, checkouts end when their time is over; what the lender has before it, the lender ends."""
UNDECIDED = (*EXPIRABLE, "deciding", "under_review")
REQUIRED_CONSENTS = ("credit_service", "bureau_query", "funder_sharing")
"""Separate consents without which no loan is made; refusing ``marketing`` never blocks."""
OPTIONAL_CONSENTS = ("marketing",)
