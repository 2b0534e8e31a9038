"""Differences of every kind are planted into files of every form: all are found, and none is invented."""

from __future__ import annotations

from collections import Counter

import pytest

from gateway.reconciliation.matching.engine import Difference, Rules, matcher
from gateway.reconciliation.reading import headings, sheet
from gateway.reconciliation.reading.typed import Reader
from tests.depth import examples
from tests.gateway.reconciliation.planting import FORMS, WINDOW, month, written

SEEDS = examples(6, deep=1000)
"""In every run six, one of each form."""


def compared(content: bytes, ours: list, rules: Rules, *, spark: str = "") -> list[Difference]:
    """What the matching says of a file and of our rows, on DuckDB or on a cluster."""
    opened = sheet.opened(content)
    heading = headings.find(opened.rows())
    reader = Reader(opened, heading, heading.guessed())
    with matcher(spark=spark) as matching:
        matching.add_theirs(
            (one.line, one.part, one.reference, one.amount_fen, one.day, one.moved, one.fee_fen)
            for one in reader.movements()
        )
        assert reader.told.faults == []
        matching.add_ours(ours)
        matching.match(rules)
        return list(matching.exceptions())


@pytest.mark.parametrize("seed", range(SEEDS))
def test_every_planted_difference_is_found_and_none_is_invented(seed: int) -> None:
    planted = month(seed, orders=60 + seed % 7 * 40)
    content = written(planted.theirs, FORMS[seed % len(FORMS)])
    found = compared(content, planted.ours, Rules(window_days=WINDOW))
    assert {(one.line, one.verdict) for one in found if one.line} == {
        (row + 2, verdict) for row, verdict in planted.expected
    }
    assert {one.ours_id for one in found if one.line is None} == planted.lacking
    assert Counter(one.verdict for one in found)["duplicate"] > 1
