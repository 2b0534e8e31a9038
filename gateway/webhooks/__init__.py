"""Webhooks: events that record every change of state, and their deliveries to whoever asked for them."""
