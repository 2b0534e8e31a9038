"""Every report of one small book, word for word.

Its names of columns, its days, its signs and its order are read by tools that nobody here sees.

``FENQI_WRITE_LISTING=1 pytest tests/gateway/ledger/test_reports_of_a_week.py`` writes the listing.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

from gateway.ledger import commands, service
from gateway.ledger.integrity import chain
from gateway.ledger.reports.export import Span, export
from tests.one_database import database_url  # noqa: F401

LISTING = Path(__file__).with_name("reports_of_a_week.txt")
SECOND_DAY = date(2026, 11, 24)
SPANS = {
    "all": Span(),
    "from the second day": Span(start=SECOND_DAY),
    "to it": Span(end=SECOND_DAY, mode="test"),
}


def test_every_report_of_a_week_is_that_of_the_listing(a_week: Any, capsys: Any) -> None:
    chain.extend(a_week.db)
    capsys.readouterr()
    now = [line for title, text in _reports(a_week, capsys) for line in (f"== {title}", *text.splitlines())]
    if os.environ.get("FENQI_WRITE_LISTING"):
        LISTING.write_text("\n".join([*now, ""]), encoding="utf-8")
    assert now == LISTING.read_text("utf-8").splitlines()


def _reports(books: Any, capsys: Any) -> Iterator[tuple[str, str]]:
    for format in ("hledger", "beancount", "csv"):
        for name, span in SPANS.items():
            with books.db.read() as tx:
                written = export(tx, out := io.BytesIO(), format=format, span=span)
            yield f"{format}, {name}: {asdict(written)}", out.getvalue().decode("utf-8-sig")
    for as_json in (False, True):
        commands.verify(books.db, as_json=as_json)
        commands.trial_balance(books.db, as_json=as_json)
        yield f"verify and trial balance, as_json={as_json}", capsys.readouterr().out
    commands.trial_balance(books.db, end=SECOND_DAY)
    yield "trial balance of the second day", capsys.readouterr().out
    with books.db.read() as tx:
        lines = service.lines_of(tx, books.tenant, start=SECOND_DAY, limit=100)
        yield "lines of the merchant", "\n".join(map(str, lines))
        about = service.entries_about(tx, books.tenant, sorted({line.about_id for line in lines}))
        yield (
            "entries about them",
            "\n".join(str(line) for entry in about for line in (entry.kind, *entry.lines)),
        )
