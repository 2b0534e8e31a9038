"""Programs of the gateway in processes of their own that have imported everything already: an import costs seconds,
and the suite starts a dozen of them. They are killed like any other.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from pathlib import Path

from gateway import cli

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload([__name__, "gateway.server", "merchant_portal", "granian.server.mp", "pytest"])


class Program:
    """Like a ``subprocess.Popen`` of ``fenqi-gateway``."""

    def __init__(self, arguments: list[str], environ: dict[str, str], log: Path) -> None:
        self._process = FORKS.Process(target=_main, args=(arguments, environ, str(log)))
        self._process.start()

    @property
    def pid(self) -> int:
        return int(self._process.pid or 0)

    def terminate(self) -> None:
        self._process.terminate()

    def wait(self, timeout: float | None = None) -> None:
        self._process.join(timeout)


def _main(arguments: list[str], environ: dict[str, str], log: str) -> None:
    handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for stream in (1, 2):
        os.dup2(handle, stream)
    multiprocessing.set_start_method(
        "fork", force=True
    )  # else the server would spawn its own, which import anew
    os.environ.clear()
    os.environ.update(environ)
    sys.exit(cli.main(arguments))
