"""Delivery: events wait, leave signed to a checked address, and are tried again."""
