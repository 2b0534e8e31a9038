"""The merchant of a measurement that has a gateway to itself."""

from __future__ import annotations

from gateway.process.onboarding import onboard
from gateway.web.context import Gateway


def on_board(gateway: Gateway, email: str = "bench@fenqi.example") -> dict[str, str]:
    """Take a merchant of phones on board in test mode; returns its credentials."""
    return onboard(
        gateway, name="量尺", name_en="Yardstick", category="3c", mode="test", email=email, webhook_url=None
    )
