"""One purchase followed through every room: approval, capture, loan, books, settlement, payout, refund."""

from __future__ import annotations

from datetime import date

import pytest

from gateway.process.daily import settle
from gateway.process.worker import drain
from tests.one_database import database_url, on_both  # noqa: F401


def balances(api) -> dict[str, int]:
    found = api.get("/v1/balance").json
    return {name: found[name] for name in ("pending", "available", "receivable")}


def events(api) -> list[str]:
    return [row["type"] for row in reversed(api.get("/v1/events?limit=100").json["data"])]


@on_both
def test_the_whole_purchase_adds_up_to_the_fen(api, app):
    payment = api.approved(term=12, amount=599_900)
    assert (payment["status"], payment["capturable_amount"]) == ("authorized", 599_900)

    captured = api.post(f"/v1/payments/{payment['id']}/capture").json
    assert (captured["status"], captured["refundable_amount"]) == ("captured", 599_900)
    (capture,) = captured["captures"]
    assert (capture["merchant_fee"], capture["merchant_subsidy"]) == (3_599, 0)
    assert capture["settlement_date"] == "2026-11-24"

    loan = api.get(f"/v1/loans/{capture['loan']}").json
    assert loan["schedule"] == payment["plan"]["schedule"]
    assert balances(api) == {"pending": 596_301, "available": 0, "receivable": 0}

    gateway = app.extensions["fenqi"]
    assert settle(gateway, date(2026, 11, 23)) == []
    (batch,) = settle(gateway, date(2026, 11, 24))
    assert (batch["captures"], batch["merchant_fees"], batch["payout_amount"]) == (599_900, 3_599, 596_301)
    assert settle(gateway, date(2026, 11, 24)) == []
    assert balances(api) == {"pending": 0, "available": 0, "receivable": 0}

    assert drain(gateway) == 1
    payout = api.get(f"/v1/payouts/{batch['payout']}").json
    assert (payout["status"], payout["amount"]) == ("paid", 596_301)
    assert events(api) == [
        "payment.authorized",
        "checkout.approved",
        "payment.captured",
        "settlement.closed",
        "payout.paid",
    ]


def test_a_full_refund_before_settlement_leaves_nothing(api, app):
    payment = api.captured()
    refund = api.post("/v1/refunds", {"payment": payment["id"], "reason": "return"})
    assert refund.status_code == 201
    assert refund.json["status"] == "succeeded"
    assert (refund.json["amount"], refund.json["merchant_fee_returned"]) == (599_900, 3_599)
    assert balances(api) == {"pending": 0, "available": 0, "receivable": 0}
    assert api.get(f"/v1/payments/{payment['id']}").json["status"] == "refunded"
    loan = api.get(f"/v1/loans/{payment['captures'][0]['loan']}").json
    assert (loan["status"], loan["outstanding_principal"], loan["schedule"]) == ("unwound", 0, [])
    (batch,) = settle(app.extensions["fenqi"], date(2026, 11, 24))
    assert (batch["captures"], batch["refunds"], batch["merchant_fees"], batch["payout_amount"]) == (
        599_900,
        599_900,
        0,
        0,
    )


def test_a_refund_after_the_payout_is_owed_and_taken_from_the_next_batch(api, app, clock):
    gateway = app.extensions["fenqi"]
    first = api.captured()
    settle(gateway, date(2026, 11, 24))
    drain(gateway)
    clock.advance(days=1)
    api.login()
    api.post("/v1/refunds", {"payment": first["id"], "reason": "return"})
    assert balances(api) == {"pending": 0, "available": 0, "receivable": 596_301}
    api.captured(amount=800_000)
    settle(gateway, date(2026, 11, 24))
    clock.advance(days=1)
    api.login()
    (batch,) = settle(gateway, date(2026, 11, 25))
    assert (batch["opening"], batch["refunds"], batch["captures"]) == (0, 599_900, 800_000)
    assert batch["payout_amount"] == 800_000 - 4_800 - 596_301
    assert balances(api) == {"pending": 0, "available": 0, "receivable": 0}


@pytest.mark.parametrize("split", [[100_000, 200_000, 299_900], [123_457, 476_443], [599_900]])
def test_any_split_of_captures_sums_to_the_disclosed_schedule(api, split):
    payment = api.approved(term=12, amount=599_900)
    for amount in split:
        assert api.post(f"/v1/payments/{payment['id']}/capture", {"amount": amount}).status_code == 200
    captures = api.get(f"/v1/payments/{payment['id']}").json["captures"]
    loans = [api.get(f"/v1/loans/{capture['loan']}").json for capture in captures]
    for row in payment["plan"]["schedule"]:
        for field in ("principal", "interest", "fee", "payment", "balance"):
            assert sum(loan["schedule"][row["period"] - 1][field] for loan in loans) == row[field]
    assert sum(capture["merchant_fee"] for capture in captures) == 3_599


@pytest.mark.parametrize("parts", [[1, 599_899], [300_000, 299_900], [200_000, 200_000, 199_900]])
def test_any_split_of_refunds_ends_like_one(api, parts):
    payment = api.captured()
    fees = 0
    for part in parts:
        answer = api.post("/v1/refunds", {"payment": payment["id"], "amount": part, "reason": "return"})
        assert answer.status_code == 201, answer.text
        fees += answer.json["merchant_fee_returned"]
    assert fees == 3_599
    assert balances(api) == {"pending": 0, "available": 0, "receivable": 0}
    assert api.get(f"/v1/payments/{payment['id']}").json["status"] == "refunded"


def test_a_partial_refund_lowers_the_loan_by_its_own_method(api):
    payment = api.captured(term=12, amount=599_900)
    api.post("/v1/refunds", {"payment": payment["id"], "amount": 100_000, "reason": "price adjustment"})
    loan = api.get(f"/v1/loans/{payment['captures'][0]['loan']}").json
    assert loan["outstanding_principal"] == 499_900
    assert sum(row["principal"] for row in loan["schedule"]) == 499_900
    assert len(loan["schedule"]) == 12


def test_a_void_releases_the_rest(api):
    payment = api.approved()
    api.post(f"/v1/payments/{payment['id']}/capture", {"amount": 400_000})
    voided = api.post(f"/v1/payments/{payment['id']}/void", {"reason": "out of stock"}).json
    assert (voided["status"], voided["voided_amount"], voided["capturable_amount"]) == (
        "captured",
        199_900,
        0,
    )


def test_final_voids_what_a_capture_leaves(api):
    payment = api.approved()
    captured = api.post(f"/v1/payments/{payment['id']}/capture", {"amount": 400_000, "final": True}).json
    assert (captured["captured_amount"], captured["voided_amount"]) == (400_000, 199_900)
