"""What reaches shoppers' phones in a test: kept, with the time at which it came."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

import pytest

from gateway.identity.notifier import SandboxNotifier
from tests.one_database import database_url  # noqa: F401


class Came(NamedTuple):
    """One message as it came."""

    at: datetime
    mode: str
    phone: str
    text: str
    reference: str


class Phones(SandboxNotifier):
    """Keeps what is sent, in both modes; fails in the way it is told."""

    def __init__(self, clock: Any) -> None:
        super().__init__()
        self.clock, self.came = clock, list[Came]()
        self.failure: Exception | None = None

    def check(self, mode: Any) -> None:
        pass

    def send_message(self, mode: Any, phone: str, text: str, *, reference: str) -> None:
        if self.failure is not None:
            raise self.failure
        self.came.append(Came(self.clock.now, mode, phone, text, reference))

    def texts(self) -> list[str]:
        return [one.text for one in self.came]


@pytest.fixture
def phones(app: Any, clock: Any) -> Phones:
    app.extensions["fenqi"].ports.notifier = found = Phones(clock)
    return found
