"""Contracts: what lender and shopper agreed to, in one canonical text that is hashed, signed and never changed."""
