"""The same receipts end alike, in whatever order and on whatever day they are reported."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from gateway.core.calendar import shanghai_date
from gateway.db.transactions import Transaction
from gateway.payments.collections import service as collections
from gateway.process.daily import run_day
from gateway.process.worker import drain
from tests.depth import examples
from tests.gateway.books import Books
from tests.one_database import database_url  # noqa: F401 - the books machine reports late on both

pytestmark = pytest.mark.long(5)

DAYS = 100
RECEIPT = st.tuples(st.integers(0, DAYS), st.integers(1, 60_000) | st.integers(1, 3_000), st.integers(0, 60))
"""On which day after the capture it is received, how much (fen), and how many days later it is reported."""

BOOKED = text(
    "SELECT a.kind, SUM(p.amount) FROM ledger_posting p JOIN ledger_account a ON a.id = p.account_id"
    " WHERE p.object_id = :loan GROUP BY a.kind"
)
HELD = text(
    "SELECT SUM(held_fen) FROM credit_limit WHERE shopper_id IN (SELECT shopper_id FROM loan WHERE id = :loan)"
)


def repay(books: Books, loan: str, amount: int, on: date | str) -> dict[str, Any]:
    answer = books.post(f"/v1/test_helpers/loans/{loan}/repay", {"amount": amount, "received_on": str(on)})
    assert answer.status_code == 200, answer.text
    return answer.json


def report(books: Books, loan: str, reference: str, amount: int, on: date) -> None:
    """The same without the way through the API."""

    def receive(tx: Transaction) -> None:
        collections.receive(
            tx, books.tenant, loan_id=loan, amount_fen=amount, reference=reference, received_on=on
        )

    books.gateway.db.write(receive)


def missed(books: Books, term: int = 12, **order: Any) -> str:
    """A loan of which no collection works."""
    books.api.login()
    loan = books.api.captured(term, **order)["captures"][0]["loan"]
    books.post(f"/v1/test_helpers/loans/{loan}/miss", {"instalments": term})
    return loan


def standing(books: Books, loan: str) -> dict[str, Any]:
    """Everything that must not depend on the order of reports."""
    books.api.login()
    shown = books.api.get(f"/v1/loans/{loan}").json
    for name in ("id", "payment", "capture", "created_at", "contract_date"):
        del shown[name]
    with books.gateway.db.read() as tx:
        shown["booked"] = {
            kind: int(fen) for kind, fen in tx.connection().execute(BOOKED, {"loan": loan}) if fen
        }
        shown["held"] = tx.connection().execute(HELD, {"loan": loan}).scalar_one()
    return shown


def test_two_receipts_reported_the_other_way_round_end_as_they_came(
    books: Books, new_merchant: Callable[..., Any], app: Flask
) -> None:
    other = Books(app, new_merchant(), books.clock)
    books.jump_to("2027-01-10")
    x, y = missed(books), missed(other)
    books.jump_to("2027-02-25")
    books.api.login()
    assert books.api.get(f"/v1/loans/{x}").json["amount_due"] == 55_344
    receipts = [(30_000, "2027-02-11"), (25_186, "2027-02-25")]
    for amount, on in receipts:
        repay(books, x, amount, on)
    for amount, on in reversed(receipts):
        repay(other, y, amount, on)
    shown = standing(books, x)
    assert (shown["total_late_interest"], shown["amount_due"], shown["shopper_credit"]) == (187, 0, 0)
    assert (shown["status"], shown["bucket"], shown["bills"][0]["paid_on"]) == ("active", None, "2027-02-25")
    assert standing(other, y) == shown
    books.sound()


def test_money_reported_after_the_loan_has_ended_still_takes_late_interest_back(books: Books) -> None:
    loan = missed(books, 3)
    books.jump_to("2027-03-10")
    owed = books.post(f"/v1/test_helpers/loans/{loan}/repay").json
    assert owed["status"] == "settled"
    assert owed["total_late_interest"] > 0
    late, returned = owed["total_late_interest"], books.of("refund_in_transit")
    after = repay(books, loan, 100_000, "2026-12-23")
    assert (after["status"], after["shopper_credit"]) == ("settled", 0)
    assert after["total_late_interest"] < late
    saved = late - after["total_late_interest"]
    assert books.of("refund_in_transit") - returned == 100_000 + saved, "all of it is the shopper's"
    books.work()
    books.sound()


@pytest.mark.slow
def test_receipts_in_random_order_end_alike(app: Flask, new_merchant: Callable[..., Any], clock: Any) -> None:
    @settings(
        max_examples=examples(2, deep=40),
        deadline=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(receipts=st.lists(RECEIPT, min_size=2, max_size=7), data=st.data())
    def run(receipts: list[tuple[int, int, int]], data: st.DataObject) -> None:
        in_any_order = data.draw(st.permutations(range(len(receipts))))
        # As they came; each a while later; all at the end, in any order.
        plans = [
            [(day, number) for number, (day, _, _) in enumerate(receipts)],
            [(min(day + delay, DAYS), number) for number, (day, _, delay) in enumerate(receipts)],
            [(DAYS, number) for number in in_any_order],
        ]
        sides = [Books(app, new_merchant(), clock) for _ in plans]
        loans = [missed(side, 3, amount=120_000) for side in sides]
        start = shanghai_date(clock())
        for day in range(DAYS + 1):
            for side, loan, plan in zip(sides, loans, plans, strict=True):
                reported = [number for on, number in plan if on == day]
                if reported or day % 33 == 0:
                    run_day(side.gateway, side.tenant)
                    while drain(app.extensions["fenqi"]):
                        pass
                for number in reported:
                    received, amount, _ = receipts[number]
                    report(side, loan, f"{loan}:{number}", amount, start + timedelta(days=received))
            clock.advance(days=1)
        for side in sides:
            run_day(side.gateway, side.tenant)
        first, *others = [standing(side, loan) for side, loan in zip(sides, loans, strict=True)]
        for other in others:
            assert other == first
        sides[0].sound()

    run()
