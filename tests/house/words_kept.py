"""The words that the product leaves in its tables, and what each event books, compared with a listing.

They are taken over one book in which nearly everything has happened. A state, a kind, a reason, a key or a type under
another name is no error where it is written, and is then found by nobody who looks for it. A new word or event
appears in the listing without a line here. Beside them is listed who locks which rows, or waits for a turn: where a
lock is missing no test fails but by chance.

The suite compares the book that ``test_no_edit_is_silent.py`` makes anyway. By its own name this file makes one
itself: for mutation runs, and for ``FENQI_WRITE_LISTING=1 pytest tests/house/words_kept.py``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, select

from gateway.db.tables import metadata
from gateway.ledger.models import ENTRY, POSTING
from tests.house import lock_order
from tests.house.figures_kept import figures
from tests.house.rich_book import RichBook
from tests.house.shapes import HASH, shape
from tests.one_database import database_url  # noqa: F401

LISTINGS = {name: Path(__file__).with_name(f"{name}_kept.txt") for name in ("words", "figures", "locks")}
WORD = re.compile(r"(?=.*[a-z]{2})[a-z<>#]+(?:[_.:/-][a-z<>#]+)*")


def test_a_whole_book_keeps_the_words_and_figures_of_the_listings(
    app: Any, books: Any, new_merchant: Any, people: Any
) -> None:
    with lock_order.watched(app.extensions["fenqi"].db.engine) as locks:
        book = RichBook(app, books, new_merchant, people)
    compare(book, locks)


def compare(book: RichBook, locks: lock_order.Watch) -> None:
    """Fail where a book keeps other words or figures, or took other locks, than the listings say; or write them."""
    with book.gateway.db.engine.connect() as connection:
        now = {"words": [*sorted(booked(connection)), *words(connection)]}
    now["figures"] = figures(book)
    now["locks"] = sorted(locks.by)
    for name, listing in LISTINGS.items():
        if os.environ.get("FENQI_WRITE_LISTING"):
            listing.write_text("\n".join([*now[name], ""]), encoding="utf-8")
        known = listing.read_text("utf-8").splitlines()
        assert now[name] == known, (
            f"other {name} are kept; if that is meant: FENQI_WRITE_LISTING=1 pytest tests/house/words_kept.py"
        )


def booked(connection: Connection) -> set[str]:
    """Each kind of entry: what it is about, the shape of its key, and the accounts it moves (+ debit, - credit)."""
    lines: dict[str, list[str]] = {}
    query = select(POSTING).order_by(POSTING.c.entry_id, POSTING.c.line)
    for row in connection.execute(query):
        kind = row.account_id.split(":")[1]
        about = shape(row.object_id or "-")
        lines.setdefault(row.entry_id, []).append(f"{'+' if row.amount > 0 else '-'}{kind} {about}")
    return {
        f"{row.mode} {row.kind} about {row.object_type} {shape(row.object_id)}, {shape(row.key)}: "
        + ", ".join(dict.fromkeys(lines[row.id]))
        for row in connection.execute(select(ENTRY))
    }


def words(connection: Connection) -> Iterator[str]:
    """The words of each column of text but those of one kind of identifier, and the fields of each column of JSON."""
    for table in metadata().sorted_tables:
        for column in table.columns:
            found = {
                word for (value,) in connection.execute(select(column).distinct()) for word in words_of(value)
            }
            if len(found) > 1 or not all(word.startswith("<") for word in found):
                yield f"{table.name}.{column.name}: {', '.join(sorted(found))}"


def words_of(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from (f"{shape(name)}=" for name in value)
    elif isinstance(value, list):
        yield from (word for one in value for word in words_of(one))
    elif isinstance(value, str) and not HASH.fullmatch(value) and WORD.fullmatch(shape(value)):
        yield shape(value)
