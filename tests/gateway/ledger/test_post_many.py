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
from gateway.ledger import postings, service
from gateway.ledger.postings import Entries, credit, debit
from gateway.ledger.service import Draft, KeyConflict
from gateway.ledger.verify import verify

SHOP, LIVE = Tenant("mer_shop", "test"), Tenant("mer_shop", "live")


def draft(number: int, amount_fen: int = 500, **changes: Any) -> Draft:
    lines = postings.government_subsidy(
        payment=f"pay_{number}", programme="phones_2026", merchant="mer_shop", amount_fen=amount_fen
    )
    made = Draft("subsidy", f"subsidy:{number}", SHOP, lines, "payment", f"pay_{number}", date(2026, 11, 23))
    return replace(made, **changes)


def loop(tx: Any, drafts: list[Draft]) -> list[str]:
    return [service.post(tx, **{name: getattr(d, name) for name in d.__slots__}) for d in drafts]


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


DRAFTS = [
    *(draft(number, 100 + number) for number in range(7)),
    draft(3, 103),  # a repetition within the call
    draft(1, tenant=LIVE),
    draft(8, request={"asked": 8}),
    draft(8, 999, request={"asked": 8}, kind="subsidy"),  # the same request, met by other books
    draft(2, 102),
]


def test_many_leave_the_same_rows_as_one_after_another(books: Any) -> None:
    one_by_one: list[Any] = []

    def post_and_give_up(tx: Any) -> None:
        loop(tx, DRAFTS)
        one_by_one.extend(rows(tx))
        raise GivenUp

    with pytest.raises(GivenUp):
        books.db.write(post_and_give_up)
    assert books.counts() == (0, 0, 0, 0)
    ids = books.db.write(lambda tx: service.post_many(tx, DRAFTS))
    with books.db.read() as tx:
        assert rows(tx) == one_by_one
        assert verify(tx).ok
        assert missing_guards(tx.connection()) == []
    assert (ids[7], ids[11], ids[10]) == (ids[3], ids[2], ids[9])
    assert len(set(ids)) == len(DRAFTS) - 3


@pytest.mark.parametrize("beforehand", [0, 1, 5])
def test_what_was_posted_before_keeps_its_entry(books: Any, beforehand: int) -> None:
    earlier = books.db.write(lambda tx: loop(tx, DRAFTS[:beforehand]))
    ids = books.db.write(lambda tx: service.post_many(tx, DRAFTS))
    assert ids[:beforehand] == earlier
    before = books.counts()
    assert before[0] == len(DRAFTS) - 3
    assert books.db.write(lambda tx: service.post_many(tx, DRAFTS)) == ids
    assert books.db.write(lambda tx: loop(tx, DRAFTS)) == ids
    assert books.counts() == before


def test_more_than_one_statement_holds(books: Any) -> None:
    drafts = [draft(number) for number in range(service.DRAFTS_AT_ONCE + 3)]
    drafts.append(draft(0))
    ids = books.db.write(lambda tx: service.post_many(tx, drafts))
    assert ids[-1] == ids[0]
    assert books.counts()[0] == len(drafts) - 1


def test_nothing_is_a_valid_call(books: Any) -> None:
    assert books.db.write(lambda tx: service.post_many(tx, [])) == []


@pytest.mark.parametrize(
    ("bad", "error"),
    [
        (draft(3, 999), KeyConflict),  # differs from one earlier in the call
        (draft(100, 999), KeyConflict),  # differs from one in the books
        (draft(9, kind="Two words"), ValueError),
        (draft(9, tenant=Tenant("mer_other", "test")), ValueError),
        (draft(9, lines=Entries(())), ValueError),
    ],
)
def test_one_bad_draft_leaves_nothing_even_when_the_caller_goes_on(
    books: Any, bad: Draft, error: type[Exception]
) -> None:
    books.db.write(lambda tx: service.post_many(tx, [draft(100)]))
    lines = Entries.balanced(debit("dispute_loss", 5, about="x"), credit("dispute_fee_income", 5, about="x"))
    opens_accounts = draft(50, lines=lines)
    before = books.counts()

    def go_on(tx: Any) -> None:
        drafts = [opens_accounts, *DRAFTS, *(draft(number) for number in range(200, 800)), bad]
        with pytest.raises(error):
            service.post_many(tx, drafts)

    books.db.write(go_on)
    assert books.counts() == before
    books.db.write(lambda tx: service.post_many(tx, [opens_accounts]))
    assert books.counts() == (before[0] + 1, before[1] + 2, before[2] + 1, before[3] + 2)


def test_writers_of_the_same_events_in_different_orders_post_each_once(books: Any) -> None:
    drafts = [draft(number, 100 + number) for number in range(60)]
    found: list[dict[str, str]] = []

    def work(step: int) -> None:
        ordered = drafts[::step]
        for start in range(0, len(ordered), 20):
            part = ordered[start : start + 20]
            ids = books.db.write(lambda tx, part=part: service.post_many(tx, part))
            found.append(dict(zip((d.key for d in part), ids, strict=True)))

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
        books.db.write(lambda tx, n=number: service.post_many(tx, [draft(n)]))
    event.listen(books.db.engine, "before_cursor_execute", lambda *args: sent.append(args[2]))
    books.db.write(lambda tx: service.post_many(tx, [draft(number) for number in range(1, 400)]))
    inserts = [statement for statement in sent if "ledger_" in statement]
    assert len(inserts) == (3 if books.on_sqlite else 1), inserts
