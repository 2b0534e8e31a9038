"""Tests in several processes, forked from one that has imported and collected everything: ``--workers 3``.

Importing the gateway and collecting its tests takes as long as hundreds of short tests, and is done once here. A worker
takes one file of tests after the other; what a file or a session sets up, each worker sets up for itself. The first one
begins with the long files, most of which wait for servers or a browser, the others with the rest, and who has no more
of its own helps. What a worker says of its tests is told as if they had run in one process, and a test
of which no worker says anything has failed.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import uuid
import warnings
from collections.abc import Iterable, Iterator
from itertools import groupby
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

import pytest

FORK = multiprocessing.get_context("fork")
NUMBER = 4
"""Bytes of one number in the queue: so few are read as they were written, whoever else reads."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--workers", type=int, default=1, help="how many processes run the tests; 0: one more than processors"
    )


def pytest_configure(config: pytest.Config) -> None:
    os.environ["FENQI_TEST_RUN"] = uuid.uuid4().hex
    if not config.option.workers:
        config.option.workers = len(os.sched_getaffinity(0)) + 1


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool | None:
    """Run the tests, unless there is nothing to share."""
    options = session.config.option
    if options.workers < 2 or options.collectonly or options.usepdb or session.testsfailed:
        return None
    Crew(session).run()
    return True


class Worker:
    """One process, and what it is at."""

    def __init__(self, process: BaseProcess) -> None:
        self.process = process
        self.running = ""


class Crew:
    """The workers of a session, and what is known of its tests."""

    def __init__(self, session: pytest.Session) -> None:
        self._session, self._hook = session, session.config.hook
        self._untold = {item.nodeid: item for item in session.items}
        self._workers: dict[Any, Worker] = {}
        self._broken: list[str] = []

    def run(self) -> None:
        """Raises ``Failed`` or ``Interrupted`` as a session in one process does, and ``Failed`` for a broken worker."""
        self._start()
        try:
            while self._workers:
                for line in wait(list(self._workers)):
                    self._listen(line)  # type: ignore[arg-type]
        except BaseException:
            self._stop()
            raise
        for nodeid in list(self._untold):
            self._failed(nodeid, "no worker came to it")
        if self._broken:
            raise self._session.Failed("; ".join(self._broken))

    def _start(self) -> None:
        long, rest = in_turn(self._session.items)
        files = long + rest
        queues = [queue(range(len(long))), queue(range(len(long), len(files)))]
        self._session.config._tmp_path_factory.getbasetemp()  # type: ignore[attr-defined]
        gc.collect()
        gc.freeze()
        for number in range(min(self._session.config.option.workers, len(files))):
            line, theirs = FORK.Pipe(duplex=False)
            turn = queues[::-1] if number else queues
            process = FORK.Process(target=work, args=(self._session, files, turn, theirs))
            process.start()
            theirs.close()
            self._workers[line] = Worker(process)
        for end in queues:
            os.close(end)

    def _listen(self, line: Connection) -> None:
        worker = self._workers[line]
        try:
            kind, told = line.recv()
        except EOFError:
            self._gone(line)
            return
        if kind == "report":
            report = self._hook.pytest_report_from_serializable(config=self._session.config, data=told)
            self._hook.pytest_runtest_logreport(report=report)
        elif kind == "warning":
            self._hook.pytest_warning_recorded.call_historic(kwargs=told)
        elif kind == "start":
            worker.running = told["nodeid"]
            self._hook.pytest_runtest_logstart(**told)
        else:
            self._untold.pop(worker.running)
            worker.running = ""
            self._hook.pytest_runtest_logfinish(**told)
        if self._session.shouldfail:
            raise self._session.Failed(self._session.shouldfail)
        if self._session.shouldstop:
            raise self._session.Interrupted(self._session.shouldstop)

    def _gone(self, line: Connection) -> None:
        worker = self._workers.pop(line)
        worker.process.join()
        if worker.running:
            self._failed(worker.running, f"its worker ended with status {worker.process.exitcode}")
        elif worker.process.exitcode:
            self._broken.append(f"a worker ended with status {worker.process.exitcode}")

    def _failed(self, nodeid: str, why: str) -> None:
        item = self._untold.pop(nodeid)
        report = pytest.TestReport(nodeid, item.location, {}, "failed", why, "call")
        self._hook.pytest_runtest_logreport(report=report)

    def _stop(self) -> None:
        """Interrupt whoever is at work, and wait until they have cleared up."""
        for worker in self._workers.values():
            if worker.process.pid is not None and worker.process.is_alive():
                os.kill(worker.process.pid, signal.SIGINT)
        for line, worker in self._workers.items():
            line.close()
            worker.process.join()


def in_turn(items: list[pytest.Item]) -> tuple[list[list[pytest.Item]], list[list[pytest.Item]]]:
    """The tests by file: the long ones, the longest first, and the rest, those with most tests first."""
    files = [list(tests) for _, tests in groupby(items, key=lambda item: item.path)]
    long = sorted(filter(seconds, files), key=seconds, reverse=True)
    rest = sorted((tests for tests in files if not seconds(tests)), key=len, reverse=True)
    return long, rest


def seconds(tests: list[pytest.Item]) -> int:
    """About how long a file takes that is marked as a long one; else 0."""
    marks = (item.get_closest_marker("long") for item in tests)
    return max((mark.args[0] for mark in marks if mark), default=0)


def queue(numbers: Iterable[int]) -> int:
    """The end of a pipe from which each takes the next number."""
    taken, given = os.pipe()
    os.write(given, b"".join(number.to_bytes(NUMBER, "big") for number in numbers))
    os.close(given)
    return taken


def work(
    session: pytest.Session, files: list[list[pytest.Item]], queues: list[int], line: Connection
) -> None:
    """A worker: run files until none is left."""
    config = session.config
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in what a shell runs in the background
    capturing: Any = config.pluginmanager.getplugin("capturemanager")
    capturing.stop_global_capturing()  # it writes into files that all workers have
    capturing.start_global_capturing()
    capturing.suspend_global_capture()
    config.pluginmanager.unregister(name="terminalreporter")
    config.pluginmanager.register(Teller(config, line))
    try:
        for number in _numbers(queues):
            tests = files[number]
            for item, after in zip(tests, [*tests[1:], session], strict=True):
                config.hook.pytest_runtest_protocol(item=item, nextitem=after)
                if session.shouldfail or session.shouldstop:
                    return
    except KeyboardInterrupt:
        pass
    finally:
        session._setupstate.teardown_exact(None)
        capturing.stop_global_capturing()
        for left in multiprocessing.active_children():  # else this worker would wait for it at its end
            left.kill()


def _numbers(queues: list[int]) -> Iterator[int]:
    for end in queues:
        while number := os.read(end, NUMBER):
            yield int.from_bytes(number, "big")


class Teller:
    """Tells what happens in a worker."""

    def __init__(self, config: pytest.Config, line: Connection) -> None:
        self._config, self._line = config, line

    def _tell(self, kind: str, what: Any) -> None:
        self._line.send((kind, what))

    def pytest_runtest_logstart(self, nodeid: str, location: Any) -> None:
        self._tell("start", {"nodeid": nodeid, "location": location})

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        told = self._config.hook.pytest_report_to_serializable(config=self._config, report=report)
        self._tell("report", told)

    def pytest_runtest_logfinish(self, nodeid: str, location: Any) -> None:
        self._tell("finish", {"nodeid": nodeid, "location": location})

    def pytest_warning_recorded(
        self, warning_message: warnings.WarningMessage, when: Any, nodeid: str, location: Any
    ) -> None:
        plain = warnings.WarningMessage(
            f"{warning_message.category.__name__}: {warning_message.message}",
            UserWarning,
            warning_message.filename,
            warning_message.lineno,
        )
        what = {"warning_message": plain, "when": when, "nodeid": nodeid, "location": location}
        self._tell("warning", what)
