"""Clients: how a merchant's program proves which client it is."""
