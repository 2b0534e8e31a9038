"""Planted bugs in a running process: one world is built, and each bug is planted into a fork of it.

What takes seconds (imports, migrations, merchants) is done once, and the first seeds are played once without a bug:
where a seed runs none of the functions that a patch changes, it passes with the patch as it does without, takes as
long, and is not played again. A patch changes functions and adds statements of a module; both can be done to a module
that is imported. Seconds are those of one processor.
"""

from __future__ import annotations

import ast
import gc
import json
import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import CodeType, FrameType, FunctionType
from typing import Any

from tests.simulator.planting import ROOT, Bug
from tests.simulator.simulation import Simulation
from tests.simulator.story import Teller
from tests.simulator.world import World, world

STEPS = 30


LOOKED_AT = 120
"""So many seeds at most, four for each bug, are first played without one, to know which functions each reaches."""
TOGETHER = 8
"""So many seeds are played in one fork."""


@dataclass(frozen=True)
class Clean:
    """A seed without a bug: whether it passes, the functions it runs, and how long it takes.

    A change of others changes nothing there.
    """

    holds: bool
    reached: frozenset[str]
    seconds: float


def hunts(
    chosen: Sequence[Bug], *, seeds: int, minutes: float, first: int = 1, jobs: int = 2
) -> Iterator[tuple[Bug, dict[str, Any]]]:
    """Each bug with what the simulator says of it, as ``python -m tests.simulator --json`` does."""
    seen = range(first, first + min(seeds, LOOKED_AT, 4 * len(chosen)))
    known = dict(_in_forks([seen[n::jobs] for n in range(jobs)], _cleans))

    def told(simulation: Simulation, part: Sequence[Bug]) -> Iterator[tuple[str, dict[str, Any]]]:
        for bug in part:
            yield bug.name, _hunted(simulation, bug, known, seeds=seeds, seconds=minutes * 60, first=first)

    by_name = {bug.name: bug for bug in chosen}
    for name, found in _in_forks([chosen[n::jobs] for n in range(jobs)], told):
        yield by_name[name], found


def _in_forks(
    parts: list[Any], work: Callable[[Simulation, Any], Iterator[tuple[Any, Any]]]
) -> Iterator[tuple[Any, Any]]:
    """What the work makes of each part, in a process with a world of its own each, as it comes."""
    results: Any = multiprocessing.get_context("fork").SimpleQueue()

    def run(part: Any) -> None:
        try:
            with world() as made:
                for found in work(Simulation(made), part):
                    results.put(found)
        finally:
            results.put(None)

    forks = [multiprocessing.get_context("fork").Process(target=run, args=(part,)) for part in parts]
    for fork in forks:
        fork.start()
    running = len(forks)
    while running:
        found = results.get()
        if found is None:
            running -= 1
        else:
            yield found
    for fork in forks:
        fork.join()


def _cleans(simulation: Simulation, seeds: Sequence[int]) -> Iterator[tuple[int, Clean]]:
    for seed in seeds:
        yield seed, _clean(simulation, seed)


def _clean(simulation: Simulation, seed: int) -> Clean:
    told = _in_a_fork(lambda: _reached(simulation, seed))
    if "problem" in told:
        raise RuntimeError(f"seed {seed} without a bug: {told['problem']}")
    if not told["holds"]:
        print(f"seed {seed} fails without a bug: {told['words']}", file=sys.stderr, flush=True)
    return Clean(told["holds"], frozenset(told["reached"]), told["seconds"])


def _reached(simulation: Simulation, seed: int) -> dict[str, Any]:
    """Play a seed without a bug, twice: for how long it takes, and for the functions of the gateway that it runs."""
    codes: set[CodeType] = set()

    def note(frame: FrameType, what: str, _: Any) -> None:
        if what == "call":
            codes.add(frame.f_code)

    gc.freeze()
    gc.set_threshold(50_000, 50, 100)
    began = time.process_time()
    failure = simulation.play(seed, Teller(seed).tell(STEPS))
    seconds = time.process_time() - began
    sys.setprofile(note)
    try:
        simulation.play(seed, Teller(seed).tell(STEPS))
    finally:
        sys.setprofile(None)
    names = [
        _name(code.co_filename, code) for code in codes if code.co_filename.startswith(str(ROOT / "gateway"))
    ]
    words = f"{failure.invariant}, step {failure.step}: {failure.words[:200]}" if failure else ""
    return {"holds": failure is None, "words": words, "reached": names, "seconds": seconds}


def _name(path: str, code: CodeType) -> str:
    return f"{path} {code.co_qualname}"


def _hunted(
    simulation: Simulation, bug: Bug, clean: dict[int, Clean], *, seeds: int, seconds: float, first: int
) -> dict[str, Any]:
    """Forks until a seed fails that passes without the bug. A seed that cannot reach it counts as played."""
    changed = _changed(bug)
    played, spent = 0, 0.0
    while played < seeds and spent < seconds:
        batch, passed = _next_seeds(clean, changed, range(first + played, first + seeds))
        if not batch:
            return {"seeds_played": seeds, "seconds": spent + sum(passed.values())}
        told = _in_a_fork(
            lambda chosen=batch, left=seconds - spent: _played(simulation, bug, chosen, seconds=left)  # type: ignore[misc]
        )
        if "problem" in told:
            return told
        last = told["last"]
        played = last - first + 1
        spent += told["seconds"] + sum(passed[seed] for seed in passed if seed < last)
        told |= {"seeds_played": played, "seconds": spent}
        if "invariant" in told:
            if last not in clean:
                clean[last] = _clean(simulation, last)
            if clean[last].holds:
                return told
    return {"seeds_played": played, "seconds": spent}


def _next_seeds(
    clean: dict[int, Clean], changed: frozenset[str] | None, seeds: range
) -> tuple[list[int], dict[int, float]]:
    """The next seeds to play, and the seconds of those between them that need not be played."""
    batch: list[int] = []
    passed: dict[int, float] = {}
    for seed in seeds:
        known = clean.get(seed)
        if known is None or (known.holds and (changed is None or changed & known.reached)):
            batch.append(seed)
            if len(batch) == TOGETHER:
                break
        else:
            passed[seed] = known.seconds
    return batch, passed


def _changed(bug: Bug) -> frozenset[str] | None:
    """The functions that a patch changes; None where it changes something else as well."""
    names: set[str] = set()
    for path, (before, after) in bug.planted().items():
        known = {ast.dump(node) for node in ast.parse(before).body}
        for node in ast.parse(after).body:
            is_import = isinstance(node, (ast.Import, ast.ImportFrom))
            if (
                ast.dump(node) not in known
                and not is_import
                and not isinstance(node, (ast.FunctionDef, ast.ClassDef))
            ):
                return None
        old, new = (dict(_codes(compile(text, path, "exec"))) for text in (before, after))
        full = str(ROOT / path)
        names |= {
            f"{full} {name}" for name, code in old.items() if name not in new or not _same(code, new[name])
        }
    return frozenset(names)


def _in_a_fork(work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What the work says, done in a fork: whatever it changes is gone with it."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(reading)
        try:
            told = work()
        except BaseException as error:
            told = {"problem": f"{type(error).__name__}: {error}"}
        with os.fdopen(writing, "w") as pipe:
            json.dump(told, pipe)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        said = pipe.read()
    os.waitpid(child, 0)
    return json.loads(said) if said else {"problem": "the process ended"}  # type: ignore[no-any-return]


def _played(simulation: Simulation, bug: Bug, seeds: Sequence[int], *, seconds: float) -> dict[str, Any]:
    """Play seeds with a bug until one fails or the time is over."""
    plant(bug)
    gc.set_threshold(50_000, 50, 100)
    gc.freeze()
    began = time.process_time()
    told: dict[str, Any] = {}
    for seed in seeds:
        failure = simulation.play(seed, Teller(seed).tell(STEPS))
        told["last"] = seed
        if failure is not None:
            words = failure.words[:200]
            told |= {"invariant": failure.invariant, "seed": seed, "step": failure.step, "words": words}
            break
        if time.process_time() > began + seconds:
            break
    return {**told, "seconds": time.process_time() - began}


def plant(bug: Bug) -> None:
    """Change what is imported as the patch changes the text."""
    gc.unfreeze()
    for path, (before, after) in bug.planted().items():
        module = sys.modules[path.removesuffix(".py").replace("/", ".")]
        known = {ast.dump(node) for node in ast.parse(before).body}
        names = {node.name for node in ast.parse(before).body if isinstance(node, ast.FunctionDef)}
        for node in ast.parse(after).body:
            changes = isinstance(node, ast.FunctionDef) and node.name in names
            if ast.dump(node) not in known and not changes and not isinstance(node, ast.ClassDef):
                code = compile(ast.Module([node], []), str(ROOT / path), "exec")
                exec(code, vars(module))
        _exchange(str(ROOT / path), compile(before, path, "exec"), compile(after, path, "exec"))


def _exchange(path: str, before: CodeType, after: CodeType) -> None:
    """Give every function of a file that is held anywhere its new code."""
    old, new = dict(_codes(before)), dict(_codes(after))
    changed = {name for name, code in new.items() if name in old and not _same(old[name], code)}
    for thing in gc.get_objects():
        if type(thing) is not FunctionType or thing.__code__.co_filename != path:
            continue
        name = thing.__code__.co_qualname
        if name in changed:
            thing.__code__ = new[name].replace(co_filename=path)


def _same(one: CodeType, other: CodeType) -> bool:
    parts = [(code.co_code, code.co_names, code.co_varnames, code.co_freevars) for code in (one, other)]
    consts = [[each for each in code.co_consts if not isinstance(each, CodeType)] for code in (one, other)]
    inner = [[each for each in code.co_consts if isinstance(each, CodeType)] for code in (one, other)]
    return (
        parts[0] == parts[1]
        and consts[0] == consts[1]
        and len(inner[0]) == len(inner[1])
        and all(_same(*pair) for pair in zip(*inner, strict=True))
    )


def _codes(code: CodeType) -> Iterator[tuple[str, CodeType]]:
    """The code of every function in it, by its qualified name."""
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant.co_qualname, constant
            yield from _codes(constant)


__all__ = ["World", "hunts", "plant"]
