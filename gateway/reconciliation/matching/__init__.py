"""Matching: two sides of a reconciliation compared by SQL text, in memory that does not grow with them."""
