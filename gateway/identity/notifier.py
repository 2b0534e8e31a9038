"""Port: sending codes and messages to phones, invitations and notices to addresses; the sandbox's simulator beside it.

``reference`` is ours and unique: a repeated sending with it is the same message, which arrives once.
"""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Protocol

from gateway.core.tenant import Mode
from gateway.errors import MessagesUnavailable


class MessageRefused(Exception):
    """The provider has refused a message for good, such as for a number that does not exist; it never left."""


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

    def send_notice(self, mode: Mode, email: str, subject: str, text: str, *, reference: str) -> None:
        """Send a notice to ``email``. Raises ``MessagesUnavailable`` while it is not known to be sent."""
        ...

    def send_message(self, mode: Mode, phone: str, text: str, *, reference: str) -> None:
        """Send a message to ``phone`` (E.164). Raises ``MessagesUnavailable`` while it is not known to be sent.

        And ``MessageRefused``, in words without the phone or the text, when it never will be.
        """
        ...


SANDBOX_CODE = "000000"


class SandboxNotifier:
    """SIMULATOR: sends nothing. In test mode the code is always 000000; in live mode it refuses.

    ``mailbox`` is a file, for the eyes of its owner only, in which what else test mode sends arrives: one
    line of JSON each, the newest ``KEPT`` of them.
    """

    KEPT = 100

    def __init__(self, mailbox: Path | None = None) -> None:
        self._mailbox = mailbox
        self._turn = threading.Lock()

    simulator = True

    def check(self, mode: Mode) -> None:
        """Raise ``MessagesUnavailable`` in live mode."""
        if mode != "test":
            raise MessagesUnavailable(
                "No message provider is configured, so nothing can be sent in live mode."
            )

    def new_code(self, mode: Mode) -> str:
        """Always 000000, so that a tester can type it."""
        self.check(mode)
        return SANDBOX_CODE

    def send_code(self, mode: Mode, phone: str, code: str, *, reference: str) -> None:
        """Nothing is sent: the code is known."""
        self.check(mode)

    def send_invitation(self, mode: Mode, email: str, url: str, *, reference: str) -> None:
        """Write the letter to the mailbox file, if there is one; one reference is one line."""
        self.check(mode)
        self._deliver(reference, {"to": email, "url": url})

    def send_notice(self, mode: Mode, email: str, subject: str, text: str, *, reference: str) -> None:
        """Write the notice to the mailbox file, if there is one; one reference is one line."""
        self.check(mode)
        self._deliver(reference, {"to": email, "subject": subject, "text": text})

    def send_message(self, mode: Mode, phone: str, text: str, *, reference: str) -> None:
        """Write the message to the mailbox file, to the last four digits; one reference is one line."""
        self.check(mode)
        self._deliver(reference, {"to": f"*{phone[-4:]}", "text": text})

    def _deliver(self, reference: str, letter: dict[str, str]) -> None:
        if self._mailbox is None:
            return
        line = json.dumps({"reference": reference, **letter}, ensure_ascii=False)
        with self._turn:
            known = self._mailbox.read_text("utf-8").splitlines() if self._mailbox.exists() else []
            lines = [*(one for one in known if json.loads(one)["reference"] != reference), line]
            partial = self._mailbox.with_suffix(".partial")
            partial.touch(mode=0o600)
            partial.write_text("\n".join(lines[-self.KEPT :]) + "\n", "utf-8")
            partial.replace(self._mailbox)
