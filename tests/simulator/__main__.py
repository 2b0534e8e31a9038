"""``python -m tests.simulator``: play seeds, or one story; a failing seed prints its shrunk story."""

from __future__ import annotations

import argparse
import gc
import json
import multiprocessing
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.simulator.faults import Hung
from tests.simulator.servers import server
from tests.simulator.shrinking import shrink
from tests.simulator.simulation import Failure, Simulation, as_text
from tests.simulator.story import Teller
from tests.simulator.world import world

STEPS = 30
LONGEST_SECONDS = 300
"""No seed takes so long, on a busy machine either: something waits for itself."""


def main(arguments: list[str] | None = None) -> int:
    options = _options().parse_args(arguments)
    if options.story is not None:
        return _play_story(options)
    began = time.monotonic()
    played, failures = 0, []
    for seed, failure in _played(options):
        played += 1
        if failure is not None:
            failures.append({**failure.as_json(), "seconds": round(time.monotonic() - began, 1)})
            _tell(failures[-1], options)
            if options.stop_at_first:
                break
        elif not options.json and sys.stderr.isatty():
            print(f"\rseed {seed}", end="", file=sys.stderr)
    seconds = time.monotonic() - began
    _summary(options, played, failures, seconds)
    return 1 if failures else 0


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="./run simulate", description=__doc__)
    parser.add_argument("--seeds", type=int, default=200, help="how many seeds (default: 200)")
    parser.add_argument("--first", type=int, default=1, help="the first seed (default: 1)")
    parser.add_argument("--steps", type=int, default=STEPS, help=f"steps of a seed (default: {STEPS})")
    parser.add_argument("--minutes", type=float, default=60, help="begin no seed after so long (default: 60)")
    parser.add_argument("--jobs", type=int, default=2, help="processes (default: 2)")
    parser.add_argument("--database", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument(
        "--migrated", default="", help="a file: the migrated database, made if it is not there"
    )
    parser.add_argument("--story", type=Path, help="play this story instead of seeds")
    parser.add_argument("--seed", type=int, default=1, help="the seed of the story's chance (default: 1)")
    parser.add_argument("--stop-at-first", action="store_true", help="stop at the first seed that fails")
    parser.add_argument("--no-shrink", action="store_true", help="print the story of a failing seed as it is")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser


def _played(options: argparse.Namespace) -> Iterator[tuple[int, Failure | None]]:
    """Seeds with what they showed, in the order in which they end."""
    latest = time.monotonic() + options.minutes * 60
    seeds = range(options.first, options.first + options.seeds)
    jobs = max(1, min(options.jobs, len(seeds)))
    if jobs == 1:
        yield from _of_one(options, seeds, latest)
        return
    results: Any = multiprocessing.Queue()
    workers = [
        multiprocessing.Process(target=_work, args=(options, seeds[n::jobs], latest, results), daemon=True)
        for n in range(jobs)
    ]
    for worker in workers:
        worker.start()
    running = jobs
    try:
        while running:
            found = results.get()
            if found is None:
                running -= 1
            else:
                yield found
    finally:
        for worker in workers:
            worker.terminate()
            worker.join(5)


def _work(options: argparse.Namespace, seeds: range, latest: float, results: Any) -> None:
    try:
        for found in _of_one(options, seeds, latest):
            results.put(found)
    finally:
        results.put(None)


def _of_one(options: argparse.Namespace, seeds: range, latest: float) -> Iterator[tuple[int, Failure | None]]:
    gc.freeze()  # what was imported is never garbage
    gc.set_threshold(20_000, 20, 20)
    before = signal.signal(signal.SIGALRM, _hung)
    try:
        yield from _of_world(options, seeds, latest)
    finally:
        signal.signal(signal.SIGALRM, before)


def _of_world(
    options: argparse.Namespace, seeds: range, latest: float
) -> Iterator[tuple[int, Failure | None]]:
    with server(options.database) as address:
        yield from _on_server(options, seeds, latest, address)


def _on_server(
    options: argparse.Namespace, seeds: range, latest: float, address: str
) -> Iterator[tuple[int, Failure | None]]:
    with world(options.database, address, migrated=options.migrated) as made:
        simulation = Simulation(made)
        for seed in seeds:
            if time.monotonic() > latest:
                return
            signal.alarm(LONGEST_SECONDS)
            failure = simulation.play(seed, Teller(seed).tell(options.steps))
            signal.alarm(0)
            if failure is not None and not options.no_shrink:
                failure = _shrunk(simulation, failure)
            yield seed, failure


def _hung(*_: Any) -> None:
    raise Hung


def _shrunk(simulation: Simulation, failure: Failure) -> Failure:
    """The failure with the shortest story that shows the same invariant broken."""

    def shows(story: list[dict[str, Any]]) -> bool:
        found = simulation.play(failure.seed, story)
        return found is not None and found.invariant == failure.invariant

    story = shrink(failure.story[: failure.step], shows)
    found = simulation.play(failure.seed, story)
    if found is None:  # it needed what came after, while all was calm
        return failure
    return Failure(failure.seed, failure.step, found.invariant, found.words, story)


def _play_story(options: argparse.Namespace) -> int:
    told = json.loads(options.story.read_text("utf-8"))
    with server(options.database) as address, world(options.database, address) as made:
        failure = Simulation(made).play(told["seed"], told["story"])
    if failure is None:
        print(f"{options.story}: all invariants hold")
        return 0
    print(f"{options.story}: step {failure.step}: {failure.invariant}: {failure.words}")
    return 1


def _tell(failure: dict[str, Any], options: argparse.Namespace) -> None:
    if options.json:
        return
    print(
        f"\nseed {failure['seed']} breaks {failure['invariant']} at step {failure['step']}: {failure['words']}"
    )
    print(f'{{"seed": {failure["seed"]}, "invariant": "{failure["invariant"]}", "story":')
    print(as_text(failure["story"]).rstrip() + "}", flush=True)


def _summary(
    options: argparse.Namespace, played: int, failures: list[dict[str, Any]], seconds: float
) -> None:
    if options.json:
        first = failures[0] if failures else {}
        print(
            json.dumps(
                {**first, "seeds_played": played, "seconds_in_all": round(seconds, 1)}, ensure_ascii=False
            )
        )
        return
    told = f"{len(failures)} failed" if failures else "all invariants hold"
    print(
        f"{played} seeds of {options.steps} steps in {seconds:.1f} s ({played / max(seconds, 0.1):.1f}/s): {told}"
    )


if __name__ == "__main__":
    raise SystemExit(main())
