"""The rules of contacts, over schedules by chance: none in the night, at most three a day, whatever a worker does."""

from __future__ import annotations

import heapq
import os
import random
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from gateway.messages.rules import MOST_A_DAY, Drop, Leave, Wait, judged

SCHEDULES = int(os.environ.get("MESSAGE_SCHEDULES", "5000"))
"""A million of them take some minutes: ``MESSAGE_SCHEDULES=1000000``."""
START = datetime(2026, 11, 23, tzinfo=UTC)
SHANGHAI = timedelta(hours=8)
TOO_LONG = 200


def play(chance: random.Random) -> tuple[list[tuple[datetime, int]], int]:
    """One person's messages over some days, carried out by a worker that is late now and then.

    Returns when each left with its number, and how many were dropped.
    """
    taken: dict[object, set[int]] = {}
    left: list[tuple[datetime, int]] = []
    dropped = asked = 0
    waiting = []
    for number in range(chance.randint(1, 9)):
        planned = START + timedelta(seconds=chance.randrange(3 * 86_400))
        until = (
            planned + timedelta(seconds=chance.randrange(1, 5 * 86_400)) if chance.random() < 0.5 else None
        )
        waiting.append((START if chance.random() < 0.2 else planned, number, planned, until))
    heapq.heapify(waiting)
    now = START
    while waiting:
        at, number, planned, until = heapq.heappop(waiting)
        late = timedelta(seconds=chance.choice((0, 0, 0, 40, 3_000, 40_000)))
        now = max(now, at + late)
        asked += 1
        assert asked < TOO_LONG, "a message waits for ever"
        today = (now + SHANGHAI).date()
        verdict = judged(now, planned_at=planned, useful_until=until, taken=taken.setdefault(today, set()))
        if isinstance(verdict, Leave):
            assert verdict.day == today
            assert verdict.number not in taken[today]
            taken[today].add(verdict.number)
            left.append((now, verdict.number))
        elif isinstance(verdict, Wait):
            assert verdict.at > now
            heapq.heappush(waiting, (verdict.at, number, planned, until))
        else:
            assert isinstance(verdict, Drop)
            assert until is not None
            dropped += 1
        if isinstance(verdict, Leave):
            assert now >= planned
            assert until is None or now < until
    return left, dropped


def test_no_schedule_writes_at_night_or_four_times_a_day() -> None:
    chance = random.Random(16)
    times: Counter[str] = Counter()
    for _ in range(SCHEDULES):
        left, dropped = play(chance)
        a_day = Counter((moment + SHANGHAI).date() for moment, _ in left)
        assert all(count <= MOST_A_DAY for count in a_day.values())
        for moment, number in left:
            local = moment + SHANGHAI
            assert 8 <= local.hour < 22, local
            assert 1 <= number <= MOST_A_DAY
        times["left"] += len(left)
        times["dropped"] += dropped
        times["full days"] += sum(count == MOST_A_DAY for count in a_day.values())
    assert all(times[what] > SCHEDULES // 20 for what in ("left", "dropped", "full days")), times


@pytest.mark.parametrize(
    ("now", "taken", "until", "verdict"),
    [
        ("2026-11-23T13:00", {1, 3}, None, Leave(START.date(), 2)),
        ("2026-11-23T13:00", {1, 2, 3}, None, "2026-11-24T08:00"),
        ("2026-11-23T13:00", {1, 2, 3}, "2026-11-24T08:00", None),
        ("2026-11-23T21:56", set(), None, "2026-11-24T08:00"),
        ("2026-11-23T07:59", {1, 2, 3}, "2026-11-23T08:01", "2026-11-23T08:00"),
        ("2026-11-23T23:00", set(), "2026-11-24T00:00", None),
    ],
)
def test_what_does_not_fit_waits_or_is_dropped(
    now: str, taken: set[int], until: str | None, verdict: Leave | str | None
) -> None:
    moment = datetime.fromisoformat(f"{now}+08:00").astimezone(UTC)
    end = datetime.fromisoformat(f"{until}+08:00") if until else None
    found = judged(moment, planned_at=moment - timedelta(days=1), useful_until=end, taken=taken)
    if isinstance(verdict, str):
        assert isinstance(found, Wait)
        assert found.at == datetime.fromisoformat(f"{verdict}+08:00")
    else:
        assert found == (verdict or Drop())
