"""Telling shoppers: which messages follow from what happened to an order or a loan, and what they say."""
