"""Refunds: what comes back to the shopper, by kind, and what it takes off loan, fee and claim."""
