"""How often an address may ask for tokens and try to log in."""

from __future__ import annotations

from gateway.web.rate_limits import Rate

TOKENS = Rate("tokens", per_second=10, burst=100)
"""Requests with a client's credentials from one address: who guesses locks nobody else out."""
PUSHES = Rate("pushes", per_second=2, burst=60)
"""Authorisation requests pushed from one address."""
LOGINS = Rate("logins", per_second=0.5, burst=30, strict=True)
"""Passwords sent from one address."""
