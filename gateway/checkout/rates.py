"""How often a merchant may ask for checkouts, and an address for the pages of the checkout."""

from __future__ import annotations

from gateway.web.rate_limits import Rate

CHECKOUTS = Rate("checkouts", per_second=100, burst=500)
"""New checkouts of a merchant and mode."""
CODES = Rate("codes", per_second=0.2, burst=60, strict=True)
"""One-time codes asked for from one address, which a whole shop may share; how many a phone gets is counted for the
phone (``identity.code_limits``)."""
GUESSES = Rate("guesses", per_second=1, burst=60, strict=True)
"""One-time codes sent in from one address."""
DOCUMENTS = Rate("documents", per_second=0.5, burst=60)
"""PDF files made for one address, which a whole shop may share."""
PUBLIC_PLANS = Rate("public_plans", per_second=5, burst=100)
"""Pages of plans shown to one address."""
METHODS = Rate("methods", per_second=0.2, burst=30, strict=True)
"""Repayment cards that are begun from one address; how many a person may try is counted for the person."""
