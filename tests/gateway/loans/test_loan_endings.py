"""How loans end: nothing is kept that is the shopper's, and nothing waits for a payment that never comes."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text

from gateway.db.transactions import Transaction
from gateway.institution.port import Answer, Instruction
from gateway.ledger import service as ledger
from gateway.ledger.booking import postings
from gateway.ledger.integrity.verify import verify
from gateway.loans.models import Loan
from gateway.proof.book_agreements import AGREEMENTS
from tests.gateway.books import Books
from tests.one_database import database_url  # noqa: F401 - the books machine drives the same on both


class NoReturns:
    """Everything works but paying a shopper back."""

    def __init__(self) -> None:
        self.sent: list[str] = []

    def carry_out(self, instruction: Instruction) -> Answer:
        if instruction.movement == "refund":
            self.sent.append(instruction.reference)
        if instruction.movement == "refund" or instruction.test_failure:
            return Answer("failed", "account_closed")
        return Answer("succeeded")

    def look_up(self, instruction: Instruction) -> Answer | None:
        return None


def missed(books: Books, term: int = 12) -> tuple[dict[str, Any], str]:
    """A payment of which no collection works, and where its shopper pays."""
    books.api.login()
    payment = books.api.captured(term)
    path = f"/v1/test_helpers/loans/{payment['captures'][0]['loan']}"
    books.post(f"{path}/miss", {"instalments": term})
    return payment, f"{path}/repay"


def test_what_is_paid_above_what_was_written_off_goes_back_to_the_shopper(books: Books) -> None:
    books.jump(7)
    payment, repay = missed(books)
    books.jump(210)
    assert books.loan(payment)["status"] == "overdue"
    books.jump(1)
    loan = books.loan(payment)
    assert (loan["status"], loan["written_off_principal"], loan["recovered"]) == ("written_off", 599_900, 0)
    assert loan["written_off_charges"] == 43_432 + 14_929
    assert loan["left_to_recover"] == 658_261 == books.of("credit_loss")
    loan = books.post(repay, {"amount": 500_000}).json
    assert (loan["recovered"], loan["left_to_recover"]) == (500_000, 158_261)
    loan = books.post(repay, {"amount": 400_000}).json
    assert (loan["recovered"], loan["left_to_recover"], loan["shopper_credit"]) == (658_261, 0, 0)
    assert books.of("recovery_income") == 658_261
    assert books.of("refund_in_transit") == 241_739, "the rest is on its way back"
    assert books.limit_held() == 0
    books.work()
    assert books.of("refund_in_transit") == books.of("shopper_credit") == 0
    books.sound()


def test_a_return_that_fails_is_instructed_again_until_the_shopper_has_the_money(books: Books) -> None:
    works, fails = books.gateway.ports.institution, NoReturns()
    books.api.login()
    payment = books.api.captured(12)
    repay = f"/v1/test_helpers/loans/{payment['captures'][0]['loan']}/repay"
    books.gateway.ports.institution = fails
    books.post(repay, {"amount": 50_000})
    books.post("/v1/refunds", {"payment": payment["id"], "reason": "sent back"})
    books.work()
    assert books.of("refund_in_transit") == 50_000
    books.sound()
    for days in (1, 3, 7, 14, 30, 30):
        before = len(fails.sent)
        books.pass_days(days - 1)
        assert len(fails.sent) == before
        books.pass_days(1)
        assert len(fails.sent) == before + 1
    assert len(set(fails.sent)) == 7, "each with a reference of its own"
    assert books.of("refund_in_transit") == 50_000
    books.gateway.ports.institution = works
    books.pass_days(30)
    assert books.of("refund_in_transit") == books.of("shopper_credit") == 0
    books.sound()


def given_up(books: Books) -> tuple[dict[str, Any], str, int]:
    """A payment whose loan was written off, where its shopper pays, and what was lost."""
    payment, repay = missed(books, 3)
    books.jump(221)
    loan = books.loan(payment)
    assert loan["status"] == "written_off"
    return payment, repay, loan["left_to_recover"]


def test_a_refund_of_a_loan_that_was_written_off_recovers_first(books: Books) -> None:
    payment, repay, lost = given_up(books)
    asked = {"payment": payment["id"], "reason": "sent back"}
    first = books.post("/v1/refunds", {**asked, "amount": 500_000}).json
    assert (first["loan_reduction"], first["returned_to_shopper"], first["status"]) == (
        500_000,
        0,
        "succeeded",
    )
    assert books.of("recovery_income") == 500_000
    assert books.limit_held() == 99_900
    books.sound()
    books.post(repay, {"amount": lost - 500_000 - 30_000})
    assert books.limit_held() == 0
    last = books.post("/v1/refunds", asked).json
    assert (last["amount"], last["loan_reduction"], last["returned_to_shopper"]) == (99_900, 30_000, 69_900)
    loan = books.loan(payment)
    assert (loan["recovered"], loan["left_to_recover"], loan["shopper_credit"]) == (lost, 0, 0)
    assert books.of("refund_in_transit") == 69_900
    books.work()
    assert books.of("refund_in_transit") == books.of("shopper_credit") == 0
    assert books.api.get(f"/v1/refunds/{last['id']}").json["status"] == "succeeded"
    books.sound()


@pytest.mark.parametrize("repaid", [0, 300_000])
def test_a_dispute_lost_about_a_loan_that_was_written_off_recovers_first(books: Books, repaid: int) -> None:
    payment, repay, lost = given_up(books)
    if repaid:
        books.post(repay, {"amount": repaid})
    dispute = books.post("/v1/test_helpers/disputes", {"payment": payment["id"]}).json
    books.post(f"/v1/test_helpers/disputes/{dispute['id']}/resolve", {"outcome": "lost"})
    refund = books.api.get("/v1/refunds").json["data"][0]
    back = max(0, repaid + 599_900 - lost)
    assert (refund["loan_reduction"], refund["returned_to_shopper"]) == (599_900 - back, back)
    assert books.loan(payment)["recovered"] == repaid + 599_900 - back == books.of("recovery_income")
    assert books.limit_held() == 0
    books.work()
    assert books.of("refund_in_transit") == books.of("shopper_credit") == 0
    books.sound()


def test_a_loan_whose_last_rows_are_nothing_ends_with_the_last_row_above_nothing(books: Books) -> None:
    books.jump_to("2027-01-31")
    books.api.login()
    payment = books.api.captured(12)
    refund = books.post(
        "/v1/refunds", {"payment": payment["id"], "amount": 599_889, "reason": "kept a cable"}
    )
    assert refund.json["loan_reduction"] == 599_889
    loan = books.loan(payment)
    assert [row["payment"] for row in loan["schedule"]] == [1] * 11 + [0]
    for month in range(2, 13):
        assert books.loan(payment)["status"] == "active"
        books.jump_to(loan["schedule"][month - 2]["due_date"])
    loan = books.loan(payment)
    assert (loan["status"], loan["next_due_date"], loan["outstanding_principal"]) == ("settled", None, 0)
    assert [bill["status"] for bill in loan["bills"]] == ["paid"] * 11
    assert [row["payment"] for row in loan["schedule"]] == [1] * 11 + [0], "the last row never falls due"
    assert books.limit_held() == 0
    books.sound()


def test_who_paid_too_much_settles_early_out_of_the_credit(books: Books) -> None:
    books.api.login()
    payment = books.api.captured(12, amount=600_000)
    repay = f"/v1/test_helpers/loans/{payment['captures'][0]['loan']}/repay"
    books.pass_days(5)
    assert books.loan(payment)["early_settlement"]["amount"] == 601_500
    loan = books.post(repay, {"amount": 620_000}).json
    assert (loan["shopper_credit"], loan["status"]) == (620_000, "active")
    assert books.loan(payment)["early_settlement"]["amount"] == 0
    asked = {"early_settlement": True, "reference": "settle-1"}
    loan = books.post(repay, asked).json
    assert (loan["status"], loan["outstanding_principal"], loan["shopper_credit"]) == ("settled", 0, 0)
    assert books.of("refund_in_transit") == 620_000 - 601_500
    assert books.of("interest_income") == 1_500
    assert books.limit_held() == 0
    assert books.post(repay, asked).json == loan, "asking again changes nothing"
    assert books.post(repay, {"early_settlement": True}).json["code"] == "wrong_state"
    books.work()
    books.sound()


def test_a_part_of_an_early_settlement_is_paid_out_of_the_credit(books: Books) -> None:
    books.api.login()
    payment = books.api.captured(12, amount=600_000)
    repay = f"/v1/test_helpers/loans/{payment['captures'][0]['loan']}/repay"
    books.pass_days(5)
    books.post(repay, {"amount": 100_000})
    assert books.loan(payment)["early_settlement"]["amount"] == 501_500
    assert books.post(repay, {"early_settlement": True}).json["status"] == "settled"
    assert books.of("refund_in_transit") == books.of("loan_principal") == books.limit_held() == 0
    books.sound()


def test_a_full_refund_of_an_overdue_loan_waives_the_late_interest_on_what_came_back(books: Books) -> None:
    payment, _ = missed(books)
    books.jump_to("2027-01-10")
    before = books.loan(payment)
    assert before["total_late_interest"] > 0
    refund = books.post("/v1/refunds", {"payment": payment["id"], "reason": "sent back"}).json
    assert (refund["loan_reduction"], refund["returned_to_shopper"]) == (599_900, 0)
    loan = books.loan(payment)
    assert loan["total_late_interest"] == books.of("late_interest_income") == 0
    assert loan["amount_due"] == before["schedule"][0]["interest"], "what was earned until then is owed"
    books.sound()


def test_late_interest_that_was_paid_on_what_came_back_pays_what_is_still_owed(books: Books) -> None:
    payment, repay = missed(books)
    books.jump_to("2027-01-10")
    late = books.loan(payment)["total_late_interest"]
    books.post(repay, {"amount": late})
    assert books.of("late_interest_receivable") == 0
    books.post("/v1/refunds", {"payment": payment["id"], "reason": "sent back"})
    loan = books.loan(payment)
    assert loan["total_late_interest"] == 0
    assert loan["amount_due"] == loan["schedule"][0]["interest"] - late
    assert books.of("shopper_credit") == 0
    books.sound()


def test_a_partial_refund_waives_only_the_late_interest_on_its_part(books: Books) -> None:
    payment, _ = missed(books)
    books.jump_to("2027-01-10")
    before = books.loan(payment)
    bill = before["schedule"][0]["principal"]
    to_come = before["outstanding_principal"] - bill
    amount = to_come + bill // 2
    books.post("/v1/refunds", {"payment": payment["id"], "amount": amount, "reason": "half of it"})
    days = 18  # 2026-12-23 to 2027-01-10
    expected = (bill - bill // 2) * days * 5
    assert books.loan(payment)["total_late_interest"] == (expected + 5_000) // 10_000
    books.sound()


def test_a_payment_reported_after_a_lost_dispute_goes_back(books: Books) -> None:
    payment, repay = missed(books)
    books.jump_to("2027-01-10")
    books.api.login()
    dispute = books.post("/v1/test_helpers/disputes", {"payment": payment["id"]}).json
    books.post(f"/v1/test_helpers/disputes/{dispute['id']}/resolve", {"outcome": "lost"})
    loan = books.loan(payment)
    assert (loan["status"], loan["total_late_interest"], loan["total_interest"]) == ("refunded", 0, 0)
    first = loan["bills"][0]
    loan = books.post(repay, {"amount": 20_000, "received_on": "2026-12-23"}).json
    assert (loan["status"], loan["shopper_credit"]) == ("refunded", 0)
    assert loan["bills"][0] == first
    paid_interest = loan["total_interest"]
    assert paid_interest == books.of("interest_income"), "what was paid before the dispute was owed then"
    assert books.of("refund_in_transit") == 20_000 - paid_interest
    books.work()
    books.sound()


def test_a_return_that_fails_pays_what_is_open_before_anything_is_overdue(books: Books) -> None:
    """Two captures: the refund of the second pays the shopper back, by way of the first, which has an open bill."""
    books.gateway.ports.institution = NoReturns()
    books.api.login()
    payment = books.api.approved(3)
    for amount in (300_000, 299_900):
        payment = books.post(f"/v1/payments/{payment['id']}/capture", {"amount": amount}).json
    first, second = (capture["loan"] for capture in payment["captures"])
    books.post(f"/v1/test_helpers/loans/{second}/repay", {"amount": 200_000})
    books.post(f"/v1/test_helpers/loans/{second}/repay", {"early_settlement": True})
    books.post(f"/v1/test_helpers/loans/{first}/miss", {"instalments": 3})
    books.jump_to("2026-12-24")
    books.api.login()
    owed = books.api.get(f"/v1/loans/{first}").json["amount_due"]
    assert owed > 0
    body = {"payment": payment["id"], "amount": 299_900 + 1, "reason": "sent back"}
    refund = books.post("/v1/refunds", body).json
    assert refund["returned_to_shopper"] == 299_900
    books.work()
    loan = books.api.get(f"/v1/loans/{first}").json
    assert (loan["amount_due"], loan["bills"][0]["status"], loan["status"]) == (0, "paid", "active")
    assert loan["shopper_credit"] == 299_900 - owed
    assert books.api.get(f"/v1/refunds/{refund['id']}").json["status"] == "failed"
    books.sound()
    credit = loan["shopper_credit"]
    books.jump_to("2027-01-23")
    loan = books.loan({"captures": [{"loan": first}]})
    assert [bill["status"] for bill in loan["bills"]] == ["paid", "paid"], (
        "credit pays each bill on its due date"
    )
    assert loan["shopper_credit"] == credit - loan["schedule"][1]["payment"]
    books.sound()


def test_credit_that_earlier_rules_left_beside_an_open_bill_pays_it_on_the_next_day(books: Books) -> None:
    payment, repay = missed(books)
    loan_id = payment["captures"][0]["loan"]
    books.jump_to("2027-01-10")
    paid = books.post(repay).json
    right = books.of("loan_principal"), books.limit_held()

    def as_it_was(tx: Transaction) -> None:
        loan = tx.get_one(Loan, loan_id)
        lines = postings.credit_applied(
            loan=loan.id, funder=loan.funder, parts=postings.Parts(principal_fen=-278)
        )
        about, on = ("loan", loan.id), loan.contract_date
        ledger.book(tx, books.tenant, ledger.Event("credit_applied", about, lines, key="before", on=on))
        for sql in (
            "UPDATE loan_bill SET paid_principal_fen = paid_principal_fen - 278, paid_on = NULL",
            "UPDATE loan SET repaid_fen = repaid_fen - 278, credit_fen = 278",
            "UPDATE credit_limit SET held_fen = held_fen + 278",
        ):
            tx.connection().execute(text(sql))

    books.gateway.db.write(as_it_was)
    with books.gateway.db.read() as tx:
        broken = [check.name for check in verify(tx, AGREEMENTS).checks if not check.ok]
    assert broken == ["credit_pays_what_is_due"]
    books.jump(1)
    assert (books.of("loan_principal"), books.limit_held()) == right
    after = books.loan(payment)
    assert (after["shopper_credit"], after["bills"]) == (0, paid["bills"])
    with books.gateway.db.read() as tx:  # the facts do not know what was written by hand
        assert verify(tx, AGREEMENTS).ok


def test_a_payment_reported_after_an_early_settlement_goes_back_whole(books: Books) -> None:
    books.api.login()
    payment = books.api.captured(12)
    repay = f"/v1/test_helpers/loans/{payment['captures'][0]['loan']}/repay"
    books.jump(10)
    settled = books.post(repay, {"early_settlement": True}).json
    after = books.post(repay, {"amount": 50_000, "received_on": "2026-11-25"}).json
    assert {**after, "bills": settled["bills"]} == settled
    assert books.of("refund_in_transit") == 50_000
    books.work()
    assert books.of("refund_in_transit") == books.of("shopper_credit") == 0
    books.sound()


def test_money_received_before_a_write_off_and_reported_after_it_is_a_recovery(books: Books) -> None:
    payment, repay = missed(books, 3)
    books.jump(221)
    lost = books.loan(payment)["left_to_recover"]
    loan = books.post(repay, {"amount": 60_000, "received_on": "2026-12-23"}).json
    assert (loan["status"], loan["recovered"], loan["left_to_recover"]) == (
        "written_off",
        60_000,
        lost - 60_000,
    )
    assert books.of("recovery_income") == 60_000
    assert books.limit_held() == 599_900 - 60_000
    books.sound()
