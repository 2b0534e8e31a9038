"""Port: sending one-time codes to phones and invitations to addresses, with the sandbox's simulator beside it."""

from __future__ import annotations

from typing import Protocol

from gateway.core.tenant import Mode
from gateway.errors import Unavailable


class Notifier(Protocol):
    """Sends short messages."""

    def new_code(self, mode: Mode) -> str:
        """A fresh six-digit code."""
        ...

    def send_code(self, mode: Mode, phone: str, code: str) -> None:
        """Send ``code`` to ``phone`` (E.164). Raises ``Unavailable``; never pretends."""
        ...

    def send_invitation(self, mode: Mode, email: str, url: str) -> None:
        """Send the link of an invitation to ``email``. Raises ``Unavailable``; never pretends."""
        ...


SANDBOX_CODE = "000000"


class SandboxNotifier:
    """SIMULATOR: sends nothing. In test mode the code is always 000000; in live mode it refuses."""

    def new_code(self, mode: Mode) -> str:
        self._only_test(mode)
        return SANDBOX_CODE

    def send_code(self, mode: Mode, phone: str, code: str) -> None:
        self._only_test(mode)

    def send_invitation(self, mode: Mode, email: str, url: str) -> None:
        self._only_test(mode)

    def _only_test(self, mode: Mode) -> None:
        if mode != "test":
            raise Unavailable("No message provider is configured, so nothing can be sent in live mode.")
