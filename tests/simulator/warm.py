"""Planted bugs in a running process: one world is built, and each bug is planted into a fork of it.

What takes seconds (imports, migrations, merchants) is done once. A patch changes functions and adds statements of a
module; both can be done to a module that is imported. Seconds are those of one processor.
"""

from __future__ import annotations

import ast
import gc
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from types import CodeType, FunctionType
from typing import Any

from tests.simulator.planting import ROOT, Bug
from tests.simulator.simulation import Simulation
from tests.simulator.story import Teller
from tests.simulator.world import World, world

STEPS = 30


def hunts(
    chosen: Sequence[Bug], *, seeds: int, minutes: float, first: int = 1
) -> Iterator[tuple[Bug, dict[str, Any]]]:
    """Each bug with what the simulator says of it, as ``python -m tests.simulator --json`` does."""
    clean: dict[int, bool] = {}
    with world() as made:
        simulation = Simulation(made)

        def holds(seed: int) -> bool:
            """Whether a seed passes without a bug: only then does it say something of one."""
            if seed not in clean:
                told = _in_a_fork(simulation, None, seeds=1, seconds=600, first=seed)
                clean[seed] = "invariant" not in told
            return clean[seed]

        for bug in chosen:
            yield bug, _hunted(simulation, bug, holds, seeds=seeds, seconds=minutes * 60, first=first)


def _hunted(
    simulation: Simulation,
    bug: Bug,
    holds: Callable[[int], bool],
    *,
    seeds: int,
    seconds: float,
    first: int,
) -> dict[str, Any]:
    """Forks until a seed fails that passes without the bug."""
    played, spent = 0, 0.0
    while True:
        told = _in_a_fork(
            simulation, bug, seeds=seeds - played, seconds=seconds - spent, first=first + played
        )
        if "problem" in told:
            return told
        played, spent = played + told["seeds_played"], round(spent + told["seconds"], 1)
        told |= {"seeds_played": played, "seconds": spent}
        if "invariant" not in told or holds(told["seed"]):
            return told
        if played >= seeds or spent >= seconds:
            return {"seeds_played": played, "seconds": spent}


def _in_a_fork(
    simulation: Simulation, bug: Bug | None, *, seeds: int, seconds: float, first: int
) -> dict[str, Any]:
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        status = 1
        try:
            told = _played(simulation, bug, seeds=seeds, seconds=seconds, first=first)
            os.write(writing, json.dumps(told).encode())
            status = 0
        except BaseException as error:
            os.write(writing, json.dumps({"problem": f"{type(error).__name__}: {error}"}).encode())
        finally:
            os._exit(status)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        said = pipe.read()
    os.waitpid(child, 0)
    return json.loads(said) if said else {"problem": "the process ended"}  # type: ignore[no-any-return]


def _played(
    simulation: Simulation, bug: Bug | None, *, seeds: int, seconds: float, first: int
) -> dict[str, Any]:
    if bug is not None:
        plant(bug)
    began, played = time.process_time(), 0
    told: dict[str, Any] = {}
    for seed in range(first, first + seeds):
        if time.process_time() > began + seconds:
            break
        played += 1
        failure = simulation.play(seed, Teller(seed).tell(STEPS))
        if failure is not None:
            told = {
                "invariant": failure.invariant,
                "seed": failure.seed,
                "step": failure.step,
                "words": failure.words[:200],
            }
            break
    return {**told, "seeds_played": played, "seconds": round(time.process_time() - began, 1)}


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
