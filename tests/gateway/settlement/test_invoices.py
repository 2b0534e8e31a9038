"""Invoices: what is owed for too long is asked for, and paid by settlements or from outside."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any

import pytest

from gateway.cli import main
from gateway.db.transactions import READ_COMMITTED, Transaction
from gateway.errors import DuplicateReference, InvalidRequest
from gateway.settlement import invoices, terms
from gateway.settlement.invoices import Debt, day_of_invoice, uninvoiced_fen
from tests.gateway.books import Books
from tests.one_database import database_url, on_both  # noqa: F401

DAY = date(2026, 11, 2)


def debts(*fen: int) -> list[Debt]:
    return [Debt(DAY + timedelta(days=at), one) for at, one in enumerate(fen)]


@pytest.mark.parametrize(
    ("owed", "covered", "after", "amount"),
    [
        ((500,), 0, 6, 0),
        ((500,), 0, 7, 500),
        ((500, 300, 800), 0, 7, 300),
        ((500, 300, 800), 0, 9, 800),
        ((500, 300, 800), 300, 8, 0),
        ((500, 300, 800), 300, 9, 500),
        ((500, 0, 800), 0, 8, 0),
        ((500, 0, 800), 0, 9, 800),
        ((500,), 600, 7, 0),
    ],
)
def test_what_was_owed_without_a_break_is_invoiced(
    owed: tuple[int, ...], covered: int, after: int, amount: int
) -> None:
    on = DAY + timedelta(days=after)
    assert uninvoiced_fen(debts(*owed), on=on, days=7, covered_fen=covered) == amount
    first = day_of_invoice(debts(*owed), days=7, covered_fen=covered)
    assert (first is not None and first <= on) == bool(amount)


def owing(books: Books, *, after: int = 5) -> dict[str, Any]:
    """A merchant that owes a refund after its payout, and the terms by which it is invoiced."""
    changes = {"invoice_after_days": after, "invoice_due_days": 10}
    standard = terms.standard(books.gateway.settings)
    books.gateway.db.write(
        lambda tx: terms.agree(tx, books.tenant, valid_from=None, changes=changes, standard=standard) and None
    )
    payment = books.api.captured(3, amount=60_000)
    books.pass_days(4)
    books.post("/v1/refunds", {"payment": payment["id"], "reason": "sent back"})
    books.pass_days(2)
    return payment


def listed(books: Books) -> list[dict[str, Any]]:
    books.api.login()
    found: list[dict[str, Any]] = books.api.get("/v1/invoices").json["data"]
    return found


def pay(books: Books, invoice: str, fen: int, reference: str) -> bool:
    funder = books.gateway.settings.funder

    def record(tx: Transaction) -> bool:
        return invoices.pay(tx, books.tenant, invoice, received_fen=fen, reference=reference, funder=funder)

    return books.gateway.db.write(record, READ_COMMITTED)


@on_both
def test_a_debt_is_invoiced_after_its_days_and_netted_by_later_settlements(books: Books) -> None:
    owing(books)
    owed = books.of("merchant_receivable")
    assert owed > 0
    assert listed(books) == []
    books.pass_days(7)
    (invoice,) = listed(books)
    assert (invoice["amount"], invoice["amount_left"], invoice["status"]) == (owed, owed, "open")
    assert date.fromisoformat(invoice["due_on"]) == date.fromisoformat(invoice["opened_on"]) + timedelta(10)
    books.pass_days(11)
    assert [row["status"] for row in listed(books)] == ["overdue"], "and it is invoiced once"
    books.api.captured(3, amount=30_000)
    books.pass_days(4)
    (part,) = listed(books)
    assert part["amount_left"] == books.of("merchant_receivable") < owed
    books.sound()
    books.api.captured(3, amount=60_000)
    books.pass_days(4)
    (whole,) = listed(books)
    assert (whole["amount_left"], whole["status"]) == (0, "paid")
    assert books.api.get(f"/v1/invoices/{invoice['id']}").json == whole
    books.sound()


@on_both
def test_a_payment_from_outside_pays_it_and_what_is_above_is_paid_out(books: Books) -> None:
    owing(books)
    books.pass_days(7)
    (invoice,) = listed(books)
    owed = invoice["amount"]
    assert pay(books, invoice["id"], 10_000, "bank-1")
    assert not pay(books, invoice["id"], 10_000, "bank-1")
    with pytest.raises(DuplicateReference):
        pay(books, invoice["id"], 10_001, "bank-1")
    for fen, reference in ((0, "bank-2"), (1, " "), (1, "x" * 65)):
        with pytest.raises(InvalidRequest):
            pay(books, invoice["id"], fen, reference)
    assert listed(books)[0]["amount_left"] == books.of("merchant_receivable") == owed - 10_000
    books.sound()
    assert pay(books, invoice["id"], owed, "bank-2")
    assert listed(books)[0]["status"] == "paid"
    assert (books.of("merchant_receivable"), books.of("merchant_available")) == (0, 10_000)
    books.pass_days(4)
    batch = books.api.login() or books.api.get("/v1/settlements").json["data"][0]
    assert (batch["opening"], batch["adjustments"], batch["payout_amount"]) == (-owed, owed + 10_000, 10_000)
    assert len(listed(books)) == 1
    books.sound()


def test_others_do_not_see_it_and_the_commands_list_and_pay(
    books: Books, new_merchant: Any, monkeypatch: Any, capsys: Any
) -> None:
    owing(books)
    books.pass_days(7)
    (invoice,) = listed(books)
    stranger = new_merchant()
    assert stranger.get("/v1/invoices").json["data"] == []
    assert stranger.get(f"/v1/invoices/{invoice['id']}").status_code == 404
    monkeypatch.setenv("DATABASE_URL", books.gateway.settings.database_url)
    monkeypatch.setenv("FENQI_DATA_DIR", str(books.gateway.settings.data_dir))
    command = ["settlement", "invoices"]
    assert main([*command, "list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["id"] == invoice["id"]
    asked = ["pay", invoice["id"], "--amount", str(invoice["amount"]), "--reference", "bank-7"]
    assert main([*command, *asked]) == main([*command, *asked]) == 0
    assert '"status": "paid"' in capsys.readouterr().out
    assert main([*command, "pay", "ivc_none", "--amount", "1", "--reference", "bank-8"]) == 1
    logged = "SELECT count(*) FROM audit_entry WHERE action = 'merchant.invoice_paid'"
    assert books.figure(logged) == 1
