"""Processes that have imported the whole gateway already.

An import costs seconds, and the suite starts a dozen of them. They are signalled and killed like any other.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Mapping
from multiprocessing import forkserver
from pathlib import Path
from typing import Any

from gateway import cli

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(
    [
        __name__,
        "gateway.db.migrate",
        "gateway.data_requests.commands",
        "gateway.process.server",
        "gateway.proof.book_agreements",
        "granian.server.mp",
        "merchant_portal",
        "pytest",
        "scoring.scorer",
        "scoring.tables.commands",
        "sqlalchemy.dialects.sqlite",
        "tests.docs.warm",
    ]
)


def begin_for_all() -> None:
    """Start what they are forked from, for this process and for all that are forked from it."""
    server: Any = forkserver._forkserver  # type: ignore[attr-defined]
    server.ensure_running()
    server.ensure_running = lambda: None  # a fork would take it for gone, as it is not its child


class Process:
    """Like a ``subprocess.Popen``, of a function of a module."""

    def __init__(
        self,
        run: Callable[..., Any],
        *arguments: str,
        environ: Mapping[str, str],
        log: Path,
        folder: Path | None = None,
    ) -> None:
        place = (dict(environ), str(log), str(folder or Path.cwd()))
        self._process = FORKS.Process(target=_begin, args=(run, arguments, *place))
        self._process.start()

    @property
    def pid(self) -> int:
        return int(self._process.pid or 0)

    def terminate(self) -> None:
        self._process.terminate()

    def kill(self) -> None:
        self._process.kill()

    def interrupt(self) -> None:
        """What Ctrl-C sends."""
        os.kill(self.pid, signal.SIGINT)

    def wait(self, timeout: float | None = None) -> int | None:
        """The exit status, negative for a signal; None when it goes on."""
        self._process.join(timeout)
        return self._process.exitcode


class Program(Process):
    """``fenqi-gateway`` with arguments."""

    def __init__(
        self, arguments: list[str], environ: Mapping[str, str], log: Path, folder: Path | None = None
    ) -> None:
        super().__init__(fenqi_gateway, *arguments, environ=environ, log=log, folder=folder)


def fenqi_gateway(*arguments: str) -> None:
    """As it is typed."""
    sys.exit(cli.main(arguments))


def python(code: str, *arguments: str) -> None:
    """As ``python -c``."""
    sys.argv = ["-c", *arguments]
    exec(compile(code, "<string>", "exec"), {"__name__": "__main__"})


def _begin(
    run: Callable[..., Any], arguments: tuple[str, ...], environ: dict[str, str], log: str, folder: str
) -> None:
    handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for stream in (1, 2):
        os.dup2(handle, stream)
    multiprocessing.set_start_method(
        "fork", force=True
    )  # else the server would spawn its own, which import anew
    os.environ.clear()
    os.environ.update(environ)
    os.chdir(folder)
    run(*arguments)
