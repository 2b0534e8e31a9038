"""How often an address may ask for what costs something."""

from __future__ import annotations

from gateway.web.rate_limits import Rate

PAYMENTS = Rate("my_payments", per_second=0.5, burst=20)
"""Payments that are asked for from one address; how many a loan takes is counted for the loan."""
COPIES = Rate("my_copies", per_second=0.05, burst=10)
"""Copies of everything that is stored about a person, asked for from one address."""
DISPUTES = Rate("my_disputes", per_second=0.1, burst=30)
"""Disputes opened from one address; of one order there is one at a time."""
COMPLAINTS = Rate("my_complaints", per_second=0.1, burst=30)
"""Complaints filed from one address; how many of a person wait is counted for the person."""
CARDS = Rate("my_cards", per_second=0.2, burst=30, strict=True)
"""Repayment cards that are begun from one address; how many a person may try is counted for the person."""
