"""Processes that have imported the whole gateway already.

An import costs seconds, and the suite starts a dozen of them. They are signalled and killed like any other.
"""

from __future__ import annotations

import atexit
import gc
import logging
import multiprocessing
import os
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from multiprocessing import connection, forkserver, resource_tracker
from pathlib import Path
from typing import Any

from gateway import cli

FORKS = multiprocessing.get_context("forkserver")
IMPORTED = [
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
FORKS.set_forkserver_preload(IMPORTED)


def begin_for_all() -> None:
    """Start what they are forked from, for this process and for all that are forked from it.

    It is a fork itself, of a process that has collected the tests and so imported nearly all of it.
    """
    resource_tracker.ensure_running()
    with socket.socket(socket.AF_UNIX) as listener:
        address = connection.arbitrary_address("AF_UNIX")  # type: ignore[attr-defined]
        listener.bind(address)
        listener.listen()
        ended, alive = os.pipe()  # it ends when nobody has the other end any more
        sys.stdout.flush()
        sys.stderr.flush()
        if not os.fork():
            os.close(alive)
            _serve(listener.detach(), ended)
        os.close(ended)
    server: Any = forkserver._forkserver  # type: ignore[attr-defined]
    server._forkserver_address, server._forkserver_alive_fd = address, alive
    server.ensure_running = lambda: None  # a fork would take it for gone, as it is not its child


def _serve(listener: int, ended: int) -> None:
    """Be the process from which others are forked, with nothing of a test run but its imports. Never returns."""
    try:
        atexit._clear()
        logging.root.handlers.clear()
        sys.excepthook, sys.unraisablehook = sys.__excepthook__, sys.__unraisablehook__
        threading.excepthook = threading.__excepthook__
        gc.collect()
        gc.freeze()
        forkserver.main(listener, ended, IMPORTED)  # type: ignore[attr-defined]
    except SystemExit:
        os._exit(0)
    except BaseException:
        traceback.print_exc()
    os._exit(1)


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
