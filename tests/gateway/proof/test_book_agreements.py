"""The books are compared with what other tables say; a table that disagrees is named."""

from __future__ import annotations

import json
from typing import Any

from gateway.cli import main
from gateway.db.transactions import Transaction
from gateway.ledger.integrity.checks import INVARIANTS, Check
from gateway.ledger.integrity.verify import verify
from gateway.proof.book_agreements import AGREEMENTS
from tests.by_force import by_force
from tests.gateway.books import Books
from tests.one_database import database_url, on_both  # noqa: F401

EDITS = (
    ("loan_principal_booked", "UPDATE loan SET repaid_fen = repaid_fen + 1"),
    (
        "loan_schedule_complete",
        "UPDATE loan_instalment SET principal_fen = principal_fen + 1, payment_fen = payment_fen + 1",
    ),
    ("loan_charges_booked", "UPDATE loan_bill SET late_fen = late_fen + 1"),
    ("shopper_credit_booked", "UPDATE loan SET credit_fen = 1"),
    ("credit_pays_what_is_due", "UPDATE loan_bill SET paid_on = NULL; UPDATE loan SET credit_fen = 1"),
    ("recovered_was_written_off", "UPDATE loan SET recovered_fen = 1"),
    ("nothing_left_has_ended", "UPDATE loan SET billed_periods = 3"),
    ("ended_loans_hold_no_credit", "UPDATE loan SET status = 'settled', credit_fen = 1"),
    ("merchant_subsidy_whole", "UPDATE loan SET subsidy_earned_fen = subsidy_earned_fen + 1"),
    ("merchant_pending_settles", "UPDATE settlement_line SET batch_id = NULL WHERE kind = 'capture'"),
    ("payouts_in_transit", "UPDATE payout SET status = 'pending'"),
    ("limits_hold_what_is_lent", "UPDATE credit_limit SET held_fen = held_fen + 1"),
)

NAMED = {
    *(
        "account",
        "capture",
        "entry",
        "loan",
        "merchant",
        "mode",
        "object",
        "payment",
        "payout",
        "refund or return",
        "shopper",
    )
}


def test_every_rule_says_what_it_names() -> None:
    assert {rule.names for rule in (*INVARIANTS, *AGREEMENTS)} <= NAMED


def test_a_table_that_disagrees_with_the_books_is_named(books: Books) -> None:
    books.api.captured(3)
    books.jump_to("2026-12-23")
    books.sound()
    for check, edit in EDITS:
        broken = broken_by(books, edit)
        assert check in broken
        assert broken[check].first
        assert "fen" in broken[check].detail or "held" in broken[check].detail
    books.sound()


def broken_by(books: Books, edit: str) -> dict[str, Check]:
    """The checks that an edit breaks; it is taken back."""
    engine = books.gateway.db.engine.execution_options(writes=True)
    with engine.connect() as connection, connection.begin() as before:
        for statement in edit.split("; "):
            by_force(connection, statement)
        with Transaction(connection, now=books.clock(), ids=books.gateway.db.ids) as tx:
            report = verify(tx, AGREEMENTS)
        before.rollback()
    return {found.name: found for found in report.checks if not found.ok}


@on_both
def test_the_command_verifies_the_agreements_too(books: Books, capsys: Any, monkeypatch: Any) -> None:
    books.api.captured(3)
    monkeypatch.setenv("DATABASE_URL", books.gateway.settings.database_url)
    monkeypatch.setenv("FENQI_DATA_DIR", str(books.gateway.settings.data_dir))
    assert main(["ledger", "verify", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert {check.name for check in AGREEMENTS} <= {check["name"] for check in report["checks"]}
