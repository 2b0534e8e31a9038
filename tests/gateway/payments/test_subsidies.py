"""A trade-in subsidy: advanced by the merchant, owed by the programme, never lent and never given to the shopper."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.ledger import service as ledger
from tests.gateway.books import Books
from tests.one_database import database_url  # noqa: F401

PROGRAMME = "trade_in_2026"


def order(books: Books) -> dict[str, Any]:
    """A phone of 5,999.00 yuan with the subsidy of 500.00 yuan, captured in full."""
    item = {"name": "Phone", "quantity": 1, "unit_price": 599_900, "subsidy_category": "phone"}
    return books.api.captured(
        12, amount=549_900, items=[item], government_subsidy={"programme": PROGRAMME, "amount": 50_000}
    )


def programme_owes(books: Books) -> int:
    with books.gateway.db.read() as tx:
        return ledger.balance_of(tx, "test", "subsidy_receivable", PROGRAMME)


def test_the_subsidy_is_not_lent_and_comes_with_its_own_settlement_line(books: Books) -> None:
    payment = order(books)
    claim = payment["captures"][0]["government_subsidy"]
    assert (claim["programme"], claim["amount"], claim["paid_at"]) == (PROGRAMME, 50_000, None)
    assert books.of("loan_principal") == 549_900
    assert programme_owes(books) == 50_000
    books.pass_days(1)
    assert books.of("merchant_pending") == 50_000, "what the programme has not paid is not paid out"
    paid = books.post(f"/v1/test_helpers/subsidy_claims/{claim['id']}/pay").json
    assert paid["captures"][0]["government_subsidy"]["paid_at"]
    assert books.post(f"/v1/test_helpers/subsidy_claims/{claim['id']}/pay").json == paid
    books.pass_days(1)
    assert programme_owes(books) == books.of("merchant_pending") == books.of("merchant_available") == 0
    books.api.login()
    batch = books.api.get("/v1/settlements").json["data"][0]
    assert (batch["subsidies"], batch["captures"], batch["payout_amount"]) == (50_000, 0, 50_000)
    line = books.api.get(f"/v1/settlements/{batch['id']}/lines").json["data"][0]
    assert (line["kind"], line["amount"], line["payment"]) == ("subsidy", 50_000, payment["id"])
    books.sound()


@pytest.mark.parametrize("paid_first", [False, True])
@pytest.mark.parametrize("kind", ["return", "unwind"])
def test_when_the_goods_come_back_the_subsidy_goes_back_to_the_programme(
    books: Books, kind: str, paid_first: bool
) -> None:
    payment = order(books)
    claim = payment["captures"][0]["government_subsidy"]["id"]
    if paid_first:
        books.post(f"/v1/test_helpers/subsidy_claims/{claim}/pay")
        books.pass_days(2)
    refund = books.post("/v1/refunds", {"payment": payment["id"], "kind": kind, "reason": "sent back"}).json
    assert refund["amount"] == 549_900, "the shopper gets back what the shopper owed, not the subsidy"
    assert programme_owes(books) == (-50_000 if paid_first else 0)
    assert books.of("merchant_receivable") - books.of("merchant_available") >= (50_000 if paid_first else 0)
    books.pass_days(2)
    assert books.of("merchant_pending") == 0
    books.sound()


def test_a_lower_price_leaves_the_subsidy_and_parts_of_a_return_sum(books: Books) -> None:
    payment = order(books)
    ask = {"payment": payment["id"], "reason": "x"}
    books.post("/v1/refunds", {**ask, "kind": "goodwill", "amount": 10_000})
    assert programme_owes(books) == 50_000
    books.post("/v1/refunds", {**ask, "kind": "return", "amount": 100_001})
    books.post("/v1/refunds", {**ask, "kind": "return"})
    assert programme_owes(books) == books.of("merchant_pending") == 0
    books.sound()


def test_captures_in_parts_claim_exactly_the_whole_subsidy(books: Books) -> None:
    item = {"name": "Phone", "quantity": 1, "unit_price": 599_900, "subsidy_category": "phone"}
    payment = books.api.approved(
        12, amount=549_900, items=[item], government_subsidy={"programme": PROGRAMME, "amount": 50_000}
    )
    for amount in (123_457, 200_001, None):
        payment = books.post(
            f"/v1/payments/{payment['id']}/capture", {"amount": amount} if amount else {}
        ).json
    claims = [capture["government_subsidy"]["amount"] for capture in payment["captures"]]
    assert (len(claims), sum(claims), programme_owes(books)) == (3, 50_000, 50_000)
