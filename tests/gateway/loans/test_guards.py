"""What a loan refuses or does not owe any more by its state, and what waits for no job of the day."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from sqlalchemy import text

from gateway.errors import WrongState
from gateway.loans import closing, repayment, service
from gateway.loans.models import LoanBill
from tests.gateway.books import Books
from tests.one_database import database_url  # noqa: F401


def loan_of(payment: dict[str, Any]) -> str:
    return str(payment["captures"][0]["loan"])


def refused(books: Books, verb: Any, *arguments: Any, **named: Any) -> str:
    """What ``verb`` says when it refuses."""
    with pytest.raises(WrongState) as error:
        books.gateway.db.write(lambda tx: verb(tx, *arguments, **named))
    return str(error.value)


def test_a_loan_that_runs_is_not_written_off_and_one_that_never_was_does_nothing_any_more(
    books: Books,
) -> None:
    payment = books.api.captured(3)
    loan, tenant = loan_of(payment), books.tenant
    assert "active" in refused(books, closing.write_off, tenant, loan_id=loan)
    books.post("/v1/refunds", {"payment": payment["id"], "kind": "unwind", "reason": "7 days"})
    assert "unwound" in refused(books, closing.unwind, tenant, loan_id=loan)
    assert "unwound" in refused(books, closing.write_off, tenant, loan_id=loan)
    assert "unwound" in refused(books, repayment.settle_early, tenant, loan_id=loan, reference="r")
    assert books.post(f"/v1/test_helpers/loans/{loan}/miss", {"instalments": 1}).status_code == 409
    shown = books.loan(payment)
    assert (shown["early_settlement"], shown["bucket"], shown["amount_due"]) == (None, None, 0)
    after = books.post(f"/v1/test_helpers/loans/{loan}/repay", {"amount": 700}).json
    assert (after["status"], after["left_to_recover"]) == ("unwound", 0)
    assert books.of("refund_in_transit") == 700, "it is sent back"
    books.sound()


def test_who_pays_before_the_jobs_of_the_day_have_run_is_billed_first(books: Books) -> None:
    payment = books.api.captured(3)
    first, second, third = (row["payment"] for row in books.loan(payment)["schedule"])
    repay = f"/v1/test_helpers/loans/{loan_of(payment)}/repay"
    books.clock.advance(days=40)
    loan = books.post(repay, {"amount": first + 5, "received_on": "2026-12-23"}).json
    assert [(bill["status"], bill["paid_on"], bill["late_interest"]) for bill in loan["bills"]] == [
        ("paid", "2026-12-23", 0)
    ]
    assert (loan["shopper_credit"], loan["next_due_date"]) == (5, "2027-01-23")
    books.clock.advance(days=60)
    loan = books.post(repay, {"amount": 100}).json
    assert [bill["status"] for bill in loan["bills"]] == ["paid", "open", "open"]
    by_credit = "SELECT effective_date FROM ledger_entry WHERE kind = 'credit_applied'"
    assert str(books.figure(by_credit)) == "2027-01-23", "on the due date, though nobody was there"
    late = sum(bill["late_interest"] for bill in loan["bills"])
    assert late > 0 == loan["shopper_credit"]
    assert (loan["status"], loan["next_due_date"]) == ("overdue", None)
    assert loan["amount_due"] == second + third - 105 + late
    assert "overdue" in refused(
        books, repayment.settle_early, books.tenant, loan_id=loan_of(payment), reference="r"
    ), "nothing is to come"
    refund = books.post(
        "/v1/refunds", {"payment": payment["id"], "amount": 10_000, "reason": "scratched"}
    ).json
    assert refund["loan_reduction"] == 10_000, "of what is billed, for nothing is to come"
    books.sound()
    ended = books.post(repay, {"amount": books.loan(payment)["amount_due"] + 3}).json
    assert (ended["status"], books.of("refund_in_transit")) == ("settled", 3)
    books.sound()


def test_money_for_a_loan_that_ended_under_earlier_rules_goes_back_and_changes_nothing_else(
    books: Books,
) -> None:
    payment = books.api.captured(3)
    repay = f"/v1/test_helpers/loans/{loan_of(payment)}/repay"
    books.post(f"/v1/test_helpers/loans/{loan_of(payment)}/miss", {"instalments": 3})
    books.jump_to("2027-01-10")
    before = books.loan(payment)
    books.gateway.db.write(
        lambda tx: tx.connection().execute(
            text("UPDATE loan SET status = 'settled', ended_on = '2027-01-10', next_due_date = NULL")
        )
    )
    after = books.post(repay, {"amount": 4_000}).json
    assert (after["status"], after["repaid_principal"], after["shopper_credit"]) == ("settled", 0, 0)
    assert after["schedule"] == before["schedule"]
    assert books.of("refund_in_transit") == 4_000


def test_what_is_owed_of_a_bill_is_what_was_billed_less_what_came_of_each_part() -> None:
    bill = LoanBill(
        loan_id="loan",
        period=1,
        due_date=date(2026, 12, 23),
        principal_fen=50_000,
        returned_fen=3_001,
        paid_principal_fen=7_003,
        interest_fen=900,
        waived_interest_fen=101,
        paid_interest_fen=203,
        fee_fen=800,
        waived_fee_fen=107,
        paid_fee_fen=211,
        late_fen=600,
        paid_late_fen=113,
    )
    owed = closing._charges_owed([bill, bill])
    assert (owed.interest_fen, owed.fee_fen, owed.late_interest_fen) == (2 * 596, 2 * 482, 2 * 487)
    assert service.owed_fen(bill) == 50_000 - 3_001 - 7_003 + 596 + 482 + 487
