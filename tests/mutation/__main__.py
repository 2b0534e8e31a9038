"""``python -m tests.mutation``: change the product a little, many times, and see whether its tests notice.

A seeded sample of each room's mutants runs; what survives is listed in ``docs/mutation.json``, with the reason where it
changes nothing that can be seen.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from tests.mutation import mutants
from tests.mutation.mutants import Mutant
from tests.mutation.runner import KEPT, LISTING, Fate, Runner

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "mutation.json"
CONTRACT = f"tests/gateway/web/test_pages_and_settings.py::{LISTING}"
"""Compares what the API takes and answers with its listing."""
RULES = ("tests/gateway/proof/test_book_agreements.py", "tests/docs/test_ledger_page.py")
"""Break each rule of the books, and compare the rules and the chart with the page that lists them."""
CONSTANTS = "tests/house/test_constants.py"
"""Compares constants and defaults with their listing."""
ANSWERS = "tests/house/test_answers.py::test_functions_answer_what_the_listing_says"
"""Compares what the functions of a room answer to made-up figures."""
LIVES = ("tests/gateway/payments/test_purchase.py", "tests/gateway/loans/test_loan_life.py")
"""Purchases and loans followed through every room."""
OF_ALL = (
    KEPT,
    "tests/house/test_tenants_apart.py",
    "tests/gateway/web/test_object_access.py",
)
"""What a whole book leaves in the tables and answers; jobs, routes and lists of one merchant beside another's."""
ROOMS = {
    "core": ("tests/gateway/core", f"{ANSWERS}[core]", CONSTANTS, CONTRACT),
    "ledger": ("tests/gateway/ledger", *RULES, KEPT, f"{ANSWERS}[ledger]", CONSTANTS, CONTRACT),
    "loans": ("tests/gateway/loans", *RULES, *LIVES, *OF_ALL, f"{ANSWERS}[loans]", CONSTANTS, CONTRACT),
    "payments": (
        "tests/gateway/payments",
        *RULES,
        *LIVES,
        *OF_ALL,
        "tests/gateway/team/test_step_up.py",
        f"{ANSWERS}[payments]",
        CONSTANTS,
        CONTRACT,
    ),
    "settlement": (
        "tests/gateway/settlement",
        *LIVES,
        *OF_ALL,
        f"{ANSWERS}[settlement]",
        CONSTANTS,
        CONTRACT,
    ),
}
"""The rooms, and the tests that each is measured by."""
ALWAYS = {"without tx.flush()": "the next query or the commit writes it"}
"""Why a change is none wherever it survives: where the order of writing shows, the tests do find it."""
Survivor = tuple[str, str]
"""A kept one: its name at that time, and what was changed."""
NEAR = 8
"""Lines by which code may have moved since a sample was kept."""
TABLES = "models.py"
"""Columns are compared with the migrations by a test of their own, on both databases."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the sample of the rooms; returns the exit status."""
    parser = argparse.ArgumentParser(prog="run mutate", description=__doc__)
    parser.add_argument("--share", type=Fraction, action="append", help="part of all mutants (1/20)")
    parser.add_argument(
        "--seed", type=int, action="append", help="which part (1); again with another --share"
    )
    parser.add_argument("--room", action="append", choices=ROOMS, help="one room, or several (all)")
    parser.add_argument("--module", help="only modules with this name, such as money.py")
    parser.add_argument("--tests", action="append", help="the tests that judge (those of the room)")
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count() or 1, help="mutants side by side (all cores)"
    )
    parser.add_argument(
        "--again", action="store_true", help="what survived in the kept samples, with --seed new ones too"
    )
    parser.add_argument("--keep", action="store_true", help=f"write what came out to {PAGE.name}")
    parser.add_argument(
        "--unseen", action="store_true", help="name every place by which no test comes, of any sample"
    )
    options = parser.parse_args(argv)
    given = options.seed or ([] if options.again else [1])
    shares = options.share or [Fraction(1, 20)]
    if len(shares) not in (1, len(given)):
        parser.error("one --share for all, or one for each --seed")
    if not all(0 < share <= 1 for share in shares):
        parser.error("--share is above 0 and at most 1, such as 1/20")
    for room in options.room or ROOMS:
        samples = [
            Sample(room, seed, share, tuple(sampled(room, share, seed, options.module)))
            for seed, share in zip(given, shares * len(given), strict=False)
        ]
        left = survivors_of(room) if options.again else {}

        def each(fates: Sequence[Fate], samples: Sequence[Sample] = samples) -> None:
            if options.keep:
                keep([report(sample, fates) for sample in samples])

        again = Sample(room, 0, Fraction(1), tuple(left.values()))
        runner = run(room, [again, *samples], options.tests or ROOMS[room], jobs=options.jobs, each=each)
        fates = runner.fates
        reports = [report(sample, fates) for sample in samples]
        reports += counted_again(room, left, fates, but=given) if options.again else []
        if options.again:
            keep(reports)
        for one in reports:
            print(f"\n{summary(one)}")
        if options.unseen:
            places = runner.unseen(sampled(room, Fraction(1), 1))
            print("\n".join(["", *(f"unseen {place.name} {place.what}" for place in places)]))
    return 0


def survivors_of(room: str) -> dict[Survivor, Mutant]:
    """What survived in the kept samples of a room, as it is made now; what is gone from the code is left out."""
    every = sampled(room, Fraction(1), 1)
    names = [(one["mutant"], one["what"]) for kept in kept_of(room) for one in kept["survivors"]]
    return {name: mutant for name in names if (mutant := _nearest(every, *name))}


def counted_again(
    room: str, left: Mapping[Survivor, Mutant], fates: Sequence[Fate], *, but: Sequence[int]
) -> list[dict[str, Any]]:
    """The kept samples of a room in which what is killed now counts as killed; those of the seeds ``but`` are anew."""
    by_mutant = {fate.mutant: fate for fate in fates}
    reports = [one for one in kept_of(room) if one["seed"] not in but]
    for one in reports:
        _count_again(one, {name: by_mutant.get(mutant) for name, mutant in left.items()})
    return reports


def kept_of(room: str) -> list[dict[str, Any]]:
    """The kept samples of a room."""
    known = json.loads(PAGE.read_text(encoding="utf-8")) if PAGE.exists() else []
    return [one for one in known if one["room"] == room]


def _nearest(every: Sequence[Mutant], name: str, what: str) -> Mutant | None:
    """The same change of the same module near the line where it was; none when its code is gone."""
    path, _, place = name.partition(":")
    line = int(place.partition("#")[0])
    same = [one for one in every if one.path == path and one.what == what and abs(one.line - line) <= NEAR]
    return min(same, key=lambda one: abs(one.line - line), default=None)


def _count_again(report: dict[str, Any], fates: Mapping[Survivor, Fate | None]) -> None:
    survivors = []
    for one in report["survivors"]:
        fate = fates.get((one["mutant"], one["what"]))
        why = ALWAYS.get(one["what"])
        if fate is None:
            report["mutants"] -= 1
            report[one["outcome"]] -= 1
        elif fate.outcome in ("killed", "timeout"):
            report[one["outcome"]] -= 1
            report[fate.outcome] += 1
        else:
            survivors.append({**one, "mutant": fate.mutant.name, **({"why": why} if why else {})})
    report["survivors"] = survivors


@dataclass(frozen=True, slots=True)
class Sample:
    """Some mutants of a room."""

    room: str
    seed: int
    share: Fraction
    mutants: tuple[Mutant, ...]


def sampled(room: str, share: Fraction, seed: int, module: str | None = None) -> list[Mutant]:
    """A part of the room's mutants, always the same for a seed."""
    every = [
        mutant
        for path in sorted((ROOT / "gateway" / room).rglob("*.py"))
        if module in (None, path.name)
        for mutant in mutants.of_module(path, ROOT)
        if mutant.function or path.name != TABLES
    ]
    chosen = random.Random(seed).sample(range(len(every)), max(1, round(len(every) * share)))
    return [every[index] for index in sorted(chosen)]


def run(
    room: str,
    samples: Sequence[Sample],
    judges: Sequence[str],
    *,
    jobs: int,
    each: Callable[[Sequence[Fate]], None],
) -> Runner:
    """Run the samples by the tests that judge; ``each`` is told after every mutant."""
    every = {mutant.name: mutant for sample in samples for mutant in sample.mutants}
    runner = Runner(room, list(every.values()), jobs=jobs, each=each)
    options = [
        "-q",
        "-x",
        "--maxfail=0",
        "--tb=no",
        "--no-header",
        "--no-summary",
        "-p",
        "no:cacheprovider",
    ]
    status = pytest.main([*options, *judges], plugins=[runner])
    if status not in (0, 1):
        raise SystemExit(f"the tests of {room} could not be run")
    each(runner.fates)
    return runner


def report(sample: Sample, fates: Sequence[Fate]) -> dict[str, Any]:
    """What is kept of a sample; a reason given before for the same change is kept."""
    names = {mutant.name for mutant in sample.mutants}
    fates = [fate for fate in fates if fate.mutant.name in names]
    counts = Counter(fate.outcome for fate in fates)
    left = sorted((fate for fate in fates if fate.outcome in ("survived", "unseen")), key=_place)
    known = json.loads(PAGE.read_text(encoding="utf-8")) if PAGE.exists() else []
    reasons = {
        (one["mutant"].partition(":")[0], one["what"]): one["why"]
        for old in known
        for one in old["survivors"]
        if "why" in one
    }
    survivors = []
    for fate in left:
        one = {"mutant": fate.mutant.name, "outcome": fate.outcome, "what": fate.mutant.what}
        why = ALWAYS.get(fate.mutant.what) or reasons.get((fate.mutant.path, fate.mutant.what))
        survivors.append({**one, **({"why": why} if why else {})})
    return {
        "room": sample.room,
        "seed": sample.seed,
        "share": str(sample.share),
        "mutants": len(fates) - counts["broken"],
        **{outcome: counts[outcome] for outcome in ("killed", "timeout", "survived", "unseen")},
        "survivors": survivors,
    }


def _place(fate: Fate) -> tuple[str, int]:
    return fate.mutant.path, fate.mutant.number


def summary(kept: dict[str, Any]) -> str:
    """A line on a sample, and one on each survivor."""
    dead = kept["killed"] + kept["timeout"]
    lines = [
        f"{kept['room']}, seed {kept['seed']}: {dead} of {kept['mutants']} killed "
        f"({dead / max(1, kept['mutants']):.1%}), {kept['timeout']} of them by time; "
        f"{kept['survived']} survived, {kept['unseen']} no test comes by"
    ]
    lines += [
        f"  {one['outcome']:9} {one['mutant']} {one['what']}{' - ' if 'why' in one else ''}{one.get('why', '')}"
        for one in kept["survivors"]
    ]
    return "\n".join(lines)


def keep(reports: Sequence[dict[str, Any]]) -> None:
    """Write reports in place of those of the same room and seed."""
    known = json.loads(PAGE.read_text(encoding="utf-8")) if PAGE.exists() else []
    kept = {(one["room"], one["seed"]): one for one in [*known, *reports]}
    ordered = sorted(kept.values(), key=lambda one: (list(ROOMS).index(one["room"]), one["seed"]))
    PAGE.write_text(json.dumps(ordered, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
