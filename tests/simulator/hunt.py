"""``./run simulate --planted``: plant each bug in a copy of the tree and let the simulator look for it.

A copy gets one patch of ``planted/``, and the seeds run there until one fails. What found it is kept in
``planted/found.json``; the table of ``docs/planted-bugs.md`` is written from it.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.simulator.planting import PATCHES, ROOT, Bug, DoesNotApply, bugs, compiled, copy_tree, plant

FOUND = PATCHES / "found.json"
PAGE = ROOT / "docs" / "planted-bugs.md"
START, END = "<!-- planted -->\n", "<!-- end of planted -->"
MINUTES, SEEDS, STEPS = 5.0, 2000, 30


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the simulator made of one planted bug; ``invariant`` is empty where it found nothing."""

    bug: str
    seeds: int
    """So many seeds were played."""
    seconds: float
    """Of one processor."""
    invariant: str = ""
    seed: int | None = None
    step: int | None = None
    words: str = ""

    @property
    def is_found(self) -> bool:
        return bool(self.invariant)


def main(argv: Sequence[str] | None = None) -> int:
    """Hunt the planted bugs that are named, or all; returns 1 when one was not found."""
    parser = argparse.ArgumentParser(prog="run simulate --planted", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="bugs, by name or number (default: all)")
    parser.add_argument("--minutes", type=float, default=MINUTES, help="for each bug at most (5)")
    parser.add_argument("--seeds", type=int, default=SEEDS, help="for each bug at most (2000)")
    parser.add_argument("--first", type=int, default=1, help="the first seed (1)")
    parser.add_argument("--jobs", type=int, default=2, help="processes (2)")
    parser.add_argument(
        "--warm", action="store_true", help="plant into forks of one running process: quicker, for many bugs"
    )
    parser.add_argument("--database", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument("--missing", action="store_true", help="only those that were not found so far")
    parser.add_argument("--json", action="store_true", help="print one JSON array instead of lines")
    parser.add_argument("--keep", action="store_true", help="keep what came out, and write the page from it")
    options = parser.parse_args(argv)
    if options.database != "sqlite" and (options.warm or options.keep):
        parser.error("--warm and --keep are for SQLite: leave them out, or --database postgres")
    known = kept()
    chosen = [
        bug
        for bug in bugs(options.names)
        if not (options.missing and bug.name in known and known[bug.name].is_found)
    ]
    outcomes = []
    for outcome in hunted(chosen, options):
        outcomes.append(outcome)
        if options.keep:
            keep(outcome)
        if not options.json:
            print(line(outcome), flush=True)
    if options.json:
        print(json.dumps([asdict(outcome) for outcome in outcomes], ensure_ascii=False, indent=2))
    else:
        print(f"{sum(outcome.is_found for outcome in outcomes)} of {len(outcomes)} found")
    return int(not all(outcome.is_found for outcome in outcomes))


def hunted(chosen: Sequence[Bug], options: argparse.Namespace) -> Iterator[Outcome]:
    """Hunt one bug after the other."""
    if not options.warm:
        for bug in chosen:
            yield hunt(bug, options)
        return
    from tests.simulator import warm  # noqa: PLC0415 - the gateway is loaded only where it is played with

    for bug, told in warm.hunts(
        chosen, seeds=options.seeds, minutes=options.minutes, first=options.first, jobs=options.jobs
    ):
        if "problem" in told:
            print(
                f"{bug.name} could not be planted into a running process: {told['problem']}", file=sys.stderr
            )
        else:
            yield _outcome(bug, told, told["seconds"])


def hunt(bug: Bug, options: argparse.Namespace) -> Outcome:
    """Plant one bug in a copy and run the simulator there, to a seed that fails with it and not without it."""
    began = _spent()
    with tempfile.TemporaryDirectory(prefix="fenqi-planted-") as folder:
        tree = Path(folder) / "tree"
        try:
            copy_tree(tree)
            plant(bug, tree)
        except DoesNotApply as error:
            raise SystemExit(str(error)) from None
        with compiled(tree):
            told = _found(tree, options)
    return _outcome(bug, told, _spent() - began)


def _found(tree: Path, options: argparse.Namespace) -> dict[str, Any]:
    """What the simulator of a planted tree finds that it does not find in this one."""
    given = ["--minutes", str(options.minutes), "--database", options.database]
    if options.database == "sqlite":
        given += ["--migrated", str(tree.with_name("migrated.sqlite"))]
    played = 0
    while played < options.seeds:
        seeds, first = options.seeds - played, options.first + played
        told = _told(tree, *given, "--seeds", seeds, "--first", first, "--jobs", options.jobs)
        played += told["seeds_played"]
        if "invariant" not in told:
            break
        alone = ("--seeds", 1, "--first", told["seed"], "--jobs", 1, "--steps", min(told["step"], STEPS))
        if "invariant" not in _told(ROOT, *given, *alone):
            return {**told, "seeds_played": played}
        # Seeds end in another order with several processes: go on behind the one that says nothing.
        played = max(played, told["seed"] - options.first + 1)
    return {"seeds_played": played}


def _told(root: Path, *given: object) -> dict[str, Any]:
    """What the simulator of a tree says."""
    command = [sys.executable, "-m", "tests.simulator", "--stop-at-first", "--no-shrink", "--json"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(root), f"{root}/sdk/python/src"))}
    run = subprocess.run(
        [*command, *map(str, given)], cwd=root, env=environment, capture_output=True, text=True, check=False
    )
    if run.returncode not in (0, 1) or not run.stdout.strip():
        raise SystemExit(f"the simulator did not run in {root}:\n{run.stderr[-2000:]}")
    return json.loads(run.stdout)  # type: ignore[no-any-return]


def _spent() -> float:
    """Seconds of the processors that ended processes of ours have used."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _outcome(bug: Bug, told: dict[str, Any], seconds: float) -> Outcome:
    return Outcome(
        bug.name,
        told["seeds_played"],
        round(seconds, 1),
        told.get("invariant", ""),
        told.get("seed"),
        told.get("step"),
        told.get("words", "")[:200],
    )


def line(outcome: Outcome) -> str:
    """One line for people."""
    if not outcome.is_found:
        return f"{outcome.bug:34} not found in {outcome.seeds} seeds, {outcome.seconds:.0f} s"
    return (
        f"{outcome.bug:34} {outcome.invariant}, seed {outcome.seed} step {outcome.step}, "
        f"{outcome.seeds} seeds, {outcome.seconds:.0f} s: {outcome.words}"
    )


def kept() -> dict[str, Outcome]:
    """What is known so far, by bug."""
    if not FOUND.exists():
        return {}
    return {row["bug"]: Outcome(**row) for row in json.loads(FOUND.read_text(encoding="utf-8"))}


def keep(outcome: Outcome) -> None:
    """Add an outcome to what is kept, in the order of the patches, and write the page from it."""
    folder = os.open(PATCHES, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)  # several hunts may keep what they find
        known = {**kept(), outcome.bug: outcome}
        rows = [asdict(known[bug.name]) for bug in bugs() if bug.name in known]
        FOUND.write_text(json.dumps(rows, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
        before, _, rest = PAGE.read_text(encoding="utf-8").partition(START)
        PAGE.write_text(before + START + table() + END + rest.partition(END)[2], encoding="utf-8")
    finally:
        os.close(folder)


def table() -> str:
    """The planted bugs and what found each, in Markdown."""
    known = kept()
    lines = [
        "| planted | what is wrong | found by | seed, step | seeds | seconds |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for bug in bugs():
        outcome = known.get(bug.name)
        if outcome is None:
            found = "not looked for yet | | |"
        elif outcome.is_found:
            found = f"`{outcome.invariant}` | {outcome.seed}, {outcome.step} | {outcome.seeds} | {outcome.seconds:.0f}"
        else:
            found = f"nothing | | {outcome.seeds} | {outcome.seconds:.0f}"
        lines.append(f"| {bug.name} | {bug.what} | {found} |")
    hit = sum(known[bug.name].is_found for bug in bugs() if bug.name in known)
    return "\n".join([f"{hit} of {len(bugs())} are found.", "", *lines]) + "\n"


if __name__ == "__main__":
    sys.exit(main())
