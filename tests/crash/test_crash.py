"""A small round of ``./run crash``: what was acknowledged is there, once, and what is killed comes back."""

from __future__ import annotations

import contextlib
import io
import os
import random
import subprocess
from typing import Any

import pytest

from gateway import cli
from gateway.app import gateway_of
from gateway.config import from_environment
from gateway.process.onboarding import onboard
from tests.crash import place as place_of_crashes
from tests.crash.__main__ import one_round
from tests.crash.place import Place
from tests.warm import Program

pytestmark = pytest.mark.long(15)

WAYS = {"sqlite": ("child",), "postgresql": ("child", "connections", "master")}


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


@pytest.mark.slow
def test_purchases_survive_every_kill(database_url: str) -> None:
    ways = WAYS[database_url.partition("+")[0].partition(":")[0]]

    found = one_round(database_url, 3, random.Random(20261123), ways=ways)

    assert found["failures"] == []
    assert found["kills"] == len(ways)
    assert found["acknowledged"] > 5
    assert found["replayed"] > 5
    assert (found["lost"], found["doubled"], found["answers 5xx but 503"]) == (0, 0, 0)
    assert found["SIGTERM to end (s)"] < max(10, 2 * found["first start (s)"])
