"""Operators: the gateway's own people, how one proves who they are, and what two of them agree on."""
