"""A pytest plugin that runs mutants instead of tests.

The tests of a room run once, each line noting which of them came by. Then every mutant gets a process of its own,
forked from this one with everything imported and collected: its function is changed there, and the tests that came by
its lines run, the quickest first, until one fails. What only an import shows runs in a process that begins anew.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import _lru_cache_wrapper
from pathlib import Path
from types import FunctionType
from typing import Any

import pytest

from tests.mutation import mutants
from tests.mutation.mutants import Mutant

ROOT = Path(__file__).parents[2]
KILLED, SURVIVED, BROKEN, UNSEEN = 3, 0, 4, 5
GRACE_SECONDS = 10.0
"""Processor time of a mutant beyond five times what its tests take: a loop that does not end."""
MOST_SECONDS = 120.0
"""Of the tests that come by a mutant, the quickest that fit into so much processor time."""
PLANTED = "FENQI_MUTANT"


@dataclass(slots=True)
class Coming:
    """Which tests come by which lines of a room, and how long each takes (seconds of the processor)."""

    tests: dict[str, float] = field(default_factory=dict)
    lines: dict[str, dict[int, list[str]]] = field(default_factory=dict)

    def by(self, mutant: Mutant) -> list[str]:
        """The tests that come by a mutant, quickest first."""
        of_file = self.lines.get(mutant.path, {})
        if not mutant.function:
            names = {name for names in of_file.values() for name in names}
        else:
            span = range(mutant.line, mutant.last_line + 1)
            names = {name for line in span for name in of_file.get(line, ())}
        return sorted(names & self.tests.keys(), key=lambda name: self.tests[name])


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of a mutant: killed, survived, timeout, unseen (no test comes by) or broken (it cannot be made)."""

    mutant: Mutant
    outcome: str
    by: str = ""
    seconds: float = 0.0


class Runner:
    """The plugin: measures once, then runs ``sample`` and keeps the fates."""

    def __init__(self, room: str, sample: Sequence[Mutant], folders: Sequence[str]) -> None:
        self.room, self.sample, self.folders = room, sample, folders
        self.fates: list[Fate] = []
        self._failed = ""

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """SQLite alone: the connections of a server do not survive a fork."""
        items[:] = [
            item for item in items if "postgresql" not in item.nodeid and not item.get_closest_marker("slow")
        ]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed and not self._failed:
            self._failed = report.nodeid

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        items = {item.nodeid: item for item in session.items}
        coming = self._measured(session)
        for number, mutant in enumerate(self.sample, 1):
            fate = self._fate(session, mutant, [items[name] for name in coming.by(mutant)], coming)
            self.fates.append(fate)
            print(
                f"\n{self.room} {number}/{len(self.sample)} {fate.outcome:9} {mutant.name} {mutant.what}",
                end="",
                file=sys.__stderr__,
                flush=True,
            )
        return True

    def _measured(self, session: pytest.Session) -> Coming:
        """The tests run once, here: what they share is then there for every mutant."""
        from coverage import Coverage  # noqa: PLC0415  # ./run mutate installs it

        coverage = Coverage(data_file=None, include=[f"{ROOT}/gateway/{self.room}/*"], concurrency="thread")
        coming, failed = Coming(), []
        coverage.start()
        for item, after in zip(session.items, [*session.items[1:], None], strict=True):
            coverage.switch_context(item.nodeid)
            began = time.process_time()
            self._failed = ""
            # What the session shares stays for the mutants: its own node is the end of the chain.
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=after or _Nothing(session))
            coming.tests[item.nodeid] = time.process_time() - began
            failed += [item.nodeid] if self._failed else []
        coverage.stop()
        for name in failed:
            del coming.tests[name]
        if failed:
            print(f"\nleft out, they fail by themselves: {', '.join(failed)}", file=sys.__stderr__)
        data = coverage.get_data()
        for file in data.measured_files():
            by_line = data.contexts_by_lineno(file)
            coming.lines[str(Path(file).relative_to(ROOT))] = {
                line: [name for name in names if name] for line, names in by_line.items()
            }
        return coming

    def _fate(
        self, session: pytest.Session, mutant: Mutant, items: list[pytest.Item], coming: Coming
    ) -> Fate:
        if not items:
            return Fate(mutant, "unseen")
        chosen, total = [], 0.0
        for item in items:
            total += coming.tests[item.nodeid]
            if chosen and total > MOST_SECONDS:
                break
            chosen.append(item)
        began = time.monotonic()
        if mutant.function:
            status, by = self._forked(mutant, chosen, seconds=5 * total + GRACE_SECONDS)
        else:
            status, by = _anew(mutant, [item.nodeid for item in chosen], seconds=5 * total + 60)
        return Fate(mutant, status, by, round(time.monotonic() - began, 2))

    def _forked(self, mutant: Mutant, items: list[pytest.Item], *, seconds: float) -> tuple[str, str]:
        reading, writing = os.pipe()
        child = os.fork()
        if not child:
            self._run_child(mutant, items, writing, seconds)
        os.close(writing)
        with os.fdopen(reading) as pipe:
            killer = pipe.read()
        _, status = os.waitpid(child, 0)
        if os.WIFSIGNALED(status):
            return ("timeout" if os.WTERMSIG(status) in (signal.SIGXCPU, signal.SIGALRM) else "killed"), ""
        outcomes = {SURVIVED: "survived", KILLED: "killed", BROKEN: "broken"}
        return outcomes.get(os.WEXITSTATUS(status), "killed"), killer

    def _run_child(self, mutant: Mutant, items: list[pytest.Item], writing: int, seconds: float) -> None:
        """In the child: change the function, run the tests to the first failure, and end; never returns."""
        status = BROKEN
        try:
            limit = int(time.process_time() + seconds) + 1
            resource.setrlimit(resource.RLIMIT_CPU, (limit, limit + 5))
            signal.alarm(int(seconds) * 20 + 60)
            if _change(mutant):
                status = SURVIVED
                for item in items:
                    self._failed = ""
                    item.config.hook.pytest_runtest_protocol(item=item, nextitem=_Nothing(item.session))
                    if self._failed:
                        os.write(writing, self._failed.encode())
                        status = KILLED
                        break
        except BaseException:  # a mutant may end a run in any way
            status = KILLED if status == SURVIVED else BROKEN
        finally:
            os._exit(status)


class _Nothing:
    """What comes after a test, to pytest: another one that shares the session with it and nothing else."""

    def __init__(self, session: pytest.Session) -> None:
        self._session = session

    def listchain(self) -> list[Any]:
        return [self._session]


def _change(mutant: Mutant) -> bool:
    """Give the function of a mutant its changed code, wherever it is held; says whether it was there."""
    path = str(ROOT / mutant.path)
    new = mutants.code_of(mutants.compiled(mutant, ROOT), mutant.function)
    gc.unfreeze()
    done = False
    for thing in gc.get_objects():
        if type(thing) is FunctionType and thing.__code__.co_filename == path:
            for code in new:
                same = (code.co_qualname, code.co_firstlineno) == (
                    thing.__code__.co_qualname,
                    thing.__code__.co_firstlineno,
                )
                if same and len(code.co_freevars) == len(thing.__code__.co_freevars):
                    thing.__code__ = code
                    done = True
        elif type(thing) is _lru_cache_wrapper:
            thing.cache_clear()
    return done


def _anew(mutant: Mutant, names: Sequence[str], *, seconds: float) -> tuple[str, str]:
    """Run tests in a process that imports the changed module."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-n0", "-p", "no:cacheprovider"]
    command += ["-p", "tests.mutation.importing", *names]
    environment = {**os.environ, PLANTED: json.dumps(asdict(mutant))}
    try:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=seconds * 20,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return "timeout", ""
    if done.returncode == 0:
        return "survived", ""
    words = [line for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    return "killed", words[0].partition(" ")[2].partition(" - ")[0] if words else "the import"
