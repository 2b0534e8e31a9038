"""What is kept of the institution's answers about a payout, and which amounts are a difference."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta
from itertools import product
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.dialects import sqlite

from gateway.settlement import payouts
from gateway.settlement.models import Payout
from gateway.settlement.service import problem_of

STATES = ("pending", "in_transit", "paid", "failed", "returned")
BEGIN = datetime(2026, 3, 2, 9, tzinfo=UTC)


def test_the_list_and_the_page_name_the_same_payouts() -> None:
    rows = list(product(STATES, (100,), (None, 0, 40, 100, 140)))
    query = str(
        select(payouts.DIFFERS).compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True})
    )
    with sqlite3.connect(":memory:") as connection:
        connection.execute("CREATE TABLE payout (status TEXT, amount_fen INTEGER, moved_fen INTEGER)")
        connection.executemany("INSERT INTO payout VALUES (?, ?, ?)", rows)
        listed = [bool(differs) for (differs,) in connection.execute(query)]
    said = [
        problem_of(_payout(status=status, amount_fen=amount, moved_fen=moved)) is not None
        for status, amount, moved in rows
    ]
    assert listed == said
    assert sum(said) == 2 * 2 + 3 + 3 + 3


def test_the_newest_twenty_answers_are_kept_and_the_same_one_is_counted() -> None:
    payout, tx = _payout(id="po_1"), _at(BEGIN)
    payouts.note(tx, payout, "accepted")
    first = BEGIN.isoformat(timespec="seconds")
    once = {"said": "accepted", "failure": None, "moved": None, "first_at": first, "last_at": first}
    assert payout.heard == [{**once, "times": 1}]

    later = BEGIN + timedelta(hours=1)
    payouts.note(_at(later), payout, "accepted")
    assert payout.heard == [{**once, "last_at": later.isoformat(timespec="seconds"), "times": 2}]

    for number in range(30):
        payouts.note(_at(later), payout, "failed", failure=f"reason {number}", moved_fen=number)
    assert [one["moved"] for one in payout.heard] == list(range(10, 30))
    assert [one["failure"] for one in payout.heard] == [f"reason {number}" for number in range(10, 30)]


@pytest.mark.parametrize("other", [{"said": "failed"}, {"failure": "x"}, {"moved_fen": 1}])
def test_an_answer_that_differs_in_anything_is_another_one(other: dict[str, Any]) -> None:
    payout, tx = _payout(id="po_1"), _at(BEGIN)
    same = {"said": "accepted", "failure": None, "moved_fen": None}
    payouts.note(tx, payout, **same)
    payouts.note(tx, payout, **{**same, **other})
    assert [one["times"] for one in payout.heard or []] == [1, 1]


def _payout(**values: Any) -> Payout:
    return Payout(**{"status": "in_transit", "amount_fen": 100, **values})


def _at(now: datetime) -> Any:
    return SimpleNamespace(now=now, add=lambda _: None)
