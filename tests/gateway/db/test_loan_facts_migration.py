"""Loans of before are brought along: what refunds took, what the shopper is owed and what was lost are told apart."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import Any

from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Connection, text
from sqlmodel import select

import gateway.db.migrations
from gateway.core.calendar import shanghai_date
from gateway.db.guards import TRIGGER, statements
from gateway.db.transactions import Transaction
from gateway.institution.port import Answer, Instruction
from gateway.loans import replay, standing
from gateway.loans.models import Loan
from tests.by_force import by_force
from tests.gateway.books import Books

VERSIONS = Path(gateway.db.migrations.__path__[0]) / "versions"
NEW_COLUMNS = {
    "loan": ("written_off_charges_fen", "charges_waived_on", "settlement_reference"),
    "loan_bill": ("returned_fen", "waived_interest_fen", "waived_fee_fen"),
}
STATE = (
    "SELECT id, status, next_due_date, repaid_fen, refunded_fen, credit_fen, written_off_charges_fen,"
    " charges_waived_on FROM loan ORDER BY id",
    "SELECT loan_id, period, returned_fen, paid_principal_fen, paid_late_fen, paid_on FROM loan_bill"
    " ORDER BY loan_id, period",
    "SELECT loan_id, period, reduced_on, SUM(amount_fen) FROM loan_principal_reduction"
    " GROUP BY loan_id, period, reduced_on ORDER BY loan_id, period, reduced_on",
    "SELECT loan_id, changed_on, amount_fen, about FROM loan_credit_change ORDER BY loan_id, about, amount_fen",
)


class NoReturns:
    def carry_out(self, instruction: Instruction) -> Answer:
        works = instruction.movement != "refund" and not instruction.test_failure
        return Answer("succeeded") if works else Answer("failed", "account_closed")

    def look_up(self, instruction: Instruction) -> Answer | None:
        return None


def test_loans_in_every_state_are_brought_along(books: Books) -> None:
    books.gateway.ports.institution = NoReturns()
    names = ("lowered", "disputed", "failed", "lost", "paid")
    loans = {name: loan_of(books, missed=name in ("lowered", "disputed", "lost")) for name in names}
    books.jump(33)
    repay(books, loans["lowered"], 30_000)
    give_back(books, loans["lowered"], 570_000)
    repay(books, loans["disputed"], 3_000)
    lose_dispute(books, loans["disputed"])
    give_back(books, loans["failed"], None)
    repay(books, loans["paid"], 20_000)
    books.work()
    books.jump(190)
    before = books.gateway.db.write(state)
    assert {row[1] for row in before[0]} == {"active", "refunded", "written_off"}
    assert before[2], "a refund took principal off a bill"
    assert before[3], "a return has failed"
    assert any(row[6] for row in before[0]), "charges were written off"
    assert any(row[7] for row in before[0]), "charges were waived"
    books.gateway.db.write(as_of_before)
    books.gateway.db.write(lambda tx: migrate_and_guard(tx.connection()))
    assert books.gateway.db.write(state) == before
    books.sound()


def test_a_loan_of_which_nothing_is_left_has_ended(books: Books) -> None:
    payment = loan_of(books, missed=False, term=3)
    books.jump(93)
    assert books.loan(payment)["status"] == "settled"

    def stuck(tx: Transaction) -> None:
        by_force(tx.connection(), "UPDATE loan SET status = 'active', ended_on = NULL")
        as_of_before(tx)
        migrate_and_guard(tx.connection())

    books.gateway.db.write(stuck)
    assert books.loan(payment)["status"] == "settled"
    books.sound()


def loan_of(books: Books, *, missed: bool, term: int = 12) -> dict[str, Any]:
    books.api.login()
    payment: dict[str, Any] = books.api.captured(term, amount=599_900 if term == 12 else 150_000)
    if missed:
        books.post(f"/v1/test_helpers/loans/{payment['captures'][0]['loan']}/miss", {"instalments": 12})
    return payment


def repay(books: Books, payment: dict[str, Any], amount: int) -> None:
    answer = books.post(f"/v1/test_helpers/loans/{payment['captures'][0]['loan']}/repay", {"amount": amount})
    assert answer.status_code == 200, answer.text


def give_back(books: Books, payment: dict[str, Any], amount: int | None) -> None:
    body = {"payment": payment["id"], "reason": "x"} | ({"amount": amount} if amount else {})
    assert books.post("/v1/refunds", body).status_code == 201


def lose_dispute(books: Books, payment: dict[str, Any]) -> None:
    dispute = books.post("/v1/test_helpers/disputes", {"payment": payment["id"]}).json
    books.post(f"/v1/test_helpers/disputes/{dispute['id']}/resolve", {"outcome": "lost"})


def state(tx: Transaction) -> list[list[tuple[Any, ...]]]:
    return [[tuple(row) for row in tx.connection().execute(text(query))] for query in STATE]


def drop_triggers(connection: Connection) -> None:
    """Drop what a later migration made to keep these tables as they are."""
    for trigger in later_triggers(connection):
        on = "" if sqlite(connection) else f" ON {trigger[2]}"
        connection.execute(text(f"DROP TRIGGER {trigger[1]}{on}"))


def migrate_and_guard(connection: Connection) -> None:
    migrate(connection)
    for trigger in later_triggers(connection):
        connection.exec_driver_sql(trigger[0])


def later_triggers(connection: Connection) -> list[re.Match[str]]:
    found = map(TRIGGER.search, statements("frozen", connection.dialect.name))
    return [trigger for trigger in found if trigger]


def as_of_before(tx: Transaction) -> None:
    """Put the tables as they were: payments have reductions of principal, too, and nothing is told apart."""
    connection = tx.connection()
    for loan_id, (_, facts) in standing.facts_of(tx, tx.exec(select(Loan)).all()).items():
        bills = replay.replay(facts, as_of=shanghai_date(tx.now)).bills
        for period, bill in bills.items():
            for number, (day, amount) in enumerate(bill.principal_payments):
                # Identifiers sort as they were made, and the refunds came after the payments of their day.
                row = {"id": f"red_0{loan_id[5:]}{period}{number}", "loan": loan_id, "period": period}
                connection.execute(
                    text(
                        "INSERT INTO loan_principal_reduction (id, loan_id, period, reduced_on, amount_fen)"
                        " VALUES (:id, :loan, :period, :day, :amount)"
                    ),
                    {**row, "day": day.isoformat() if sqlite(connection) else day, "amount": amount},
                )
    drop_triggers(connection)
    connection.execute(text("UPDATE loan_bill SET paid_principal_fen = paid_principal_fen + returned_fen"))
    connection.execute(text("DROP TABLE loan_credit_change"))
    for table, columns in NEW_COLUMNS.items():
        for column in columns:
            connection.execute(text(f"ALTER TABLE {table} DROP COLUMN {column}"))


def sqlite(connection: Connection) -> bool:
    return connection.dialect.name == "sqlite"


def migrate(connection: Connection) -> None:
    """Bring loans along as an upgrade does, by both migrations that do."""
    with Operations.context(MigrationContext.configure(connection)):
        revision("loan_facts").upgrade()
        revision("frozen_facts").bring_loans_along()


def revision(name: str) -> Any:
    [path] = VERSIONS.glob(f"*_{name}.py")
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
