"""What the books say of one shopper's earlier loans: nobody else's, and none that never was."""

from __future__ import annotations

from typing import Any

from sqlmodel import select

from gateway.identity.invented import invented_id_number
from gateway.loans import service
from gateway.loans.models import Loan
from tests.gateway.books import Books
from tests.one_database import database_url  # noqa: F401


def bought(books: Books, who: str) -> dict[str, Any]:
    """A payment of a person, captured."""
    checkout = books.api.checkout()
    person = {"name": "王小明", "id_number": invented_id_number(who)}
    played = {"term": 3, "phone": "13800000001", **person}
    done = books.post(f"/v1/test_helpers/checkouts/{checkout['id']}/complete", played).json
    payment: dict[str, Any] = books.post(f"/v1/payments/{done['payment']}/capture").json
    return payment


def test_history_counts_the_shoppers_own_loans_but_not_what_was_unwound(books: Books) -> None:
    mine, taken_back = bought(books, "me"), bought(books, "me")
    of_another = [bought(books, "another") for _ in range(3)]
    books.post(f"/v1/test_helpers/loans/{of_another[0]['captures'][0]['loan']}/miss", {"instalments": 1})
    books.jump_to("2026-12-23")
    books.jump_to("2026-12-27")
    late = books.loan(of_another[0])
    received = {"delivered_at": "2026-12-26T09:00:00Z"}
    books.api.call("PATCH", f"/v1/payments/{taken_back['id']}", {"shipping": received})
    returned = books.post("/v1/refunds", {"payment": taken_back["id"], "reason": "sent back"}).json
    assert returned["kind"] == "unwind", "though an instalment of it was billed and paid"
    assert late["bills"][0]["amount_due"] == late["amount_due"] > 0
    with books.gateway.db.read() as tx:
        who = {loan.payment_id: loan.shopper_id for loan in tx.exec(select(Loan))}
        assert who[mine["id"]] == who[taken_back["id"]] != who[of_another[0]["id"]]
        assert service.history(tx, who[mine["id"]]) == {
            "prior_loans": 1,
            "prior_on_time_instalments": 1,
            "prior_late_instalments": 0,
            "max_delinquency_days": 0,
        }
        assert service.history(tx, who[of_another[0]["id"]]) == {
            "prior_loans": 3,
            "prior_on_time_instalments": 2,
            "prior_late_instalments": 1,
            "max_delinquency_days": 4,
        }


def test_a_quote_after_the_last_due_date_has_all_but_the_last_instalment_already_due(books: Books) -> None:
    payment = bought(books, "me")
    books.clock.advance(days=30)
    on_the_due_date = books.loan(payment)["early_settlement"]
    assert (on_the_due_date["on"], on_the_due_date["already_due"]) == ("2026-12-23", 0)
    books.clock.advance(days=70)  # and no job ran: nothing is billed
    quote = books.loan(payment)["early_settlement"]
    payments = [row["payment"] for row in payment_schedule(books, payment)]
    assert (quote["already_due"], quote["amount"]) == (sum(payments[:-1]), sum(payments))
    assert quote["saved_interest"] == 0


def payment_schedule(books: Books, payment: dict[str, Any]) -> list[dict[str, Any]]:
    schedule: list[dict[str, Any]] = books.loan(payment)["schedule"]
    return schedule
