"""What the server of operators calls itself, and where a login may return to."""

from __future__ import annotations

import re

CLIENT_ID = "operators"
"""The one client: whatever program an operator runs on their own machine (RFC 8252). It has no secret."""
LOOPBACK = re.compile(r"http://(?:127\.0\.0\.1|\[::1\]):(?P<port>[1-9][0-9]{0,4})/callback")
"""Where it listens, on any port (RFC 8252, section 7.3): no other machine can be there."""
HIGHEST_PORT = 65535


def issuer(public_url: str) -> str:
    """The issuer of operators' tokens, which is not that of merchants' tokens."""
    return f"{public_url}/operator"


def audience(public_url: str) -> str:
    """What an operator's token is for."""
    return f"{public_url}/v1/operator"


def may_return_to(address: str) -> bool:
    """Whether a login may end at an address."""
    found = LOOPBACK.fullmatch(address)
    return found is not None and int(found["port"]) <= HIGHEST_PORT
