"""How often people may be invited, and invitations be opened."""

from __future__ import annotations

from gateway.web.rate_limits import Rate

INVITING = Rate("inviting", per_second=1 / 60, burst=30)
"""Invitations sent for a merchant and mode."""
INVITATIONS = Rate("invitations", per_second=0.5, burst=30)
"""Invitations opened or accepted from one address."""
