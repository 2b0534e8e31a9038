"""What a payment refuses, with its code, and that a refusal leaves the books as they were."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import text

from gateway.plans import service as plans
from gateway.plans.pricing import Price
from tests.one_database import database_url  # noqa: F401

TABLES = (
    "payment",
    "capture",
    "refund",
    "loan",
    "loan_instalment",
    "ledger_entry",
    "ledger_posting",
    "event",
    "outbox",
)


@pytest.fixture
def unchanged(app):
    """Counts the rows of every table that a payment touches."""

    def count() -> dict[str, int]:
        with app.extensions["fenqi"].db.read() as tx:
            return {name: tx.execute(text(f"SELECT count(*) FROM {name}")).scalar_one() for name in TABLES}

    return count


def test_capture_above_what_is_authorised(api, unchanged):
    payment = api.approved()
    before = unchanged()
    answer = api.post(f"/v1/payments/{payment['id']}/capture", {"amount": 599_901})
    assert (answer.status_code, answer.json["code"]) == (422, "amount_above_authorized")
    assert answer.json["capturable_amount"] == 599_900
    assert unchanged() == before


def test_capture_needs_a_key(api, unchanged):
    payment = api.approved()
    before = unchanged()
    answer = api.call("POST", f"/v1/payments/{payment['id']}/capture", {})
    assert (answer.status_code, answer.json["code"]) == (400, "idempotency_key_required")
    assert unchanged() == before


def test_a_partial_capture_is_at_least_1000_yuan(api):
    payment = api.approved()
    answer = api.post(f"/v1/payments/{payment['id']}/capture", {"amount": 99_999})
    assert answer.json["code"] == "capture_too_small"


def test_a_captured_payment_has_nothing_left_to_capture_or_void(api):
    payment = api.captured()
    for verb, body in (("capture", {}), ("void", {"reason": "x"})):
        answer = api.post(f"/v1/payments/{payment['id']}/{verb}", body)
        assert (answer.status_code, answer.json["code"]) == (409, "wrong_state")


def test_a_lapsed_authorisation_is_not_captured(api, clock):
    payment = api.approved()
    clock.advance(days=28, seconds=1)
    api.login()
    answer = api.post(f"/v1/payments/{payment['id']}/capture")
    assert (answer.status_code, answer.json["code"]) == (409, "authorization_expired")


def test_a_serial_number_leaves_once(api, unchanged):
    first, second = api.approved(), api.approved()
    items = {"items": [{"line": 1, "quantity": 1, "serial_numbers": ["SN-1"]}]}
    assert api.post(f"/v1/payments/{first['id']}/capture", items).status_code == 200
    before = unchanged()
    answer = api.post(f"/v1/payments/{second['id']}/capture", items)
    assert (answer.status_code, answer.json["code"]) == (409, "serial_number_taken")
    assert unchanged() == before


def test_refund_above_what_was_captured(api, unchanged):
    payment = api.captured()
    before = unchanged()
    answer = api.post("/v1/refunds", {"payment": payment["id"], "amount": 599_901, "reason": "x"})
    assert (answer.status_code, answer.json["code"]) == (422, "amount_above_refundable")
    assert unchanged() == before


def test_refund_of_nothing_captured(api):
    payment = api.approved()
    answer = api.post("/v1/refunds", {"payment": payment["id"], "reason": "x"})
    assert (answer.status_code, answer.json["code"]) == (409, "wrong_state")


def test_a_refund_reference_is_used_once(api):
    payment = api.captured()
    body = {"payment": payment["id"], "amount": 1000, "reason": "x", "refund_reference": "R-1"}
    first = api.post("/v1/refunds", body).json
    answer = api.post("/v1/refunds", body)
    assert (answer.status_code, answer.json["code"], answer.json["refund"]) == (
        409,
        "duplicate_reference",
        first["id"],
    )


def test_another_merchants_payment_is_not_found(api, new_merchant, unchanged):
    payment = api.captured()
    other = new_merchant()
    before = unchanged()
    answers = [
        other.get(f"/v1/payments/{payment['id']}"),
        other.post(f"/v1/payments/{payment['id']}/capture"),
        other.post(f"/v1/payments/{payment['id']}/void", {"reason": "x"}),
        other.post("/v1/refunds", {"payment": payment["id"], "reason": "x"}),
        other.get(f"/v1/loans/{payment['captures'][0]['loan']}"),
    ]
    assert [(answer.status_code, answer.json["code"]) for answer in answers] == [(404, "not_found")] * 5
    assert unchanged() == before


@pytest.mark.parametrize("identifier", ["pay_nope", "%00", "a%20b", "é", "x" * 101, "..%2f.."])
def test_strange_identifiers_are_not_found(api, identifier):
    assert api.get(f"/v1/payments/{identifier}").status_code == 404


def test_a_loan_so_small_that_rounding_lifts_its_cost_above_the_ceiling_is_not_drawn(app, api, unchanged):
    gateway = app.extensions["fenqi"]
    dear = Price(12, "equal_installment", "0.215", None, "0.006", "0", 10_000, 10_000_000)
    merchant = api.credentials["merchant"]
    today = date(2026, 11, 23)
    gateway.db.write(lambda tx: plans.add_price(tx, merchant, dear, valid_from=today, category="3c") and None)
    payment = api.approved()
    before, path = unchanged(), f"/v1/payments/{payment['id']}/capture"
    answer = api.post(path, {"amount": 50, "final": True})
    assert (answer.status_code, answer.json["code"]) == (422, "cost_above_ceiling")
    assert "25.40 % (effective)" in answer.json["detail"]
    assert "void the rest" in answer.json["detail"]
    assert (answer.json["ceiling"], answer.json["capturable_amount"]) == ("0.24", 599_900)
    assert unchanged() == before
    captured = api.post(path, {"amount": 599_850, "final": True}).json
    assert (captured["status"], captured["voided_amount"]) == ("captured", 50), "the rest can be voided"
