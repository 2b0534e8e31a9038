"""What is read for a comparison with somebody else's file carries its fee, with the sign of what moved."""

from __future__ import annotations

from gateway.core.calendar import shanghai_date
from gateway.settlement import movements
from tests.gateway.books import Books
from tests.one_database import database_url  # noqa: F401


def test_a_capture_and_its_refund_carry_their_fees(books: Books) -> None:
    payment = books.api.captured(3, amount=599_900)
    (capture,) = payment["captures"]
    body = {"payment": payment["id"], "amount": 100_000, "reason": "scratch", "kind": "return"}
    refund = books.post("/v1/refunds", body).json
    today = shanghai_date(books.clock())

    with books.gateway.db.read() as tx:
        found = list(movements.captures_and_refunds(tx, books.tenant, since=today, until=today))

    assert capture["merchant_fee"] > refund["merchant_fee_returned"] > 0
    assert [(one.name, one.amount_fen, one.fee_fen) for one in found] == [
        (payment["merchant_reference"], 599_900, capture["merchant_fee"]),
        (payment["merchant_reference"], -100_000, -refund["merchant_fee_returned"]),
    ]
