"""Tokens: issued, bound to keys, verified, revoked, and used once where once is meant."""
