"""A few seeds and every kept story, on each run of the tests; the rest by ``./run simulate``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.simulator.__main__ import main
from tests.simulator.shrinking import shrink
from tests.simulator.simulation import Simulation
from tests.simulator.story import Teller
from tests.simulator.world import world

STORIES = sorted((Path(__file__).parent / "stories").glob("*.json"))
SEEDS = (3, 8, 14)


@pytest.fixture(scope="module")
def simulation() -> Iterator[Simulation]:
    with world() as made:
        yield Simulation(made)


def play(simulation: Simulation, seed: int, story: list[dict[str, Any]]) -> str | None:
    failure = simulation.play(seed, story)
    return f"{failure.invariant} at step {failure.step}: {failure.words}" if failure else None


@pytest.mark.parametrize("seed", SEEDS)
def test_seed_keeps_every_invariant(simulation: Simulation, seed: int) -> None:
    assert play(simulation, seed, Teller(seed).tell(30)) is None


@pytest.mark.parametrize("path", STORIES, ids=lambda path: path.stem)
def test_story_that_once_failed_holds(simulation: Simulation, path: Path) -> None:
    told = json.loads(path.read_text("utf-8"))
    assert play(simulation, told["seed"], told["story"]) is None


def test_same_seed_leaves_the_same_trace(simulation: Simulation) -> None:
    story = Teller(17).tell(15)
    traces = []
    for _ in range(2):
        assert play(simulation, 17, story) is None
        traces.append(simulation.trace.hexdigest())
    assert traces[0] == traces[1]
    play(simulation, 17, story[:-1])
    assert simulation.trace.hexdigest() != traces[0]


def test_command_plays_a_seed_on_postgresql(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", postgres_url)
    assert (
        main(
            [
                "--database",
                "postgres",
                "--first",
                "8",
                "--seeds",
                "1",
                "--steps",
                "20",
                "--jobs",
                "1",
                "--json",
            ]
        )
        == 0
    )
    assert json.loads(capsys.readouterr().out)["seeds_played"] == 1


def test_lost_lock_of_a_limit_is_found_and_shrunk(
    simulation: Simulation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mistake in the product, the shortest story of it, and the invariant that names it."""
    from gateway.decision import limits  # noqa: PLC0415

    monkeypatch.setattr(limits, "available_fen", lambda limit: 10_000_000)
    story = [
        {"do": "order", "shop": 0, "name": "a", "amount": 900_000, "lines": 1, "key": "k1"},
        {"do": "apply", "order": "a", "person": 1, "term": 3, "key": "k2"},
        {"do": "pass", "minutes": 5, "key": "k3"},
        *(
            step
            for number in range(3)
            for step in (
                {
                    "do": "order",
                    "shop": 0,
                    "name": f"b{number}",
                    "amount": 1_200_000,
                    "lines": 1,
                    "key": f"o{number}",
                },
                {"do": "apply", "order": f"b{number}", "person": 1, "term": 3, "key": f"a{number}"},
                {"do": "pass", "minutes": 90, "key": f"p{number}"},
            )
        ),
    ]

    def oversells(candidate: list[dict[str, Any]]) -> bool:
        failure = simulation.play(5, candidate)
        return failure is not None and failure.invariant == "limit_not_oversold"

    assert oversells(story)
    shortest = shrink(story, oversells, most=8)
    assert oversells(shortest)
    assert len(shortest) < len(story)


def test_shrinking_keeps_just_what_is_needed() -> None:
    story = [{"do": "pass", "key": f"k{number}", "mood": {}, "share": 1} for number in range(20)]
    needed = {"k3", "k11", "k12"}
    shortest = shrink(story, lambda steps: needed <= {step["key"] for step in steps})
    assert [step["key"] for step in shortest] == ["k3", "k11", "k12"]
    assert all(step.keys() == {"do", "key"} for step in shortest)
