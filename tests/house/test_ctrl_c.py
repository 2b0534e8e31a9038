"""Ctrl-C in a terminal ends a server within three seconds, whenever it is pressed; a killed one ends whole."""

from __future__ import annotations

import os
import pty
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from gateway import keyring
from tests.ports import free_port
from tests.warm import Process, Program, fenqi_gateway

pytestmark = pytest.mark.long(15)

PROGRAM = Path(sys.executable).parent / "fenqi-gateway"
START_SECONDS, STOP_SECONDS = 90, 3


class Terminal:
    """A program at a terminal of its own, in the foreground; a ``fresh`` one imports everything first."""

    def __init__(self, *line: str, fresh: bool = False) -> None:
        self._screen, self._keyboard = pty.openpty()
        place, environ = os.ttyname(self._keyboard), {**os.environ, "DATABASE_URL": ""}
        self.shown = ""
        if fresh:
            control = partial(take_control, place)
            program = subprocess.Popen([PROGRAM, *line], env=environ, preexec_fn=control)  # noqa: PLW1509 - in a test
            self.pid, self.ended = program.pid, lambda: program.poll() is not None
        else:
            warm = Process(at_terminal, place, *line, environ=environ, log=Path(place))
            self.pid, self.ended = warm.pid, lambda: warm.wait(0) is not None

    def read(self, seconds: float) -> None:
        """Take in what is printed for a while; a program that has ended prints nothing."""
        if select.select([self._screen], [], [], seconds)[0]:
            try:
                self.shown += os.read(self._screen, 65536).decode(errors="replace")
            except OSError:
                time.sleep(min(seconds, 0.02))

    def press_ctrl_c(self) -> float | None:
        """Press it, and return the seconds until the program has ended; None when it goes on."""
        pressed = time.monotonic()
        os.write(self._screen, b"\x03")
        while time.monotonic() - pressed < 4 * STOP_SECONDS:
            self.read(0.02)
            if self.ended():
                return time.monotonic() - pressed
        return None

    def close(self) -> None:
        if not self.ended():
            os.killpg(self.pid, signal.SIGKILL)
            assert waited(self.ended, STOP_SECONDS)
        os.close(self._screen)
        os.close(self._keyboard)


def take_control(place: str) -> None:
    """Sit down at a terminal: what is typed there is for this process and those that it starts."""
    os.setsid()
    terminal = os.open(place, os.O_RDWR)
    for stream in range(3):
        os.dup2(terminal, stream)


def at_terminal(place: str, *line: str) -> None:
    """``fenqi-gateway`` as typed at a terminal, in a process that has imported it."""
    take_control(place)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # as each Python begins
    fenqi_gateway(*line)


def listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.2)
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def folder(tmp_path: Path, sqlite_template: Path) -> Path:
    """The data folder of a gateway that has been set up and never run."""
    shutil.copy(sqlite_template, tmp_path / "fenqi.sqlite")
    keyring.create(tmp_path)
    return tmp_path


@pytest.mark.parametrize(("verb", "pauses"), [("demo", (0.0, 0.5)), ("serve", (0.2, 0.0))])
def test_ctrl_c_ends_a_server_within_three_seconds(
    verb: str, pauses: tuple[float, ...], folder: Path
) -> None:
    """One of them is pressed while a process of the server imports."""
    took = []
    for pause in pauses:
        port = free_port()
        terminal = Terminal(verb, "--port", str(port), "--data", str(folder), fresh=verb == "serve")
        try:
            start = time.monotonic()
            while not (listens(port) or terminal.ended()) and time.monotonic() - start < START_SECONDS:
                terminal.read(0.05)
            assert listens(port), terminal.shown
            time.sleep(pause)

            seconds = terminal.press_ctrl_c()

            assert seconds is not None, f"still running: {terminal.shown}"
            took.append(seconds)
            assert "Traceback" not in terminal.shown
            assert not listens(port), "a process of the server goes on"
        finally:
            terminal.close()
        if seconds <= STOP_SECONDS:
            return
    pytest.fail(f"it took {took} seconds; one may be slow where other tests keep the machine busy")


def test_ctrl_c_ends_a_worker_within_three_seconds(folder: Path) -> None:
    took = []
    for pause in (1.0, 3.0):
        terminal = Terminal("worker", "--data", str(folder))
        try:
            start = time.monotonic()
            while not (folder / "metrics").exists() and time.monotonic() - start < START_SECONDS:
                terminal.read(0.05)
            time.sleep(pause)

            seconds = terminal.press_ctrl_c()

            assert seconds is not None
            took.append(seconds)
            assert "Traceback" not in terminal.shown
        finally:
            terminal.close()
        if seconds <= STOP_SECONDS:
            return
    pytest.fail(f"it took {took} seconds; one may be slow where other tests keep the machine busy")


def test_a_server_that_is_killed_leaves_no_process_that_serves_on(folder: Path) -> None:
    port = free_port()
    line, log = ["serve", "--port", str(port), "--data", str(folder)], folder / "server.log"
    server = Program(line, {**os.environ, "DATABASE_URL": ""}, log)
    try:
        assert waited(lambda: listens(port) or server.wait(0) is not None, START_SECONDS)
        assert server.wait(0) is None, log.read_text()
    finally:
        server.kill()
        server.wait()
    assert waited(lambda: not listens(port), 20), "a process of the server goes on"


def waited(until: Callable[[], bool], seconds: float) -> bool:
    """Whether it came true in time."""
    latest = time.monotonic() + seconds
    while not until():
        if time.monotonic() > latest:
            return False
        time.sleep(0.1)
    return True
