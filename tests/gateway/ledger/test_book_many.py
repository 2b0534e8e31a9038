"""Posting many at once ends like posting one after another: the same rows, ids for repetitions, and refusals."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from sqlalchemy import event

from gateway.core.tenant import Tenant
from gateway.db.guards import missing_guards
from gateway.ledger import service
from gateway.ledger.booking import postings
from gateway.ledger.booking.postings import Entries, credit, debit
from gateway.ledger.integrity.verify import verify
from gateway.ledger.service import Event, KeyConflict

SHOP = Tenant("mer_shop", "test")


def event_of(number: int, amount_fen: int = 500, **changes: Any) -> Event:
    lines = postings.government_subsidy(
        payment=f"pay_{number}", programme="phones_2026", merchant="mer_shop", amount_fen=amount_fen
    )
    made = Event("subsidy", ("payment", f"pay_{number}"), lines, on=date(2026, 11, 23))
    return replace(made, **changes)


def loop(tx: Any, events: list[Event]) -> list[str]:
    return [service.book(tx, SHOP, each) for each in events]


def rows(tx: Any) -> list[Any]:
    """What the tables say of every entry but its id, by mode and key; and the accounts."""
    query = """SELECT e.mode, e.key, e.kind, e.request_sha256, e.merchant_id, e.object_type, e.object_id,
                      e.effective_date, e.recorded_at, p.line, p.account_id, p.amount, p.object_id, s.lines, s.gross
                 FROM ledger_entry e JOIN ledger_posting p ON p.entry_id = e.id
                 JOIN ledger_seal s ON s.entry_id = e.id ORDER BY e.mode, e.key, p.line"""
    connection = tx.connection()
    accounts = connection.exec_driver_sql("SELECT * FROM ledger_account ORDER BY id").all()
    return [*connection.exec_driver_sql(query).all(), *accounts]


class GivenUp(Exception):
    """Raised by a caller that wants nothing kept."""


OF_ANOTHER = postings.government_subsidy(
    payment="pay_9", programme="phones_2026", merchant="mer_other", amount_fen=500
)
EVENTS = [
    *(event_of(number, 100 + number) for number in range(7)),
    event_of(3, 103),  # a repetition within the call
    event_of(8, request={"asked": 8}),
    event_of(8, 999, request={"asked": 8}, kind="subsidy"),  # the same request, met by other books
    event_of(2, 102),
]


def test_many_leave_the_same_rows_as_one_after_another(books: Any) -> None:
    one_by_one: list[Any] = []

    def post_and_give_up(tx: Any) -> None:
        loop(tx, EVENTS)
        one_by_one.extend(rows(tx))
        raise GivenUp

    with pytest.raises(GivenUp):
        books.db.write(post_and_give_up)
    assert books.counts() == (0, 0, 0, 0)
    ids = books.db.write(lambda tx: service.book_many(tx, SHOP, EVENTS))
    with books.db.read() as tx:
        assert rows(tx) == one_by_one
        assert verify(tx).ok
        assert missing_guards(tx.connection()) == []
    assert (ids[7], ids[10], ids[9]) == (ids[3], ids[2], ids[8])
    assert len(set(ids)) == len(EVENTS) - 3


@pytest.mark.parametrize("beforehand", [0, 1, 5])
def test_what_was_posted_before_keeps_its_entry(books: Any, beforehand: int) -> None:
    earlier = books.db.write(lambda tx: loop(tx, EVENTS[:beforehand]))
    ids = books.db.write(lambda tx: service.book_many(tx, SHOP, EVENTS))
    assert ids[:beforehand] == earlier
    before = books.counts()
    assert before[0] == len(EVENTS) - 3
    assert books.db.write(lambda tx: service.book_many(tx, SHOP, EVENTS)) == ids
    assert books.db.write(lambda tx: loop(tx, EVENTS)) == ids
    assert books.counts() == before


def test_more_than_one_statement_holds(books: Any) -> None:
    events = [event_of(number) for number in range(service.EVENTS_AT_ONCE + 3)]
    events.append(event_of(0))
    ids = books.db.write(lambda tx: service.book_many(tx, SHOP, events))
    assert ids[-1] == ids[0]
    assert books.counts()[0] == len(events) - 1


def test_nothing_is_a_valid_call(books: Any) -> None:
    assert books.db.write(lambda tx: service.book_many(tx, SHOP, [])) == []


@pytest.mark.parametrize(
    ("bad", "error"),
    [
        (event_of(3, 999), KeyConflict),  # differs from one earlier in the call
        (event_of(100, 999), KeyConflict),  # differs from one in the books
        (event_of(9, kind="Two words"), ValueError),
        (event_of(9, lines=OF_ANOTHER), ValueError),
        (event_of(9, lines=Entries(())), ValueError),
    ],
)
def test_one_bad_event_leaves_nothing_even_when_the_caller_goes_on(
    books: Any, bad: Event, error: type[Exception]
) -> None:
    books.db.write(lambda tx: service.book_many(tx, SHOP, [event_of(100)]))
    lines = Entries.balanced(debit("dispute_loss", 5, about="x"), credit("dispute_fee_income", 5, about="x"))
    opens_accounts = event_of(50, lines=lines)
    before = books.counts()

    def go_on(tx: Any) -> None:
        events = [opens_accounts, *EVENTS, *(event_of(number) for number in range(200, 800)), bad]
        with pytest.raises(error):
            service.book_many(tx, SHOP, events)

    books.db.write(go_on)
    assert books.counts() == before
    books.db.write(lambda tx: service.book_many(tx, SHOP, [opens_accounts]))
    assert books.counts() == (before[0] + 1, before[1] + 2, before[2] + 1, before[3] + 2)


def test_writers_of_the_same_events_in_different_orders_post_each_once(books: Any) -> None:
    events = [event_of(number, 100 + number) for number in range(60)]
    found: list[dict[Any, str]] = []

    def work(step: int) -> None:
        ordered = events[::step]
        for start in range(0, len(ordered), 20):
            part = ordered[start : start + 20]
            ids = books.db.write(lambda tx, part=part: service.book_many(tx, SHOP, part))
            found.append(dict(zip((each.about for each in part), ids, strict=True)))

    threads = [threading.Thread(target=work, args=(step,)) for step in (1, -1, 1, -1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 12
    assert len({(key, id) for part in found for key, id in part.items()}) == 60
    assert books.counts() == (60, 120, 60, 2)


def test_a_call_takes_a_few_statements_however_many_entries(books: Any) -> None:
    sent: list[str] = []
    for number in (-1, 0):  # the first opens the accounts, the second finds them committed
        books.db.write(lambda tx, n=number: service.book_many(tx, SHOP, [event_of(n)]))
    event.listen(books.db.engine, "before_cursor_execute", lambda *args: sent.append(args[2]))
    books.db.write(lambda tx: service.book_many(tx, SHOP, [event_of(number) for number in range(1, 400)]))
    inserts = [statement for statement in sent if "ledger_" in statement]
    assert len(inserts) == (3 if books.on_sqlite else 1), inserts
