"""People and a portal, and the security events that they leave."""

from __future__ import annotations

import importlib.util
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

# The login's fixtures serve here too; conftest modules cannot be imported by name.
_spec = importlib.util.spec_from_file_location(
    "oauth_fixtures", Path(__file__).parents[1] / "oauth" / "conftest.py"
)
assert _spec is not None
assert _spec.loader is not None
_fixtures = importlib.util.module_from_spec(_spec)
__import__("sys").modules["oauth_fixtures"] = _fixtures
_spec.loader.exec_module(_fixtures)
make_portal, portal = _fixtures.make_portal, _fixtures.portal

FIELDS = [
    "time",
    "level",
    "event",
    "kind",
    "outcome",
    "reason",
    "status",
    "subject",
    "client_id",
    "merchant_id",
    "mode",
    "address",
    "method",
    "route",
    "request_id",
]


class Heard(logging.Handler):
    """The lines of the log of security events since it was last asked."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())

    def events(self) -> list[dict[str, Any]]:
        """Each line as the object it is, with every field in its place."""
        lines, self.lines = self.lines, []
        found = [json.loads(line) for line in lines]
        assert all("\n" not in line and line.isascii() for line in lines)
        assert all(list(event) == FIELDS for event in found)
        return found

    def kinds(self) -> list[str]:
        return [event["kind"] for event in self.events()]


@pytest.fixture
def heard() -> Iterator[Heard]:
    handler, log = Heard(), logging.getLogger("gateway.security")
    level = log.level
    log.setLevel(logging.INFO)
    log.addHandler(handler)
    yield handler
    log.removeHandler(handler)
    log.setLevel(level)
