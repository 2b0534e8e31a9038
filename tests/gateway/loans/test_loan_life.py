"""The life of a loan through the API: time passes, instalments fall due, and every fen is somewhere."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event
from sqlmodel import col, select

from gateway.core.calendar import shanghai_date
from gateway.errors import WrongState
from gateway.institution.port import Answer
from gateway.loans import billing, by_shopper, service
from gateway.payments.collections import service as collections
from gateway.payments.models import Collection
from gateway.process.daily import run_day
from gateway.process.worker import drain
from gateway.settlement import payouts as payouts_of
from tests.gateway.books import Books
from tests.one_database import database_url  # noqa: F401 - the books machine drives the same on both


def test_a_loan_is_paid_instalment_by_instalment_and_leaves_nothing(books: Books) -> None:
    payment = books.api.captured(12)
    plan = payment["plan"]
    books.until("2026-12-22")
    assert books.loan(payment)["bills"] == []
    books.until("2026-12-23")
    loan = books.loan(payment)
    assert [bill["status"] for bill in loan["bills"]] == ["paid"]
    assert books.of("interest_income") == plan["schedule"][0]["interest"]
    assert books.of("interest_receivable") == 0
    assert books.of("loan_principal") == loan["outstanding_principal"] == plan["schedule"][0]["balance"]
    assert books.limit_held() == loan["outstanding_principal"]
    books.until("2027-11-23")
    loan = books.loan(payment)
    assert (loan["status"], loan["outstanding_principal"], loan["amount_due"]) == ("settled", 0, 0)
    assert loan["total_payment"] == plan["total_payment"]
    assert books.of("interest_income") == plan["total_interest"]
    assert books.of("fee_income") == plan["total_fee"]
    assert books.of("loan_principal") == books.of("shopper_credit") == books.limit_held() == 0
    books.sound()


def test_running_a_day_twice_or_late_changes_nothing(books: Books) -> None:
    payment = books.api.captured(3)
    books.clock.advance(days=40)
    books.work()
    late = books.loan(payment)
    books.work()
    assert books.loan(payment) == late
    assert [bill["status"] for bill in late["bills"]] == ["paid"]
    assert late["total_late_interest"] == 0, "that the job ran late is not the shopper's delay"
    books.sound()


def test_credit_pays_on_its_due_date_what_late_jobs_have_not_billed(books: Books) -> None:
    payment = books.api.captured(3)
    loan_id, plan = payment["captures"][0]["loan"], payment["plan"]["schedule"]
    repay = f"/v1/test_helpers/loans/{loan_id}/repay"
    books.post(repay, {"amount": plan[0]["payment"] + 7})
    held = books.limit_held()
    books.clock.advance(days=40)
    loan = books.post(repay, {"amount": 1}).json
    assert (loan["shopper_credit"], loan["amount_due"]) == (8, 0)
    assert held - books.limit_held() == plan[0]["principal"], "what was paid may be borrowed again"
    paid_on = "SELECT MAX(effective_date) FROM ledger_entry WHERE kind = 'credit_applied'"
    assert str(books.figure(paid_on)) == plan[0]["due_date"]
    books.sound()


def test_an_unpaid_instalment_becomes_late_and_late_interest_is_paid_first(books: Books) -> None:
    payment = books.api.captured(12)
    loan_id = payment["captures"][0]["loan"]
    books.post(f"/v1/test_helpers/loans/{loan_id}/miss", {"instalments": 1})
    books.until("2026-12-26")
    loan = books.loan(payment)
    assert (loan["status"], loan["total_late_interest"]) == ("active", 0), "inside the grace"
    books.until("2026-12-27")
    loan = books.loan(payment)
    first = {**loan["schedule"][0], **loan["bills"][0]}
    assert (loan["status"], loan["bucket"]) == ("overdue", "M1")
    assert first["late_interest"] == round(first["principal"] * 4 * 0.0005)
    assert books.of("late_interest_receivable") == books.of("late_interest_income") == first["late_interest"]
    paid = books.post(f"/v1/test_helpers/loans/{loan_id}/repay", {"amount": first["late_interest"] + 1}).json
    assert books.of("late_interest_receivable") == 0
    assert paid["amount_due"] == first["amount_due"] - first["late_interest"] - 1
    books.sound()
    shopper, today = books.shopper(), date(2026, 12, 27)
    with books.gateway.db.read() as tx:
        assert billing.next_work(tx, books.tenant, today=today) == date(2026, 12, 28), "a bill is open"
        assert by_shopper.in_default(tx, [shopper]) == {shopper}
        assert by_shopper.loans_of(tx, shopper) == [by_shopper.Lent(loan_id, True, date(2027, 11, 23))]
        assert service.history(tx, shopper)["max_delinquency_days"] == 4, "though it is not paid"
    paid = books.post(f"/v1/test_helpers/loans/{loan_id}/repay").json
    assert (paid["status"], paid["amount_due"], paid["bucket"]) == ("active", 0, None)
    books.until("2027-01-23")
    with books.gateway.db.read() as tx:
        assert billing.next_work(tx, books.tenant, today=date(2027, 1, 23)) == date(2027, 2, 23)
        assert by_shopper.in_default(tx, [shopper]) == set()
        assert service.history(tx, shopper) == {
            "prior_loans": 1,
            "prior_on_time_instalments": 1,
            "prior_late_instalments": 1,
            "max_delinquency_days": 4,
        }
    books.sound()


def test_late_interest_is_the_same_however_often_the_job_runs(
    books: Books, new_merchant: Callable[..., Any], app: Flask
) -> None:
    other = Books(app, new_merchant(), books.clock)
    loans = []
    for side in (books, other):
        payment = side.api.captured(6)
        side.post(f"/v1/test_helpers/loans/{payment['captures'][0]['loan']}/miss", {"instalments": 6})
        loans.append(payment)
    books.jump_to("2026-12-22")
    while f"{books.clock.now:%F}" < "2027-02-10":
        books.clock.advance(days=1)
        run_day(books.gateway, books.tenant)
        while drain(books.gateway):
            pass
    daily = books.loan(loans[0])
    late = other.loan(loans[1])
    assert (late["bills"], late["early_settlement"]["already_due"]) == (
        [],
        2 * late["schedule"][0]["payment"],
    )
    for _ in range(2):  # before late interest is counted, the collection must have failed
        other.work()
    jumped = other.loan(loans[1])
    assert daily["total_late_interest"] == jumped["total_late_interest"] > 0
    assert daily["bucket"] == jumped["bucket"] == "M2"


def test_money_reported_late_takes_late_interest_back(books: Books) -> None:
    payment = books.api.captured(12)
    loan_id = payment["captures"][0]["loan"]
    books.post(f"/v1/test_helpers/loans/{loan_id}/miss", {"instalments": 1})
    books.jump_to("2027-01-10")
    loan = books.loan(payment)
    due = loan["schedule"][0]
    assert loan["bills"][0]["late_interest"] > 0
    answer = books.post(
        f"/v1/test_helpers/loans/{loan_id}/repay", {"amount": due["payment"], "received_on": "2026-12-23"}
    )
    loan = answer.json
    assert (loan["status"], loan["amount_due"], loan["total_late_interest"]) == ("active", 0, 0)
    assert books.of("late_interest_income") == books.of("late_interest_receivable") == 0
    books.sound()


def test_paying_ahead_waits_as_credit_and_pays_what_falls_due(books: Books) -> None:
    payment = books.api.captured(3)
    loan_id = payment["captures"][0]["loan"]
    first = payment["plan"]["schedule"][0]["payment"]
    loan = books.post(f"/v1/test_helpers/loans/{loan_id}/repay", {"amount": first + 100}).json
    assert loan["shopper_credit"] == first + 100
    books.until("2026-12-23")
    loan = books.loan(payment)
    assert (loan["bills"][0]["status"], loan["shopper_credit"]) == ("paid", 100)
    books.until("2027-02-23")
    assert books.loan(payment)["status"] == "settled"
    assert books.of("shopper_credit") == 0
    books.sound()


def test_the_same_reference_never_pays_twice(books: Books) -> None:
    payment = books.api.captured(3)
    path = f"/v1/test_helpers/loans/{payment['captures'][0]['loan']}/repay"
    first = books.post(path, {"amount": 1000, "reference": "bank-1"}).json
    assert books.post(path, {"amount": 1000, "reference": "bank-1"}).json == first
    other = books.post(path, {"amount": 1001, "reference": "bank-1"})
    assert (other.status_code, other.json["code"]) == (409, "repayment_conflict")


def test_settling_early_costs_what_was_quoted_and_ends_the_loan(books: Books) -> None:
    payment = books.api.captured(12)
    loan_id = payment["captures"][0]["loan"]
    books.until("2027-05-03")
    quoted = books.loan(payment)["early_settlement"]
    assert quoted["policy"] == "pro_rata_day"
    owed_interest = books.of("interest_income")
    loan = books.post(f"/v1/test_helpers/loans/{loan_id}/repay", {"early_settlement": True}).json
    assert (loan["status"], loan["outstanding_principal"], loan["next_due_date"]) == ("settled", 0, None)
    assert books.of("interest_income") == owed_interest + quoted["interest"]
    assert books.of("loan_principal") == books.of("interest_receivable") == books.limit_held() == 0
    assert loan["total_payment"] == 5 * payment["plan"]["schedule"][0]["payment"] + quoted["amount"]
    again = books.post(f"/v1/test_helpers/loans/{loan_id}/repay", {"early_settlement": True})
    assert again.json["code"] == "wrong_state"
    books.sound()


def test_a_refund_after_repayments_lowers_what_is_to_come_and_returns_the_rest(books: Books) -> None:
    payment = books.api.captured(12)
    books.until("2027-03-23")
    before = books.loan(payment)
    left = before["outstanding_principal"]
    refund = books.post(
        "/v1/refunds", {"payment": payment["id"], "amount": 100_000, "reason": "scratched"}
    ).json
    assert (refund["loan_reduction"], refund["returned_to_shopper"], refund["status"]) == (
        100_000,
        0,
        "succeeded",
    )
    after = books.loan(payment)
    assert after["outstanding_principal"] == left - 100_000
    assert after["schedule"][:4] == [
        {**row, "balance": row["balance"] - 100_000} for row in before["schedule"][:4]
    ]
    rest = books.post("/v1/refunds", {"payment": payment["id"], "reason": "sent back"}).json
    assert rest["loan_reduction"] == left - 100_000
    assert rest["returned_to_shopper"] == 599_900 - left
    assert rest["status"] == "pending"
    assert books.api.get(f"/v1/payments/{payment['id']}").json["refund_pending_amount"] == 599_900 - left
    books.work()
    assert books.api.get(f"/v1/refunds/{rest['id']}").json["status"] == "succeeded"
    assert books.loan(payment)["status"] == "refunded"
    assert books.of("loan_principal") == books.of("refund_in_transit") == books.limit_held() == 0
    books.sound()


@pytest.mark.parametrize("settled_first", [False, True])
def test_unwinding_leaves_nothing_of_the_loan(books: Books, settled_first: bool) -> None:
    payment = books.api.captured(12)
    loan_id = payment["captures"][0]["loan"]
    books.post(f"/v1/test_helpers/loans/{loan_id}/repay", {"amount": 60_000})
    if settled_first:
        books.pass_days(3)
        assert books.of("merchant_pending") == 0
    answer = books.post("/v1/refunds", {"payment": payment["id"], "kind": "unwind", "reason": "7 days"})
    assert answer.status_code == 201, answer.text
    refund = answer.json
    assert (refund["amount"], refund["returned_to_shopper"], refund["status"]) == (599_900, 60_000, "pending")
    books.work()
    loan = books.loan(payment)
    assert (loan["status"], loan["schedule"], loan["outstanding_principal"]) == ("unwound", [], 0)
    assert books.limit_held() == 0
    with books.gateway.db.read() as tx:
        assert set(service.history(tx, books.shopper()).values()) == {0}
    for kind in (
        "loan_principal",
        "interest_income",
        "merchant_fee_income",
        "vat_payable",
        "unearned_merchant_subsidy",
        "shopper_credit",
        "refund_in_transit",
        "limit_committed",
        "merchant_pending",
    ):
        assert books.of(kind) == 0, kind
    books.pass_days(3)
    merchant = books.of("merchant_available") - books.of("merchant_receivable")
    assert merchant == -books.of("funder_clearing"), "what was paid out is owed, and nothing else is left"
    if not settled_first:
        assert merchant == 0
    books.sound()


def test_after_seven_days_nothing_is_unwound(books: Books) -> None:
    payment = books.api.captured(3)
    books.pass_days(8)
    answer = books.post("/v1/refunds", {"payment": payment["id"], "kind": "unwind", "reason": "late"})
    assert (answer.status_code, answer.json["code"]) == (409, "outside_return_window")
    assert answer.json["last_day"] == "2026-11-30"


def test_a_hopeless_loan_is_written_off_and_money_that_still_comes_is_a_recovery(books: Books) -> None:
    payment = books.api.captured(3)
    loan_id = payment["captures"][0]["loan"]
    books.post(f"/v1/test_helpers/loans/{loan_id}/miss", {"instalments": 3})
    books.clock.advance(days=61)
    books.work()
    assert books.loan(payment)["bucket"] == "M2"
    books.clock.advance(days=160)
    books.work()
    loan = books.loan(payment)
    assert (loan["status"], loan["outstanding_principal"], loan["amount_due"]) == ("written_off", 0, 0)
    for kind in ("loan_principal", "interest_receivable", "late_interest_receivable", "allowance"):
        assert books.of(kind) == 0, kind
    loss = books.of("credit_loss")
    assert loss > 599_900
    books.post(f"/v1/test_helpers/loans/{loan_id}/repay", {"amount": 50_000})
    assert (books.of("recovery_income"), books.of("credit_loss")) == (50_000, loss)
    assert books.limit_held() == 549_900, "only what was recovered may be borrowed again"
    books.sound()


@pytest.mark.parametrize("outcome", ["won", "lost", "canceled"])
def test_a_dispute_sets_money_aside_until_it_is_decided(books: Books, outcome: str) -> None:
    payment = books.api.captured(12)
    books.until("2026-12-24")
    loan = books.loan(payment)
    dispute = books.post("/v1/test_helpers/disputes", {"payment": payment["id"]}).json
    assert (dispute["status"], dispute["amount"]) == ("needs_response", 599_900)
    assert books.of("dispute_hold") == books.of("merchant_receivable") == 599_900
    refused = books.post("/v1/refunds", {"payment": payment["id"], "reason": "x"})
    assert (refused.status_code, refused.json["dispute"]) == (409, dispute["id"])
    answered = books.post(f"/v1/disputes/{dispute['id']}/respond", {"evidence": "signed by the shopper"}).json
    assert answered["status"] == "under_review"
    done = books.post(f"/v1/test_helpers/disputes/{dispute['id']}/resolve", {"outcome": outcome}).json
    assert done["status"] == outcome
    books.work()
    assert books.of("dispute_hold") == books.of("refund_in_transit") == books.of("shopper_credit") == 0
    if outcome == "lost":
        assert books.of("loan_principal") == books.limit_held() == 0
        assert books.loan(payment)["status"] == "refunded"
        assert books.api.get(f"/v1/payments/{payment['id']}").json["refundable_amount"] == 0
    else:
        assert books.loan(payment)["outstanding_principal"] == loan["outstanding_principal"]
    books.pass_days(2)
    owed = books.of("merchant_receivable") - books.of("merchant_available")
    assert owed == (599_900 if outcome == "lost" else 0)
    books.sound()


def test_a_dispute_that_is_not_answered_in_time_is_lost(books: Books) -> None:
    payment = books.api.captured(3)
    dispute = books.post("/v1/test_helpers/disputes", {"payment": payment["id"], "amount": 1000}).json
    books.pass_days(8)
    assert books.api.get(f"/v1/disputes/{dispute['id']}").status_code == 401
    books.api.login()
    assert books.api.get(f"/v1/disputes/{dispute['id']}").json["status"] == "lost"
    books.sound()


def test_a_failed_payout_is_paid_with_the_next_batch(books: Books) -> None:
    checkout = books.api.checkout()
    done = books.post(
        f"/v1/test_helpers/checkouts/{checkout['id']}/complete", {"term": 3, "phone": "13800000007"}
    ).json
    payment = books.post(f"/v1/payments/{done['payment']}/capture").json
    books.pass_days(1)
    books.api.login()
    failed = books.api.get("/v1/payouts").json["data"]
    assert [(row["status"], row["failure"]) for row in failed] == [("failed", "account_closed")]
    books.pass_days(1)
    books.api.login()
    payouts = books.api.get("/v1/payouts").json["data"]
    assert [row["status"] for row in payouts] == ["paid", "failed"]
    assert payouts[0]["amount"] == payouts[1]["amount"]
    batch = books.api.get(f"/v1/settlements/{payouts[0]['settlement']}").json
    assert (batch["adjustments"], batch["captures"]) == (payouts[0]["amount"], 0)
    back = books.post(f"/v1/test_helpers/payouts/{payouts[0]['id']}/return").json
    assert (back["status"], back["failure"]) == ("returned", "account_closed")
    first, second = failed[0]["id"], back["id"]
    with pytest.raises(WrongState), books.gateway.db.read() as tx:
        payouts_of.give_back(tx, first, failure="account_closed")
    for payout in (first, second):
        for late in (Answer("succeeded"), Answer("failed", "x")):
            books.gateway.db.write(lambda tx, one=(payout, late): payouts_of.hear(tx, *one))
    said_again = {row["id"]: row for row in books.api.get("/v1/payouts").json["data"]}
    assert [said_again[payout]["status"] for payout in (first, second)] == ["failed", "returned"]
    assert [said_again[payout]["failure"] for payout in (first, second)] == ["account_closed"] * 2
    again = books.gateway.db.write(lambda tx: payouts_of.give_back(tx, second, failure="x").failure)
    assert again == "account_closed", "saying it again changes nothing"
    books.pass_days(1)
    books.api.login()
    newest = books.api.get("/v1/payouts").json["data"][0]
    assert newest["status"] == "paid"
    with books.gateway.db.read() as tx:
        page = payouts_of.instructed(tx, since=None, after="", limit=9)
        assert payouts_of.instructed(tx, since=None, after=first, limit=9) == page[1:]
        assert payouts_of.instructed(tx, since=books.clock.now, after="", limit=9) == page[1:]
    assert [(one.id, one.status, one.may_have_moved_fen) for one in page] == [
        (first, "failed", (0,)),
        (newest["id"], "paid", (newest["amount"],)),
    ], "what came back is not compared"
    assert {one.instruction.movement for one in page} == {"payout"}
    assert books.of("payout_in_transit") == books.of("merchant_available") == 0
    assert payment["status"] == "captured"
    books.sound()


def test_the_first_instalment_of_the_unpaid_number_is_never_collected(books: Books) -> None:
    checkout = books.api.checkout()
    done = books.post(
        f"/v1/test_helpers/checkouts/{checkout['id']}/complete", {"term": 3, "phone": "13800000006"}
    ).json
    payment = books.post(f"/v1/payments/{done['payment']}/capture").json
    for day in (
        "2026-12-23",
        "2026-12-24",
        "2026-12-26",
        "2026-12-30",
        "2027-01-06",
        "2027-01-22",
        "2027-01-23",
    ):
        books.jump_to(day)  # it falls due, it is tried again, and so does the next
    loan = books.loan(payment)
    assert [bill["status"] for bill in loan["bills"]] == ["open", "open"], "past due is paid first"
    assert loan["bucket"] == "M2"
    books.sound()


def test_an_unpaid_bill_is_tried_again_on_its_days_and_no_other(books: Books) -> None:
    payment = books.api.captured(3, amount=90_000)
    books.post(f"/v1/test_helpers/loans/{payment['captures'][0]['loan']}/miss", {"instalments": 1})
    due = date(2026, 12, 23)
    for day in (0, 1, 2, 3, 6, 7, 8, 13, 14, 29, 30):
        books.jump_to((due + timedelta(days=day)).isoformat())
    with books.gateway.db.read() as tx:
        tried = tx.exec(select(Collection).where(Collection.period == 1).order_by(col(Collection.id))).all()
    days = [((shanghai_date(row.created_at) - due).days, row.attempt, row.failure) for row in tried]
    assert [(day, attempt) for day, attempt, _ in days] == [(0, 1), (1, 2), (3, 3), (7, 4), (14, 5), (30, 6)]
    assert {failure for *_, failure in days} == {"insufficient_funds"}


def test_however_many_bills_are_unpaid_one_question_asks_how_often_they_were_tried(books: Books) -> None:
    for _ in range(3):
        payment = books.api.captured(3, amount=90_000)
        books.post(f"/v1/test_helpers/loans/{payment['captures'][0]['loan']}/miss", {"instalments": 3})
    books.jump_to("2027-01-23")  # two bills of each are open, the first due for its sixth attempt
    asked: list[str] = []
    event.listen(books.gateway.db.engine, "before_cursor_execute", lambda *sent: asked.append(sent[2]))
    books.clock.advance(days=1)
    instructed = books.gateway.db.write(
        lambda tx: collections.collect_again(tx, books.tenant, today=shanghai_date(books.clock()))
    )
    assert instructed == 6
    assert sum("FROM collection" in statement for statement in asked) == 1


def test_the_merchants_subsidy_is_earned_returned_or_left_and_nothing_else(books: Books) -> None:
    payment = books.api.captured(3, terms=[3])
    subsidy = payment["captures"][0]["merchant_subsidy"]
    if not subsidy:
        pytest.skip("the demo catalogue has no interest-free plan of three periods")
    books.until("2026-12-23")
    earned = books.of("merchant_subsidy_income")
    assert 0 < earned < subsidy
    assert books.figure("SELECT subsidy_base_fen FROM loan") == books.of("unearned_merchant_subsidy")
    refund = books.post("/v1/refunds", {"payment": payment["id"], "amount": 100_000, "reason": "x"}).json
    assert earned + refund["merchant_subsidy_returned"] + books.of("unearned_merchant_subsidy") == subsidy
    books.until("2027-01-23")
    assert books.figure("SELECT subsidy_base_fen FROM loan") == books.of("unearned_merchant_subsidy")
    books.until("2027-02-23")
    assert books.of("unearned_merchant_subsidy") == 0
    assert books.of("merchant_subsidy_income") + refund["merchant_subsidy_returned"] == subsidy
    books.sound()


def test_what_comes_back_of_the_subsidy_is_its_share_rounded_half_up_over_all_refunds(books: Books) -> None:
    payment = books.api.captured(3, terms=[3])
    books.until("2026-12-23")
    subsidy = books.of("unearned_merchant_subsidy")
    principal = books.loan(payment)["outstanding_principal"]
    returned, taken = 0, 0
    for least in (50_000, 30_000):
        rounded_up = (
            n for n in range(least, principal) if 2 * (subsidy * (taken + n) % principal) >= principal
        )
        amount = next(rounded_up)
        taken += amount
        body = {"payment": payment["id"], "amount": amount, "kind": "return", "reason": "scratch"}
        returned += books.post("/v1/refunds", body).json["merchant_subsidy_returned"]
        assert returned == (2 * subsidy * taken + principal) // (2 * principal)
        assert returned == subsidy - books.of("unearned_merchant_subsidy")
    books.sound()


@pytest.mark.parametrize("category", ["3c", "education", "furnishing"])
def test_refunds_between_two_due_dates_end_where_one_refund_ends(
    app: Flask, new_merchant: Callable[..., Any], clock: Any, category: str
) -> None:
    books = Books(app, new_merchant(category=category), clock)
    payments = [books.api.captured(12, category=category) for _ in range(2)]
    books.until("2027-01-24")
    for payment, parts in zip(payments, ([33_333, 40_001, 7], [73_341]), strict=True):
        for amount in parts:
            body = {"payment": payment["id"], "amount": amount, "kind": "goodwill", "reason": "x"}
            assert books.post("/v1/refunds", body).status_code == 201
    first, second = (books.loan(payment)["schedule"] for payment in payments)
    assert first == second


def test_a_bill_that_is_not_paid_is_lowered_last(books: Books) -> None:
    payment = books.api.captured(3)
    loan_id = payment["captures"][0]["loan"]
    books.post(f"/v1/test_helpers/loans/{loan_id}/miss", {"instalments": 1})
    books.until("2026-12-24")
    refund = books.post("/v1/refunds", {"payment": payment["id"], "reason": "sent back"}).json
    assert (refund["loan_reduction"], refund["returned_to_shopper"]) == (599_900, 0)
    loan = books.loan(payment)
    assert (loan["status"], loan["amount_due"], loan["next_due_date"]) == ("refunded", 0, None)
    assert books.of("loan_principal") == books.limit_held() == 0
    books.sound()


def test_repaying_a_day_before_the_loan_or_after_today_is_refused(books: Books) -> None:
    payment = books.api.captured(3)
    path = f"/v1/test_helpers/loans/{payment['captures'][0]['loan']}/repay"
    for day in ("2026-11-22", "2026-11-24"):
        answer = books.post(path, {"amount": 1, "received_on": day})
        assert (answer.status_code, answer.json["param"]) == (409, "received_on")
    assert books.post(path).json["code"] == "wrong_state", "nothing is due"
    books.sound()
