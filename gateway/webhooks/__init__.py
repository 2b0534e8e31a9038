"""Webhooks: events that record every change of state, and the outbox through which they leave."""
