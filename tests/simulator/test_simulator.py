"""A few seeds and every kept story, on each run of the tests; the rest by ``./run simulate``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from gateway.decision import limits
from gateway.decision.funder import Ruling
from tests.simulator import promises
from tests.simulator.shrinking import shrink
from tests.simulator.simulation import Simulation
from tests.simulator.story import Teller
from tests.simulator.world import world

pytestmark = pytest.mark.long(10)

STORIES = sorted((Path(__file__).parent / "stories").glob("*.json"))
SEEDS = (3, 17)


@pytest.fixture(scope="module")
def simulation(sqlite_template: Path) -> Iterator[Simulation]:
    with world(migrated=str(sqlite_template)) as made:
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
    told = json.loads((STORIES[0].parent / "clock-advanced-without-its-lock.json").read_text("utf-8"))
    traces = []
    for story in (told["story"], told["story"], told["story"][:-1]):
        assert play(simulation, told["seed"], story) is None
        traces.append(simulation.trace.hexdigest())
    assert traces[0] == traces[1] != traces[2]


def test_seed_keeps_every_invariant_on_postgresql(postgres_url: str, postgres_template: str) -> None:
    with world("postgres", postgres_url, migrated=postgres_template) as made:
        assert play(Simulation(made), 8, Teller(8).tell(6)) is None


def test_oversold_limit_is_found_and_shrunk(simulation: Simulation, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mistake in the product, the shortest story of it, and the invariant that names it."""
    monkeypatch.setattr(limits, "available_fen", lambda limit: 10_000_000)
    lender = simulation.world.outside.funder
    monkeypatch.setattr(lender, "decide", lambda submission: Ruling("approve", 1_200_000, "bank"))
    monkeypatch.setattr(simulation, "every", 1)
    monkeypatch.setattr(simulation, "_calm", lambda: None)
    story: list[dict[str, Any]] = [
        {"do": "order", "shop": 0, "name": "a", "amount": 900_000, "key": "k1"},
        {"do": "apply", "order": "a", "person": 1, "term": 3, "key": "k2"},
        {"do": "pass", "minutes": 90, "key": "k3"},
        {"do": "order", "shop": 2, "name": "b", "amount": 600_000, "key": "k4"},
        {"do": "apply", "order": "b", "person": 1, "term": 3, "key": "k5"},
    ]

    def oversells(candidate: list[dict[str, Any]]) -> bool:
        failure = simulation.play(5, candidate)
        return failure is not None and failure.invariant == "limit_not_oversold"

    assert oversells(story)
    shortest = shrink(story, oversells, most=6)
    assert [step["key"] for step in shortest] == ["k1", "k2", "k4", "k5"]


def test_shrinking_keeps_just_what_is_needed() -> None:
    story = [{"do": "pass", "key": f"k{number}", "mood": {}, "share": 1} for number in range(20)]
    needed = {"k3", "k11", "k12"}
    shortest = shrink(story, lambda steps: needed <= {step["key"] for step in steps})
    assert [step["key"] for step in shortest] == ["k3", "k11", "k12"]
    assert all(step.keys() == {"do", "key"} for step in shortest)


def test_a_stage_that_silence_released_without_a_message_or_before_its_window_is_found() -> None:
    def found(events: list[dict[str, str]], left: list[dict[str, str]]) -> list[str]:
        tables = {"milestone_event": events, "message": left}
        sim = SimpleNamespace(rows=lambda sql: tables[sql.split()[3]])
        return [what for _, what in promises.told_before_silence(sim)]  # type: ignore[arg-type]

    def event(kind: str, said_by: str, day: int) -> dict[str, str]:
        at = f"2026-11-{day:02}T04:00:00.000000Z"
        return {"milestone_id": "ms_1", "kind": kind, "said_by": said_by, "created_at": at}

    told, left = event("told", "message", 2), [{"about": "ms_1"}]
    assert found([told, event("released", "silence", 9)], left) == []
    assert found([told, event("released", "silence", 8)], left) == [
        "ms_1 is released before its window is over"
    ]
    for events, messages in (([], left), ([told], [])):
        released = found([*events, event("released", "silence", 9)], messages)
        assert released == ["ms_1 is released and its shopper was not told"]
