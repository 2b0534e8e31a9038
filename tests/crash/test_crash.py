"""A small round of ``./run crash``: what was acknowledged is there, once, and what is killed comes back."""

from __future__ import annotations

import random

import pytest

from tests.crash.__main__ import one_round

# A lent database comes with sessions of earlier tests, which would be killed with those of the gateway.
pytestmark = [pytest.mark.long(15), pytest.mark.own_database]

WAYS = {"sqlite": ("child",), "postgresql": ("child", "connections", "master")}


@pytest.mark.slow
def test_purchases_survive_every_kill(database_url: str) -> None:
    ways = WAYS[database_url.partition("+")[0].partition(":")[0]]

    found = one_round(database_url, 3, random.Random(20261123), ways=ways)

    assert found["failures"] == []
    assert found["kills"] == len(ways)
    assert found["acknowledged"] > 5
    assert found["replayed"] > 5
    assert (found["lost"], found["doubled"], found["answers 5xx but 503"]) == (0, 0, 0)
    assert found["SIGTERM to end (s)"] < max(10, 2 * found["first start (s)"])
