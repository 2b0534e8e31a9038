"""What each event books, line by line: every function that makes entries, called with figures that are all different.

A new event appears in the listing without a line here, and one that is never booked in another test is seen here.
``FENQI_WRITE_LISTING=1 pytest tests/gateway/ledger/test_lines_of_events.py`` writes it.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from gateway.ledger.booking import postings
from gateway.ledger.booking.postings import Entries, Parts

LISTING = Path(__file__).with_name("lines_of_events.txt")
PARTS = Parts(late_interest_fen=11, fee_fen=23, interest_fen=47, principal_fen=95)
FIGURES = (100_003, 2_017, 331, 59, 13, 7, 3, 2, 5)
"""Those of an event, in the order of its arguments; no two sums of them are alike."""
BALANCED: dict[str, dict[str, Any]] = {
    "charges_waived": {"parts": Parts(late_interest_fen=11, fee_fen=23, interest_fen=47)},
    "claims_moved": {"pending_fen": 331, "available_fen": -390, "receivable_fen": 59},
    "refund": {"from_pending_fen": 90_000, "from_available_fen": 9_000, "from_receivable_fen": 2_622},
}
"""Figures that must add up to others."""


def test_every_event_books_the_lines_of_the_listing() -> None:
    now = [line for make in _events() for line in _lines(make)]
    if os.environ.get("FENQI_WRITE_LISTING"):
        LISTING.write_text("\n".join([*now, ""]), encoding="utf-8")
    assert now == LISTING.read_text("utf-8").splitlines()


def _events() -> Iterator[Callable[..., Entries]]:
    for name, value in vars(postings).items():
        if (
            inspect.isfunction(value)
            and name[0] != "_"
            and inspect.signature(value).return_annotation == "Entries"
        ):
            yield value


def _lines(make: Callable[..., Entries]) -> Iterator[str]:
    figures = iter(FIGURES)
    given: dict[str, Any] = {}
    for name, parameter in inspect.signature(make).parameters.items():
        given[name] = PARTS if name == "parts" else next(figures) if parameter.annotation == "int" else name
    given |= BALANCED.get(make.__name__, {})
    yield f"{make.__name__}: {given}"
    for line in make(**given):
        yield f"    {line.amount_fen:+} {line.kind} of {line.owner or 'nobody'} about {line.about}"
