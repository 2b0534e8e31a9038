"""A pytest plugin that runs mutants instead of tests.

The tests of a room run once, each line noting which of them came by. Then every mutant gets a process of its own,
forked from this one with everything imported and collected: its function is changed there, and the tests that came by
its lines run, the likeliest to notice first, until one fails. What only an import shows runs in a process that begins
anew. At the end the tests that killed run once more, forked in the same way but with nothing changed.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import _lru_cache_wrapper
from pathlib import Path
from types import FunctionType
from typing import Any

import pytest

from tests.mutation import mutants
from tests.mutation.mutants import Mutant

ROOT = Path(__file__).parents[2]
SURVIVED, KILLED, BROKEN = 0, 3, 4
GRACE_SECONDS = 2.0
"""Processor time of a test beyond five times what it takes: a loop that does not end."""
IMPORT_SECONDS = 20.0
"""Processor time to import and collect everything anew, at most."""
MOST_SECONDS = 40.0
"""Of the tests that come by a mutant, the likeliest that fit into so much processor time: only survivors take it."""
LONGEST_SECONDS = 12.0
"""Of a test that is asked what an import shows."""
LISTING = "test_the_openapi_document_is_valid_and_changes_with_its_listing"
"""Looks at every field that is taken or answered: asked first about what routes and schemas say at the import."""
LISTINGS = (
    "tests/house/test_constants.py",
    "tests/house/test_answers.py",
    "tests/gateway/proof/test_book_agreements.py",
    "tests/docs/test_ledger_page.py",
)
"""Look at what every module holds: asked before others about what any other module says at the import."""
KEPT = "tests/house/words_kept.py::test_a_whole_book_keeps_the_words_and_figures_of_the_listings"
"""Looks at every word and figure that is kept, and takes as long as all others may: asked last."""
ON_BOTH = {"ledger": "tests/gateway/ledger/"}
"""Rooms that have SQL of their own for PostgreSQL, and where their tests are; all others are judged on SQLite alone."""
PLANTED = "FENQI_MUTANT"
OUT_OF_TIME = (signal.SIGXCPU, signal.SIGALRM, signal.SIGPROF)


@dataclass(slots=True)
class Coming:
    """Which tests come by which lines of a room, and how long each takes (seconds of the processor)."""

    tests: dict[str, float] = field(default_factory=dict)
    lines: dict[str, dict[int, list[str]]] = field(default_factory=dict)
    users: dict[str, set[str]] = field(default_factory=dict)
    """By module, the tests that come by any line of it."""
    killers: dict[str, Counter[str]] = field(default_factory=dict)
    """By module, the tests that killed a mutant of it."""

    def by(self, mutant: Mutant) -> list[str]:
        """The tests that come by a mutant, likeliest to notice first, as many as fit into the time."""
        of_file = self.lines.get(mutant.path, {})
        span = range(mutant.line, mutant.last_line + 1)
        names = {name for line in span for name in of_file.get(line, ())}
        if not mutant.function:  # what is made at the import is used by anybody
            names = {name for name in self.tests if self.tests[name] < LONGEST_SECONDS}
        chosen: list[str] = []
        total = 0.0
        for name in sorted(names & self.tests.keys(), key=lambda name: self._promise(mutant, name)):
            total += self.tests[name]
            if not chosen or total <= MOST_SECONDS:
                chosen.append(name)
        if KEPT in (names if mutant.function else self.tests) and KEPT not in chosen:
            chosen.append(KEPT)
        return chosen

    def _promise(self, mutant: Mutant, name: str) -> float:
        """How long a test takes, less where it is the module's own, or killed another mutant of it."""
        module = Path(mutant.path).stem
        if not mutant.function:
            first = LISTING if module.endswith(("schemas", "routes")) else LISTINGS
            if name.endswith(first) or name.startswith(first):
                return self.tests[name] / 1_000
        own = Path(name.partition("::")[0]).stem.startswith(f"test_{module}")
        killed = self.killers.get(mutant.path, Counter())[name]
        used = name in self.users.get(mutant.path, ())
        return self.tests[name] / (1 + 4 * own + 3 * min(killed, 5) + 4 * used)


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of a mutant: killed, survived, timeout, unseen (no test comes by) or broken (it cannot be made)."""

    mutant: Mutant
    outcome: str
    by: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class _Running:
    mutant: Mutant | None
    said: Path
    """What the process writes: the test that failed, or all that pytest says."""


class Runner:
    """The plugin: measures once, then runs ``sample`` and keeps the fates; ``each`` is told of every one."""

    def __init__(
        self,
        room: str,
        sample: Sequence[Mutant],
        *,
        jobs: int = 1,
        each: Callable[[Sequence[Fate]], None] = lambda _: None,
    ) -> None:
        self.room, self.sample, self.jobs, self.each = room, sample, jobs, each
        self.fates: list[Fate] = []
        self._failed = ""
        self._items: dict[str, pytest.Item] = {}
        self._coming = Coming()
        self._functions: dict[str, list[FunctionType]] = {}
        self._caches: list[_lru_cache_wrapper[object]] = []
        self._running: dict[int, _Running] = {}

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """PostgreSQL only where a room has SQL for it; and no test that is slow."""
        folder = ON_BOTH.get(self.room, "-")
        items[:] = [
            item
            for item in items
            if ("postgresql" not in item.nodeid or item.nodeid.startswith(folder))
            and not item.get_closest_marker("slow")
        ]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed and not self._failed:
            self._failed = report.nodeid

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        self._items = {item.nodeid: item for item in session.items}
        self._measure(session)
        self._note_functions()
        gc.collect()
        gc.freeze()  # a child that walks through what it shares copies all of it
        self._run_all(self.sample)
        unfit = self._failing_unchanged()
        if unfit:
            print(f"\nleft out, they fail with nothing changed: {', '.join(unfit)}", file=sys.__stderr__)
            again = [fate.mutant for fate in self.fates if fate.by in unfit]
            self.fates = [fate for fate in self.fates if fate.by not in unfit]
            for name in unfit:
                del self._coming.tests[name]
            self._run_all(again)
        return True

    def _measure(self, session: pytest.Session) -> None:
        """The tests run once, here: what they share is then there for every mutant."""
        from coverage import Coverage  # noqa: PLC0415  # ./run mutate installs it

        coverage = Coverage(data_file=None, include=[f"{ROOT}/gateway/{self.room}/*"], concurrency="thread")
        coming, failed = self._coming, []
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
            path = str(Path(file).relative_to(ROOT))
            coming.lines[path] = {line: [name for name in names if name] for line, names in by_line.items()}
            coming.users[path] = {name for names in coming.lines[path].values() for name in names}

    def _note_functions(self) -> None:
        """Where the functions of the room are, and the answers that the product keeps."""
        gc.unfreeze()
        folder = f"{ROOT}/gateway/{self.room}/"
        for thing in gc.get_objects():
            if type(thing) is FunctionType and thing.__code__.co_filename.startswith(folder):
                path = str(Path(thing.__code__.co_filename).relative_to(ROOT))
                self._functions.setdefault(path, []).append(thing)
            elif type(thing) is _lru_cache_wrapper and thing.__module__.startswith("gateway."):
                self._caches.append(thing)

    def _run_all(self, sample: Sequence[Mutant]) -> None:
        for mutant in sample:
            names = self._coming.by(mutant)
            if not names:
                self._ended(Fate(mutant, "unseen"))
                continue
            while len(self._running) >= self.jobs:
                self._wait()
            self._start(mutant, names)
        while self._running:
            self._wait()

    def unseen(self, every: Sequence[Mutant]) -> list[Mutant]:
        """Those by which none of the measured tests comes."""
        return [mutant for mutant in every if not self._coming.by(mutant)]

    def _start(self, mutant: Mutant | None, names: Sequence[str]) -> int:
        handle, said = tempfile.mkstemp(prefix="fenqi-mutant-")
        child = os.fork()
        if not child:
            try:
                if mutant and not mutant.function:
                    self._begin_anew(mutant, names, handle)
                self._run_here(mutant, names, handle)
            finally:
                os._exit(BROKEN)
        os.close(handle)
        self._running[child] = _Running(mutant, Path(said))
        return child

    def _wait(self) -> None:
        child, status, used = os.wait3(0)
        running = self._running.pop(child, None)
        if running is None:
            return
        said = running.said.read_text(encoding="utf-8", errors="replace")
        running.said.unlink()
        if running.mutant:
            outcome, by = _outcome(running.mutant, status, said)
            self._ended(Fate(running.mutant, outcome, by, round(used.ru_utime + used.ru_stime, 2)))

    def _ended(self, fate: Fate) -> None:
        self.fates.append(fate)
        if fate.by in self._coming.tests:
            self._coming.killers.setdefault(fate.mutant.path, Counter())[fate.by] += 1
        self.each(self.fates)
        print(
            f"\n{self.room} {len(self.fates)}/{len(self.sample)} {fate.outcome:9}{fate.seconds:6.1f} s "
            f"{fate.mutant.name} {fate.mutant.what}",
            end="",
            file=sys.__stderr__,
            flush=True,
        )

    def _run_here(self, mutant: Mutant | None, names: Sequence[str], handle: int) -> None:
        """In the child: change the function, run the tests to the first failure, and end; never returns."""
        status = BROKEN
        try:
            signal.alarm(int(sum(self._coming.tests[name] for name in names)) * 20 + 300)
            for databases in _lenders():
                databases.begin_anew()
            if mutant is None or self._change(mutant):
                status = SURVIVED
                for name in self._run_tests(names):
                    os.write(handle, f"{name}\n".encode())
                    status = KILLED
                    if mutant:
                        break
        except BaseException:  # a mutant may end a run in any way
            status = KILLED if status == SURVIVED else BROKEN
        finally:
            with suppress(Exception):
                for databases in _lenders():
                    databases.close()
            os._exit(status)

    def _run_tests(self, names: Sequence[str]) -> Iterator[str]:
        """Run tests, each within its time; yields those that fail."""
        for name in names:
            item, self._failed = self._items[name], ""
            signal.setitimer(signal.ITIMER_PROF, 5 * self._coming.tests[name] + GRACE_SECONDS)
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=_Nothing(item.session))
            if self._failed:
                yield name

    def _change(self, mutant: Mutant) -> bool:
        """Give the function of a mutant its changed code, wherever it is held; says whether it was there."""
        new = mutants.code_of(mutants.compiled(mutant, ROOT), mutant.function)
        done = False
        for thing in self._functions.get(mutant.path, ()):
            old = thing.__code__
            for code in new:
                same = (code.co_qualname, code.co_firstlineno) == (old.co_qualname, old.co_firstlineno)
                if same and len(code.co_freevars) == len(old.co_freevars):
                    thing.__code__ = code
                    done = True
        for cache in self._caches:
            cache.cache_clear()
        return done

    def _begin_anew(self, mutant: Mutant, names: Sequence[str], handle: int) -> None:
        """In the child: become a process that imports the changed module; never returns."""
        seconds = int(5 * sum(self._coming.tests[name] for name in names) + IMPORT_SECONDS)
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))
        signal.alarm(20 * seconds)
        os.dup2(handle, 1)
        os.dup2(handle, 2)
        os.chdir(ROOT)
        command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider"]
        # Else pytest itself loads what is called test_*.py, the product's test helpers too, and without the change.
        command += ["--assert=plain"]
        command += ["-p", "tests.mutation.importing", *names]
        os.execve(command[0], command, {**os.environ, PLANTED: json.dumps(asdict(mutant))})

    def _failing_unchanged(self) -> list[str]:
        """The tests that killed, but fail in a fork with nothing changed, too."""
        names = sorted({fate.by for fate in self.fates if fate.by in self._coming.tests})
        if not names:
            return []
        child = self._start(None, names)
        said = self._running[child].said
        os.waitpid(child, 0)
        del self._running[child]
        failing = said.read_text(encoding="utf-8").splitlines()
        said.unlink()
        return failing


class _Nothing:
    """What comes after a test, to pytest: another one that shares the session with it and nothing else."""

    def __init__(self, session: pytest.Session) -> None:
        self._session = session

    def listchain(self) -> list[pytest.Session]:
        return [self._session]


def _lenders() -> Sequence[Any]:
    """Who lends PostgreSQL databases; imported by the tests only, since a module cannot be changed after its import."""
    lenders: Sequence[Any] = sys.modules["tests.conftest"].lenders
    return lenders


def _outcome(mutant: Mutant, status: int, said: str) -> tuple[str, str]:
    """What the end of a process says of its mutant, and the test that noticed."""
    if os.WIFSIGNALED(status):
        return ("timeout" if os.WTERMSIG(status) in OUT_OF_TIME else "killed"), ""
    code = os.WEXITSTATUS(status)
    if mutant.function:
        outcome = {SURVIVED: "survived", BROKEN: "broken"}.get(code, "killed")
        return outcome, said.strip()
    if code == SURVIVED:
        return "survived", ""
    failures = [line for line in said.splitlines() if line.startswith(("FAILED", "ERROR"))]
    return "killed", failures[0].partition(" ")[2].partition(" - ")[0] if failures else "the import"
