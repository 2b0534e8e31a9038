"""Webhooks: events that record every change of state, and their deliveries to the endpoints that subscribe to them."""
