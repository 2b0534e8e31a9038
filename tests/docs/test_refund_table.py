"""The table of what comes back with a refund says what the code does."""

from __future__ import annotations

from dataclasses import astuple
from pathlib import Path

from gateway.payments.refunds.kinds import COMES_BACK

PAGE = Path(__file__).parents[2] / "docs" / "loans.md"
WORDS = {"back": True, "waived": True, "stays": False}


def test_the_page_shows_the_table_of_the_code() -> None:
    lines = PAGE.read_text("utf-8").split("| kind | merchant's fee")[1].split("\n\n")[0].splitlines()[2:]
    rows = [[cell.strip(" `") for cell in line.strip("|").split("|")] for line in lines]
    assert {kind: tuple(WORDS[word] for word in words) for kind, *words in rows} == {
        kind: astuple(back) for kind, back in COMES_BACK.items()
    }
