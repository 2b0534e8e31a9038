"""Booking: the accounts, the lines of each business event, and how they reach the tables."""
