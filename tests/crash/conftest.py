"""Gateways of the small rounds: merchants are made and commands run in this process, programs are forked from one."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
from typing import Any

import pytest

from gateway import cli
from gateway.app import gateway_of
from gateway.config import from_environment
from gateway.process.onboarding import onboard
from tests.crash import place as place_of_crashes
from tests.crash.place import Place
from tests.warm import Program


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Merchants are made and commands are run here, where everything is loaded already."""

    def merchant(place: Place, number: int) -> dict[str, Any]:
        return onboard(
            gateway_of(from_environment(place.environ)),
            name=f"灯塔{number}",
            name_en=f"Lighthouse {number}",
            category="3c",
            mode="test",
            email=f"owner{number}@a.example",
            webhook_url=None,
        )

    def run(place: Place, *arguments: str) -> subprocess.CompletedProcess[str]:
        with monkeypatch.context() as patch, contextlib.redirect_stdout(io.StringIO()) as said:
            for name in ("DATABASE_URL", "FENQI_DATA_DIR"):
                patch.setitem(os.environ, name, place.environ[name])
            try:
                status: Any = cli.main(arguments)
            except SystemExit as end:
                status = end.code
            return subprocess.CompletedProcess(arguments, status, said.getvalue(), "")

    monkeypatch.setattr(Place, "merchant", merchant)
    monkeypatch.setattr(Place, "run", run)
    monkeypatch.setattr(place_of_crashes, "launched", Program)
