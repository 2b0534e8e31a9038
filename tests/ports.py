"""Ports for servers that tests start."""

from __future__ import annotations

import random
import socket
from contextlib import suppress

BELOW_CONNECTIONS = range(20_000, 32_000)
"""The system gives ports from 32,768 on to connections: one of those, free a moment ago, may be somebody's by now."""
_chance = random.SystemRandom()


def free_port() -> int:
    """A port on which nobody listens, at any address."""
    while True:
        port = _chance.choice(BELOW_CONNECTIONS)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("", port))
            return port
