"""Port: sending one-time codes to phones and invitations to addresses, with the sandbox's simulator beside it.

``reference`` is ours and unique: a repeated sending with it is the same message, which arrives once.
"""

from __future__ import annotations

from typing import Protocol

from gateway.core.tenant import Mode
from gateway.errors import MessagesUnavailable


class Notifier(Protocol):
    """Sends short messages."""

    def check(self, mode: Mode) -> None:
        """Raise ``MessagesUnavailable`` when nothing can be sent in this mode: asked before anything is promised."""
        ...

    def new_code(self, mode: Mode) -> str:
        """A fresh six-digit code. Raises ``MessagesUnavailable`` when it could not be sent."""
        ...

    def send_code(self, mode: Mode, phone: str, code: str, *, reference: str) -> None:
        """Send ``code`` to ``phone`` (E.164). Raises ``MessagesUnavailable`` while it is not known to be sent."""
        ...

    def send_invitation(self, mode: Mode, email: str, url: str, *, reference: str) -> None:
        """Send an invitation's link to ``email``. Raises ``MessagesUnavailable`` while it is not known to be sent."""
        ...


SANDBOX_CODE = "000000"


class SandboxNotifier:
    """SIMULATOR: sends nothing. In test mode the code is always 000000; in live mode it refuses."""

    simulator = True

    def check(self, mode: Mode) -> None:
        if mode != "test":
            raise MessagesUnavailable(
                "No message provider is configured, so nothing can be sent in live mode."
            )

    def new_code(self, mode: Mode) -> str:
        self.check(mode)
        return SANDBOX_CODE

    def send_code(self, mode: Mode, phone: str, code: str, *, reference: str) -> None:
        self.check(mode)

    def send_invitation(self, mode: Mode, email: str, url: str, *, reference: str) -> None:
        self.check(mode)
