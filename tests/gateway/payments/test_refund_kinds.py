"""The kind of a refund decides what comes back; a whole return inside 7 days is unwound, whatever the kind."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import col, select

from gateway.ledger import service as ledger
from gateway.ledger.integrity.verify import verify
from gateway.payments.collections import shopper_returns
from gateway.payments.models import Capture, ShopperReturn
from gateway.payments.refunds.kinds import COMES_BACK
from gateway.payments.refunds.shares import fee_returned_fen, return_fee
from gateway.proof.book_agreements import AGREEMENTS
from tests.by_force import by_force
from tests.gateway.books import Books
from tests.one_database import database_url  # noqa: F401 - the books machine refunds by every kind on both

PLAIN_KINDS = sorted(set(COMES_BACK) - {"unwind"})
PROGRAMME = "trade_in_2026"
LEFT = (
    "loan_principal",
    "merchant_fee_income",
    "vat_payable",
    "interest_income",
    "fee_income",
    "unearned_merchant_subsidy",
    "merchant_subsidy_income",
    "shopper_credit",
    "refund_in_transit",
)


def refunded(books: Books, payment: dict[str, Any], kind: str, amount: int | None = None) -> dict[str, Any]:
    body = {"payment": payment["id"], "kind": kind, "reason": "x"}
    answer = books.post("/v1/refunds", body if amount is None else {**body, "amount": amount})
    assert answer.status_code == 201, answer.text
    return answer.json


def with_trade_in(books: Books, count: int = 1) -> list[dict[str, Any]]:
    """Phones of 5,999.00 yuan, each with a subsidy of 500.00 yuan, captured, their 7 days over."""
    item = {"name": "Phone", "quantity": 1, "unit_price": 599_900, "subsidy_category": "phone"}
    subsidy = {"programme": PROGRAMME, "amount": 50_000}
    payments = [
        books.api.captured(12, amount=549_900, items=[item], government_subsidy=subsidy) for _ in range(count)
    ]
    books.pass_days(8)
    books.api.login()
    return payments


def programme_owes(books: Books) -> int:
    with books.gateway.db.read() as tx:
        return ledger.balance_of(tx, "test", "subsidy_receivable", PROGRAMME)


def accounts(books: Books) -> dict[str, int]:
    return {kind: books.of(kind) for kind in LEFT}


def test_fee_and_trade_in_subsidy_come_back_as_the_table_says(books: Books) -> None:
    for kind, payment in zip(PLAIN_KINDS, with_trade_in(books, len(PLAIN_KINDS)), strict=True):
        fee, owed = payment["captures"][0]["merchant_fee"], programme_owes(books)
        refund = refunded(books, payment, kind, 109_980)
        assert refund["kind"] == kind
        assert refund["merchant_fee_returned"] == (round(fee / 5) if COMES_BACK[kind].merchant_fee else 0)
        assert owed - programme_owes(books) == (10_000 if COMES_BACK[kind].trade_in_subsidy else 0)
        assert books.loan(payment)["outstanding_principal"] == 439_920
    books.sound()


def test_the_unearned_subsidy_comes_back_as_the_table_says(books: Books) -> None:
    payments = [books.api.captured(3, terms=[3]) for _ in PLAIN_KINDS]
    subsidy = payments[0]["captures"][0]["merchant_subsidy"]
    assert subsidy > 0
    books.pass_days(8)
    for kind, payment in zip(PLAIN_KINDS, payments, strict=True):
        earned, unearned = books.of("merchant_subsidy_income"), books.of("unearned_merchant_subsidy")
        refund = refunded(books, payment, kind)
        back = COMES_BACK[kind].merchant_subsidy
        assert refund["merchant_subsidy_returned"] == (subsidy if back else 0)
        assert books.of("merchant_subsidy_income") - earned == (0 if back else subsidy)
        assert unearned - books.of("unearned_merchant_subsidy") == subsidy
    assert books.of("unearned_merchant_subsidy") == 0
    books.sound()


def test_late_interest_on_the_refunded_part_is_waived_as_the_table_says(books: Books) -> None:
    payments = [books.api.captured(3) for _ in PLAIN_KINDS]
    for payment in payments:
        books.post(f"/v1/test_helpers/loans/{payment['captures'][0]['loan']}/miss", {"instalments": 1})
    books.until("2026-12-30")
    for kind, payment in zip(PLAIN_KINDS, payments, strict=True):
        late = books.loan(payment)["total_late_interest"]
        assert late > 0
        refunded(books, payment, kind)
        loan = books.loan(payment)
        assert loan["outstanding_principal"] == 0
        assert loan["total_late_interest"] == (0 if COMES_BACK[kind].late_interest else late)
        assert loan["status"] == ("refunded" if COMES_BACK[kind].late_interest else "overdue")
    books.sound()


def test_any_split_of_a_kind_ends_like_the_whole(books: Books) -> None:
    splits = ([None], [1, 549_899], [123_457, 200_001, 226_442])
    payments = iter(with_trade_in(books, len(PLAIN_KINDS) * len(splits)))
    for kind in PLAIN_KINDS:
        whole, *others = [ended_by(books, next(payments), kind, parts) for parts in splits]
        for other in others:
            assert other == whole, kind
    books.sound()


def ended_by(books: Books, payment: dict[str, Any], kind: str, parts: list[Any]) -> dict[str, Any]:
    """What refunds of a kind moved between them, and how the loan ended."""
    before, owed = accounts(books), programme_owes(books)
    rows = [refunded(books, payment, kind, part) for part in parts]
    names = ("loan_reduction", "returned_to_shopper", "merchant_fee_returned", "amount")
    return {
        **{name: sum(row[name] for row in rows) for name in names},
        **{name: fen - before[name] for name, fen in accounts(books).items()},
        "programme": programme_owes(books) - owed,
        "status": books.loan(payment)["status"],
    }


@given(
    fee=st.integers(0, 500_000),
    parts=st.lists(st.tuples(st.integers(1, 900_000), st.booleans()), min_size=1, max_size=8),
)
def test_no_mix_of_kinds_returns_more_than_the_fee(fee: int, parts: list[tuple[int, bool]]) -> None:
    amount = sum(part for part, _ in parts)
    fee = min(fee, amount)
    facts = {"amount_fen": amount, "refunded_fen": 0, "merchant_fee_fen": fee, "refunded_with_fee_fen": 0}
    capture = Capture(**facts)
    returned = [return_fee(capture, part) for part, with_fee in parts if with_fee]
    assert all(0 <= back.vat_fen <= back.fee_fen for back in returned)
    assert sum(back.fee_fen for back in returned) == fee_returned_fen(capture) <= fee
    if all(with_fee for _, with_fee in parts):
        assert sum(back.fee_fen for back in returned) == fee


def test_the_whole_subsidy_is_back_when_all_goods_are_whatever_was_given_before(books: Books) -> None:
    (payment,) = with_trade_in(books)
    refunded(books, payment, "goodwill", 10_000)
    assert programme_owes(books) == 50_000
    refunded(books, payment, "return", 100_001)
    refunded(books, payment, "price_adjustment", 7)
    refunded(books, payment, "return")
    assert programme_owes(books) == 0
    fee = payment["captures"][0]["merchant_fee"]
    assert 0 < books.of("merchant_fee_income") + books.of("vat_payable") < fee, "the gift's part stays"
    books.sound()


def test_a_whole_return_inside_the_window_is_unwound_whatever_the_kind(books: Books) -> None:
    for kind in sorted(COMES_BACK):
        payment = books.api.captured(12)
        refund = refunded(books, payment, kind)
        assert (refund["kind"], refund["merchant_fee_returned"]) == ("unwind", 3_599)
        assert books.loan(payment)["status"] == "unwound"
        assert not any(accounts(books).values())
        assert books.limit_held() == 0
    books.sound()


def test_received_on_day_33_and_returned_on_day_35_costs_the_shopper_nothing(books: Books) -> None:
    payment = books.api.captured(12)
    books.pass_days(33)
    paid = books.loan(payment)["schedule"][0]["payment"]
    books.api.login()
    reported = books.api.call(
        "PATCH",
        f"/v1/payments/{payment['id']}",
        {"shipping": {"delivered_at": books.clock.now.isoformat()}},
    )
    assert reported.json["captures"][0]["return_until"] == "2027-01-02"
    books.pass_days(2)
    refund = refunded(books, payment, "return")
    assert (refund["kind"], refund["returned_to_shopper"]) == ("unwind", paid), "interest, too"
    books.work()
    assert not any(accounts(books).values())
    books.sound()


@pytest.mark.parametrize("term", [3, 12])
@pytest.mark.parametrize("kind", ["return", "goodwill"])
def test_a_receipt_that_is_reported_after_the_refund_ends_alike(books: Books, kind: str, term: int) -> None:
    """Received on day 33, returned on day 35, and the shop's store says so on day 40 only."""
    payment = books.api.captured(term)
    books.pass_days(33)
    received = books.clock.now.isoformat()
    books.pass_days(2)
    first = refunded(books, payment, kind)
    assert first["kind"] == kind, "as far as is known, the window is over"
    books.pass_days(5)
    books.api.login()
    path, body = f"/v1/payments/{payment['id']}", {"shipping": {"delivered_at": received}}
    assert books.api.call("PATCH", path, body).status_code == 200
    assert books.api.call("PATCH", path, body).status_code == 200, "and once more"
    books.work()
    capture = payment["captures"][0]
    refund = books.api.get(f"/v1/refunds/{first['id']}").json
    assert (refund["kind"], refund["status"]) == ("unwind", "succeeded")
    assert refund["merchant_fee_returned"] == capture["merchant_fee"]
    assert refund["merchant_subsidy_returned"] == capture["merchant_subsidy"]
    assert refund["returned_to_shopper"] == payment["plan"]["schedule"][0]["payment"]
    assert books.loan(payment)["status"] == "unwound"
    assert not any(accounts(books).values())
    assert books.limit_held() == 0
    books.pass_days(2)
    merchant = books.of("merchant_available") - books.of("merchant_receivable")
    assert merchant == -books.of("funder_clearing"), "what was paid out is owed, and nothing else is left"
    books.sound()


def test_a_refund_that_waits_for_two_returns_is_decided_with_the_last(books: Books) -> None:
    """Paid in full, refunded, and unwound by a late report before the shopper has the money of the refund."""
    payment = books.api.captured(12)
    books.pass_days(20)
    loan = payment["captures"][0]["loan"]
    settled = books.post(f"/v1/test_helpers/loans/{loan}/repay", {"early_settlement": True})
    paid = settled.json["total_payment"]
    received = books.clock.now.isoformat()
    first = refunded(books, payment, "return")
    assert (first["status"], first["returned_to_shopper"]) == ("pending", 599_900)
    books.api.login()
    path, body = f"/v1/payments/{payment['id']}", {"shipping": {"delivered_at": received}}
    assert books.api.call("PATCH", path, body).status_code == 200
    assert books.of("refund_in_transit") == paid > 599_900
    books.sound()
    states = []
    with books.gateway.db.read() as tx:
        waiting = tx.exec(select(ShopperReturn.id).order_by(col(ShopperReturn.id))).all()
    for each in waiting:
        books.gateway.db.write(partial(shopper_returns.confirm, return_id=each))
        states.append(books.api.get(f"/v1/refunds/{first['id']}").json["status"])
        books.sound()
    assert states == ["pending", "succeeded"]
    events = books.api.get("/v1/events?type=refund.succeeded").json["data"]
    assert [event["data"]["id"] for event in events] == [first["id"]], "and told once"
    assert not any(accounts(books).values())


def test_a_refund_of_two_captures_is_in_transit_for_both_and_must_be_what_its_return_says(
    books: Books,
) -> None:
    payment = books.api.approved(3)
    for amount in (300_000, 299_900):
        payment = books.post(f"/v1/payments/{payment['id']}/capture", {"amount": amount}).json
    books.pass_days(20)
    for capture in payment["captures"]:
        books.post(f"/v1/test_helpers/loans/{capture['loan']}/repay", {"early_settlement": True})
    refund = refunded(books, payment, "return", 400_000)
    assert refund["returned_to_shopper"] == books.of("refund_in_transit") == 400_000
    books.sound()
    tampered = "UPDATE shopper_return SET amount_fen = amount_fen - 1"
    books.gateway.db.write(lambda tx: by_force(tx.connection(), tampered))
    with books.gateway.db.read() as tx:
        broken = [check for check in verify(tx, AGREEMENTS).checks if not check.ok]
    assert [(check.name, check.first) for check in broken] == [("returns_in_transit", refund["id"])]


@pytest.mark.parametrize("kinds", [["return", "return"], ["price_adjustment", "goodwill", "return"]])
@pytest.mark.parametrize("paid", [0, 60_000])
def test_refunds_that_add_up_to_a_whole_return_inside_the_window_end_alike(
    books: Books, kinds: list[str], paid: int
) -> None:
    payment = books.api.captured(12)
    if paid:
        books.post(f"/v1/test_helpers/loans/{payment['captures'][0]['loan']}/repay", {"amount": paid})
    books.pass_days(2)
    for kind in kinds[:-1]:
        assert refunded(books, payment, kind, 100_000)["kind"] == kind
    last = refunded(books, payment, kinds[-1])
    assert (last["kind"], last["returned_to_shopper"]) == ("unwind", paid)
    books.work()
    assert not any(accounts(books).values())
    assert books.limit_held() == 0
    assert books.loan(payment)["status"] == "unwound"
    books.pass_days(2)
    merchant = books.of("merchant_available") - books.of("merchant_receivable")
    assert merchant == -books.of("funder_clearing"), "what was paid out is owed, and nothing else is left"
    books.sound()


@pytest.mark.parametrize("arrives", [True, False])
def test_money_that_went_back_before_is_not_sent_twice(books: Books, arrives: bool) -> None:
    """The loan is paid in full on its first day; a partial refund goes back to the shopper, then the goods do."""
    payment = books.api.captured(12)
    loan = payment["captures"][0]["loan"]
    books.post(f"/v1/test_helpers/loans/{loan}/repay", {"early_settlement": True})
    first = refunded(books, payment, "price_adjustment", 100_000)
    assert (first["returned_to_shopper"], first["status"]) == (100_000, "pending")
    if arrives:
        books.work()
    last = refunded(books, payment, "return")
    assert (last["kind"], last["amount"], last["returned_to_shopper"]) == ("unwind", 499_900, 499_900)
    books.work()
    assert not any(accounts(books).values())
    for refund in (first, last):
        assert books.api.get(f"/v1/refunds/{refund['id']}").json["status"] == "succeeded"
    books.sound()


def test_of_two_parcels_only_the_one_inside_its_window_is_unwound(books: Books) -> None:
    payment = books.api.approved(12)
    books.post(f"/v1/payments/{payment['id']}/capture", {"amount": 300_000})
    books.pass_days(9)
    payment = books.post(f"/v1/payments/{payment['id']}/capture").json
    asked = {"payment": payment["id"], "kind": "unwind", "reason": "x"}
    books.api.login()
    assert books.api.post("/v1/refunds", asked).json["code"] == "outside_return_window"
    refund = refunded(books, payment, "return")
    assert (refund["kind"], refund["amount"], refund["merchant_fee_returned"]) == ("return", 599_900, 3_599)
    states = [books.api.get(f"/v1/loans/{capture['loan']}").json["status"] for capture in payment["captures"]]
    assert states == ["refunded", "unwound"]
    assert books.limit_held() == 0
    books.sound()


@pytest.mark.parametrize("agreed", [False, True])
def test_a_refund_after_a_lost_dispute_is_not_unwound(books: Books, agreed: bool) -> None:
    payment = books.api.captured(12)
    dispute = books.post("/v1/test_helpers/disputes", {"payment": payment["id"], "amount": 1_000}).json
    if agreed:
        assert books.post(f"/v1/disputes/{dispute['id']}/accept").json["status"] == "accepted"
    else:
        books.post(f"/v1/test_helpers/disputes/{dispute['id']}/resolve", {"outcome": "lost"})
    asked = books.post("/v1/refunds", {"payment": payment["id"], "kind": "unwind", "reason": "x"})
    assert (asked.status_code, asked.json["dispute"]) == (409, dispute["id"])
    refund = refunded(books, payment, "return")
    assert refund["kind"] == "return"
    assert 3_599 - refund["merchant_fee_returned"] == 6, "the fee of a lost dispute stays"
    books.sound()


def test_late_interest_that_comes_back_pays_principal_which_may_be_borrowed_again(books: Books) -> None:
    payment = books.api.captured(3)
    loan = payment["captures"][0]["loan"]
    books.post(f"/v1/test_helpers/loans/{loan}/miss", {"instalments": 2})
    books.pass_days(55)
    due = books.loan(payment)["amount_due"]
    assert books.post(f"/v1/test_helpers/loans/{loan}/repay", {"amount": due // 2}).status_code == 200
    before = books.limit_held(), books.loan(payment)["repaid_principal"]

    refund = refunded(books, payment, "return", 450_000)  # more than is still to come: part of the open bill

    repaid = books.loan(payment)["repaid_principal"] - before[1]
    assert 0 < repaid < refund["loan_reduction"] == 450_000
    assert before[0] - books.limit_held() == refund["loan_reduction"] + repaid
    books.sound()
