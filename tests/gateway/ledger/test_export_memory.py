"""An export takes no more memory for more books."""

from __future__ import annotations

import os
import tracemalloc
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.ledger import service
from gateway.ledger.booking import postings
from gateway.ledger.reports.export import FORMATS, export
from tests.gateway.ledger.conftest import TODAY
from tests.one_database import database_url  # noqa: F401

pytestmark = pytest.mark.long(5)


@pytest.mark.slow
def test_memory_does_not_grow_with_the_books(books: Any) -> None:
    def peak(format: str) -> int:
        with Path(os.devnull).open("wb") as file, books.db.read() as tx:
            tracemalloc.start()
            export(tx, file, format=format)
            _, found = tracemalloc.get_traced_memory()
            tracemalloc.stop()
        return found

    fill(books, 0, 2_000)
    small = {format: peak(format) for format in FORMATS}
    fill(books, 2_000, 6_000)
    for format in FORMATS:
        assert peak(format) < small[format] + 600_000, format


def fill(books: Any, first: int, last: int) -> None:
    """Post authorisations over a year, a thousand at a time."""
    for block in range(first, last, 1_000):
        events = [
            postings.Event(
                "authorize",
                ("payment", f"pay_{number}"),
                postings.authorise(amount_fen=100 + number, payment=f"pay_{number}"),
                on=TODAY + timedelta(days=number % 365),
            )
            for number in range(block, block + 1_000)
        ]
        books.db.write(lambda tx, events=events: service.book_many(tx, books.tenant, events))
