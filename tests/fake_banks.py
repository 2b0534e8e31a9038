"""The fake bank as tests run it: a process of its own, killed and started again, and a client for its control."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import requests

from tests.ports import free_port

PROGRAM = str(Path(sys.executable).parent / "fenqi-gateway")
START_SECONDS = 60


class Bank:
    """A running fake bank."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder, self._options = folder, options
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [PROGRAM, "fake-bank", "--port", str(self.port), "--data", str(self.folder), *self._options]
        kept = {name: value for name, value in os.environ.items() if not name.startswith("FENQI_")}
        with (self.folder.parent / "bank.log").open("ab") as log:
            self._process = subprocess.Popen(command, env=kept, stdout=log, stderr=log)
        latest = time.monotonic() + START_SECONDS
        while True:
            with contextlib.suppress(requests.ConnectionError):
                self.journal()
                return
            assert self._process.poll() is None, (self.folder.parent / "bank.log").read_text()
            assert time.monotonic() < latest, "the bank does not start"
            time.sleep(0.05)

    def kill(self) -> None:
        """SIGKILL."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(30)

    def next(self, behaviour: str, **options: Any) -> None:
        """Play the next payout so."""
        self.control("next", behaviour=behaviour, **options)

    def control(self, what: str, **body: Any) -> Any:
        answer = requests.post(f"{self.url}/control/{what}", json=body, timeout=10)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def journal(self) -> list[dict[str, Any]]:
        return list(requests.get(f"{self.url}/control/journal", timeout=10).json())

    def moved(self) -> dict[str, int]:
        """By reference what was moved in all, less what came back, including what is still to come."""
        return {row["reference"]: sum(one["amount"] for one in row["planned"]) for row in self.journal()}

    def statement(self, party: str, first: str, last: str, form: str = "csv") -> bytes:
        path = f"{self.url}/statements/{party}/{first}.{form}?until={last}"
        answer = requests.get(path, timeout=10)
        assert answer.status_code == 200, answer.text
        return answer.content


@contextlib.contextmanager
def running(folder: Path, *options: str) -> Iterator[Bank]:
    """A bank whose book lies in ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    bank = Bank(folder, *options)
    bank.start()
    try:
        yield bank
    finally:
        bank.kill()
