"""What the functions of the rooms of money answer to made-up figures, written a second time.

Every function and method of these rooms that needs no database is called many times, with figures, days, words, rows
and lists that are drawn anew for each argument: few and small ones, so that some are alike, 0 or at a bound. The
listing has, for each, the first call that it answered and a checksum of all answers, refusals and changed rows.

Functions are found in the code, so that a new one appears in the listing without a line here. It is written by
``FENQI_WRITE_LISTING=1 pytest tests/house/test_answers.py``. A line that changes where the function was not meant to
answer differently is an error.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house import made_up
from tests.house.made_up import CannotBeMade, Drawn
from tests.house.test_constants import ROOMS

LISTING = Path(__file__).with_name("answers.txt")
ANSWERS, CALLS = 24, 72
"""So many of each function; at most so many calls for them."""
LONGEST = 300
"""Letters of the answer that is shown."""


@pytest.mark.parametrize("room", ROOMS)
def test_functions_answer_what_the_listing_says(room: str) -> None:
    now = sorted(_lines(room))
    listed = LISTING.read_text("utf-8").splitlines() if LISTING.exists() else []
    if os.environ.get("FENQI_WRITE_LISTING"):
        rest = [line for line in listed if not line.startswith(f"{room}.")]
        LISTING.write_text("\n".join([*sorted([*rest, *now]), ""]), encoding="utf-8")
    else:
        assert now == [line for line in listed if line.startswith(f"{room}.")]


def _lines(room: str) -> Iterator[str]:
    for function in made_up.functions(room):
        try:
            calls = list(_calls(function))
        except CannotBeMade:
            continue
        answers = [call.shown for call in calls if not call.refused]
        if answers:
            checksum = zlib.crc32("\n".join(call.shown for call in calls).encode())
            first = " ".join(answers[0].split())[:LONGEST]
            yield f"{function.name}: {len(answers)} of {len(calls)}, {checksum:08x}, {first}"


def _calls(function: made_up.Function) -> Iterator[made_up.Called]:
    answers = 0
    for number in range(CALLS):
        call = function.called(Drawn(f"{function.name} {number}", function.words))
        yield call
        answers += not call.refused
        if answers == ANSWERS:
            return
