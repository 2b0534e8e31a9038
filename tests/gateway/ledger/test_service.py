"""Posting, reversing and reading, through the public functions, on both databases."""

from __future__ import annotations

import threading
from datetime import date
from typing import Any

import pytest

from gateway.core.tenant import Tenant
from gateway.db.transactions import READ_COMMITTED
from gateway.errors import NotFound
from gateway.ledger import service
from gateway.ledger.booking import postings
from gateway.ledger.booking.postings import Entries, Event, credit, debit
from gateway.ledger.service import AlreadyReversed, KeyConflict

DAY = date(2026, 11, 23)


def subsidy(amount_fen: int, merchant: str = "mer_shop") -> Entries:
    return postings.government_subsidy(
        payment="pay_1", programme="phones_2026", merchant=merchant, amount_fen=amount_fen
    )


def test_a_capture_is_owed_to_the_merchant_at_once(books: Any) -> None:
    books.capture(599_900)
    assert books.balances() == {
        "merchant_pending": 593_901,
        "merchant_staged": 0,
        "merchant_available": 0,
        "merchant_reserve": 0,
        "dispute_hold": 0,
        "merchant_receivable": 0,
    }
    with books.db.read() as tx:
        assert service.balance_of(tx, "test", "loan_principal", "demo_bank") == 599_900
        assert service.balance_of(tx, "test", "vat_payable") == 599
        assert service.balance_of(tx, "live", "vat_payable") == 0


def test_the_same_event_again_is_the_same_entry(books: Any) -> None:
    first = books.post(subsidy(500), key="subsidy:1", about_id="pay_1")
    before = books.counts()
    assert books.post(subsidy(500), key="subsidy:1", about_id="pay_1") == first
    assert books.counts() == before


@pytest.mark.parametrize(
    "changes",
    [
        {"lines": subsidy(501)},
        {"about_id": "pay_2"},
        {"kind": "other"},
        {"day": date(2026, 11, 24)},
        {
            "lines": Entries.balanced(
                debit("dispute_loss", 5, about="x"), credit("dispute_fee_income", 5, about="x")
            )
        },
    ],
)
def test_another_event_under_a_known_key_is_refused_and_changes_nothing(
    books: Any, changes: dict[str, Any]
) -> None:
    same = {"lines": subsidy(500), "key": "subsidy:1", "about_id": "pay_1"}
    books.post(**same)
    before = books.counts()
    with pytest.raises(KeyConflict, match=r"subsidy:1.*differs"):
        books.post(**{**same, **changes})
    assert books.counts() == before


def test_with_the_request_given_a_repetition_may_meet_other_books(books: Any) -> None:
    first = books.post(subsidy(500), key="k", about_id="pay_1", request={"amount": 500})
    assert books.post(subsidy(700), key="k", about_id="pay_1", request={"amount": 500}) == first
    with pytest.raises(KeyConflict):
        books.post(subsidy(500), key="k", about_id="pay_1", request={"amount": 700})


def test_one_key_serves_test_and_live_without_meeting(books: Any) -> None:
    test = books.post(subsidy(500), key="k")
    live = books.post(subsidy(700), key="k", tenant=Tenant("mer_shop", "live"))
    assert test != live
    assert books.balances()["merchant_pending"] == 500


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"lines": Entries(())}, "at least two lines"),
        ({"lines": subsidy(5, merchant="mer_other")}, "mer_other in an entry of mer_shop"),
        ({"kind": "Two words"}, "must be lowercase"),
        ({"key": "with space"}, "not a valid identifier"),
        ({"key": "x" * 201}, "not a valid identifier"),
        ({"about_id": "a\nb"}, "not a valid identifier"),
    ],
)
def test_what_cannot_be_an_entry_is_refused_and_changes_nothing(
    books: Any, changes: dict[str, Any], says: str
) -> None:
    before = books.counts()
    with pytest.raises(ValueError, match=says):
        books.post(**{"lines": subsidy(500), **changes})
    assert books.counts() == before


def test_what_is_not_committed_was_never_posted(books: Any) -> None:
    def fail(tx: Any) -> None:
        post(tx, "k1")
        raise RuntimeError("the caller gave up")

    with pytest.raises(RuntimeError):
        books.db.write(fail)
    assert books.counts() == (0, 0, 0, 0)
    # Nor does anything remember accounts that were never there.
    assert books.db.write(lambda tx: post(tx, "k1"))
    assert books.counts() == (1, 2, 1, 2)


def test_a_reversal_brings_every_balance_back_once(books: Any) -> None:
    books.capture(100_000)
    before = books.balances()
    wrong = books.capture(599_900)
    reversal = books.db.write(lambda tx: service.reverse(tx, wrong, key="undo"))
    assert books.balances() == before
    assert books.db.write(lambda tx: service.reverse(tx, wrong, key="undo")) == reversal
    counts = books.counts()
    with pytest.raises(AlreadyReversed, match="was reversed before"):
        books.db.write(lambda tx: service.reverse(tx, wrong, key="undo_again"))
    with pytest.raises(AlreadyReversed, match=f"reverses {wrong}"):
        books.db.write(lambda tx: service.reverse(tx, reversal, key="redo"))
    with pytest.raises(NotFound):
        books.db.write(lambda tx: service.reverse(tx, "ent_none", key="undo_none"))
    assert books.counts() == counts


def test_a_reversal_is_dated_today_in_shanghai_and_names_its_entry(books: Any) -> None:
    wrong = books.capture(day=date(2026, 11, 1), about_id="pay_9")
    books.db.write(lambda tx: service.reverse(tx, wrong, key="undo"))
    with books.db.read() as tx:
        first, second = service.entries_about(tx, books.tenant, ["pay_9"])
    assert (second.kind, second.reverses, second.effective_date) == ("capture_reversed", wrong, DAY)
    assert [-line.amount_fen for line in second.lines] == [line.amount_fen for line in first.lines]


def test_a_reversal_cannot_take_a_key_that_is_in_use(books: Any) -> None:
    wrong = books.capture(key="capture:1")
    with pytest.raises(KeyConflict):
        books.db.write(lambda tx: service.reverse(tx, wrong, key="capture:1"))


def test_lines_of_a_merchant_are_its_own_newest_first_page_by_page(a_week: Any) -> None:
    books = a_week
    books.post(subsidy(9, merchant="mer_other"), tenant=Tenant("mer_other", "test"))
    books.post(subsidy(9), tenant=Tenant("mer_shop", "live"))
    with books.db.read() as tx:
        everything = service.lines_of(tx, books.tenant, limit=100)
        paged, before = [], None
        while page := service.lines_of(tx, books.tenant, limit=3, before=before):
            paged += page
            before = (page[-1].entry_id, page[-1].line)
    assert paged == everything
    places = [(line.entry_id, line.line) for line in everything]
    assert places == sorted(places, reverse=True)
    balances = books.balances()
    owed = sum(balances.values()) - 2 * balances["merchant_receivable"]
    assert sum(line.amount_fen for line in everything) == owed > 0


def test_lines_are_found_by_day_and_by_object(a_week: Any) -> None:
    with a_week.db.read() as tx:
        settled = service.lines_of(
            tx, a_week.tenant, start=date(2026, 11, 24), end=date(2026, 11, 24), limit=100
        )
        about = service.lines_of(tx, a_week.tenant, object_ids=["po_1", "po_2"], limit=100)
        nothing = service.lines_of(tx, a_week.tenant, start=date(2027, 1, 1), limit=100)
    assert {line.kind for line in settled} == {"settlement", "payout_instructed"}
    assert [line.amount_fen for line in about] == [-50_000, -300_000]
    assert nothing == []


def test_entries_about_an_object_come_whole_and_only_to_their_merchant(a_week: Any) -> None:
    with a_week.db.read() as tx:
        instructed, confirmed = service.entries_about(tx, a_week.tenant, ["po_1"])
        assert service.entries_about(tx, Tenant("mer_other", "test"), ["po_1"]) == []
        assert service.entries_about(tx, Tenant("mer_shop", "live"), ["po_1"]) == []
        assert service.entries_about(tx, a_week.tenant, []) == []
    assert [line.account for line in instructed.lines] == ["merchant_available", "payout_in_transit"]
    assert confirmed.kind == "payout_confirmed"
    assert sum(line.amount_fen for line in confirmed.lines) == 0


def test_many_writers_post_each_event_exactly_once(books: Any) -> None:
    """Four threads post the same twenty events, each the first of its kind somewhere."""
    failures: list[Exception] = []

    def work() -> None:
        for number in range(20):
            try:
                books.db.write(lambda tx, n=number: post(tx, f"k{n}", amount_fen=n + 1))
            except Exception as error:
                failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert books.counts() == (20, 40, 20, 2)
    assert books.balances()["merchant_pending"] == sum(range(1, 21))


def test_a_balance_that_was_locked_is_still_true_when_it_is_spent(books: Any) -> None:
    """Eight threads spend an available balance that is enough for five; none goes below zero."""
    shop = books.tenant.merchant_id
    books.post(
        Entries.balanced(
            debit("funder_clearing", 500, owner="demo_bank", about="x"),
            credit("merchant_available", 500, owner=shop, about="x"),
        )
    )

    def spend(tx: Any, number: int) -> None:
        service.lock_accounts(tx, books.tenant)
        if service.balances(tx, books.tenant)["merchant_available"] >= 100:
            lines = postings.payout_instructed(
                payout=f"po_{number}", institution="payment_institution", merchant=shop, amount_fen=100
            )
            post(tx, f"payout:{number}", lines=lines)

    threads = [
        threading.Thread(target=books.db.write, args=(lambda tx, n=n: spend(tx, n), READ_COMMITTED))
        for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert books.balances()["merchant_available"] == 0
    assert books.counts()[0] == 6


def post(tx: Any, key: str, amount_fen: int = 500, lines: Entries | None = None) -> str:
    event = Event("subsidy", ("payment", "pay_1"), lines or subsidy(amount_fen), key=key, on=DAY)
    return service.book(tx, Tenant("mer_shop", "test"), event)
