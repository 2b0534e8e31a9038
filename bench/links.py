"""All link features of one application, asked as it comes, on 100,000 applicants with gangs, hubs and families.

Beside one indexed SELECT of SQLite that counts the applicants of one device in 24 hours.
"""

from __future__ import annotations

import gc
import sqlite3
import time
from typing import Any

from bench.report import Row, at_most
from bench.size import Size
from scoring.links import Edge, LinkIndex
from scoring.links.world import Case, make_world

GOAL_US = 100.0
SEED = 20_261_123
COUNT = "SELECT count(DISTINCT applicant) FROM edge WHERE link = ? AND at > ? AND at <= ?"


def measure(place: dict[str, Any], size: Size) -> list[Row]:
    """Microseconds a question, in turn with the yardstick; ``place`` is not used."""
    cases = make_world(size.applicants, size.applicants // 500, seed=SEED)
    asked = size.applicants // 5  # so many of the newest applications, each at its own moment
    table = filled_table(cases)
    found: dict[str, list[float]] = {"all features": [], "one SELECT": []}
    for _ in range(size.rounds):
        index = LinkIndex()
        for case in cases[:-asked]:
            observe(index, case)
        gc.freeze()  # as the gateway does once it has read its table
        for case in cases[-asked:]:
            start = time.perf_counter_ns()
            index.features(case.applicant, case.links, case.at)
            middle = time.perf_counter_ns()
            table.execute(COUNT, (case.links[0].value, case.at - 86_400, case.at)).fetchone()
            found["all features"].append((middle - start) / 1000)
            found["one SELECT"].append((time.perf_counter_ns() - middle) / 1000)
            observe(index, case)
    print(
        f"links: features of one application, {len(index):,} edges, {size.rounds} x {asked:,} questions in turn"
    )
    for name, times in found.items():
        calm = [min(times[place::asked]) for place in range(asked)]
        shown = f"p50 {percentile(times, 50):6.1f} us, p99 {percentile(times, 99):6.1f} us"
        print(f"  {name:12}: {shown}; p99 of each question's fastest round {percentile(calm, 99):6.1f} us")
    print()
    p99, bare = (percentile(times, 99) for times in found.values())
    return [Row("links: features of one application, p99", p99, "us", at_most(GOAL_US), bare)]


def observe(index: LinkIndex, case: Case) -> None:
    """Feed one application and, ahead of time, its label: the index itself keeps it back."""
    for link in case.links:
        index.observe(Edge(case.applicant, link, case.at))
    if case.bad:
        index.label(case.applicant, True, case.known_at)


def filled_table(cases: list[Case]) -> sqlite3.Connection:
    """A table in memory with every edge of the world."""
    table = sqlite3.connect(":memory:")
    table.execute("CREATE TABLE edge (link TEXT, at INTEGER, applicant TEXT)")
    rows = [(link.value, case.at, case.applicant) for case in cases for link in case.links]
    table.executemany("INSERT INTO edge VALUES (?, ?, ?)", rows)
    table.execute("CREATE INDEX edge_of_link ON edge (link, at, applicant)")
    return table


def percentile(times: list[float], percent: int) -> float:
    """The value below which so many percent of the times lie."""
    return sorted(times)[len(times) * percent // 100]
