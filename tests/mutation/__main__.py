"""``python -m tests.mutation``: change the product a little, many times, and see whether its tests notice.

A seeded sample of each room's mutants runs; what survives is listed in ``docs/mutation.json``, with the reason where it
changes nothing that can be seen.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from tests.mutation import mutants
from tests.mutation.mutants import Mutant
from tests.mutation.runner import Fate, Runner

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "mutation.json"
ROOMS = {
    "core": ("core",),
    "ledger": ("ledger",),
    "loans": ("loans",),
    "payments": ("payments",),
    "settlement": ("settlement", "payments"),
}
"""The rooms, and the folders of tests that each is measured by."""
TABLES = "models.py"
"""Columns are compared with the migrations by a test of their own, on both databases."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the sample of the rooms; returns the exit status."""
    parser = argparse.ArgumentParser(prog="run mutate", description=__doc__)
    parser.add_argument("--share", type=Fraction, default=Fraction(1, 20), help="part of all mutants (1/20)")
    parser.add_argument("--seed", type=int, default=1, help="which part (1)")
    parser.add_argument("--room", action="append", choices=ROOMS, help="one room, or several (all)")
    parser.add_argument("--module", help="only modules with this name, such as money.py")
    parser.add_argument("--keep", action="store_true", help=f"write what came out to {PAGE.name}")
    options = parser.parse_args(argv)
    if not 0 < options.share <= 1:
        parser.error("--share is above 0 and at most 1, such as 1/20")
    reports = {}
    for room in options.room or ROOMS:
        sample = sampled(room, options.share, options.seed, options.module)
        fates = run(room, sample)
        reports[room] = report(room, fates, share=options.share, seed=options.seed)
        print(f"\n{summary(room, reports[room])}")
        for one in reports[room]["survivors"]:
            print(f"  {one['outcome']:9} {one['mutant']} {one['what']}")
        if options.keep:
            keep(room, reports[room])
    return 0


def sampled(room: str, share: Fraction, seed: int, module: str | None = None) -> list[Mutant]:
    """A part of the room's mutants, always the same for a seed."""
    every = [
        mutant
        for path in sorted((ROOT / "gateway" / room).glob("*.py"))
        if module in (None, path.name)
        for mutant in mutants.of_module(path, ROOT)
        if mutant.function or path.name != TABLES
    ]
    chosen = random.Random(seed).sample(range(len(every)), max(1, round(len(every) * share)))
    return [every[index] for index in sorted(chosen)]


def run(room: str, sample: Sequence[Mutant]) -> list[Fate]:
    """The fates of a sample, by the tests of the room."""
    folders = [f"tests/gateway/{folder}" for folder in ROOMS[room]]
    runner = Runner(room, sample, folders)
    options = [
        "-q",
        "-n0",
        "-x",
        "--maxfail=0",
        "--tb=no",
        "--no-header",
        "--no-summary",
        "-p",
        "no:cacheprovider",
    ]
    status = pytest.main([*options, *folders], plugins=[runner])
    if status not in (0, 1):
        raise SystemExit(f"the tests of {room} could not be run")
    return runner.fates


def report(room: str, fates: Sequence[Fate], *, share: Fraction, seed: int) -> dict[str, Any]:
    """What is kept of a run."""
    counts = Counter(fate.outcome for fate in fates)
    left = [fate for fate in fates if fate.outcome in ("survived", "unseen")]
    return {
        "share": str(share),
        "seed": seed,
        "mutants": len(fates) - counts["broken"],
        **{outcome: counts[outcome] for outcome in ("killed", "timeout", "survived", "unseen")},
        "survivors": [
            {"mutant": fate.mutant.name, "outcome": fate.outcome, "what": fate.mutant.what} for fate in left
        ],
    }


def summary(room: str, found: dict[str, Any]) -> str:
    """One line on a room."""
    dead = found["killed"] + found["timeout"]
    return (
        f"{room}: {dead} of {found['mutants']} killed ({dead / max(1, found['mutants']):.1%}), "
        f"{found['timeout']} of them by time; {found['survived']} survived, {found['unseen']} no test comes by"
    )


def keep(room: str, found: dict[str, Any]) -> None:
    """Write a room's report; a reason given before for the same change is kept."""
    known = json.loads(PAGE.read_text(encoding="utf-8")) if PAGE.exists() else {}
    reasons = {
        (one["mutant"].partition(":")[0], one["what"]): one["why"]
        for one in known.get(room, {}).get("survivors", ())
        if "why" in one
    }
    for one in found["survivors"]:
        why = reasons.get((one["mutant"].partition(":")[0], one["what"]))
        if why:
            one["why"] = why
    known[room] = found
    PAGE.write_text(json.dumps(known, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
