"""Fixtures of the SDK's tests, and the stories beside them as an importable module."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fenqi import Fenqi
from fenqi.testing import FakeGateway

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def gateway() -> Iterator[FakeGateway]:
    with FakeGateway() as fake:
        yield fake


@pytest.fixture
def client(gateway: FakeGateway) -> Fenqi:
    return gateway.client()


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CLIENT_ID", "CLIENT_SECRET", "BASE_URL", "WEBHOOK_SECRET"):
        monkeypatch.delenv(f"FENQI_{name}", raising=False)
