"""A book in which everything has happened is recomputed from facts and is sound; an edit of any of its rows is named.

The edits go past the triggers, as whoever owns the database can: what a trigger refuses is proved elsewhere.
"""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Connection, Engine, text

from gateway.app import create_app
from gateway.cli import main
from gateway.config import Settings
from gateway.db import witness
from gateway.db.engine import connect
from gateway.db.tables import metadata
from gateway.db.transactions import Transaction
from gateway.ledger.integrity.verify import verify as verify_books
from gateway.merchants import service as merchants
from gateway.process.onboarding import onboard
from gateway.proof import facts
from gateway.proof.book_agreements import AGREEMENTS
from tests import older_release
from tests.conftest import new_database
from tests.gateway.conftest import Api, TestClock
from tests.gateway.proof.whole_life import WholeLife
from tests.gateway.scorer import loaded_scorer

pytestmark = pytest.mark.long(12)

EDITS = (
    # What the shopper owes and has paid.
    ("loan_instalment.interest_fen", "UPDATE loan_instalment SET interest_fen = 2 * interest_fen, payment_fen ="
     " payment_fen + interest_fen WHERE period >= 2 AND interest_fen > 0"),
    ("loan_instalment.fee_fen", "UPDATE loan_instalment SET fee_fen = fee_fen + 1, payment_fen = payment_fen + 1"
     " WHERE version = 2 AND period = 3"),
    ("loan_instalment.due_date", "UPDATE loan_instalment SET due_date = '2027-03-01' WHERE period = 3"),
    ("loan_instalment.period", "DELETE FROM loan_instalment WHERE version = 2 AND period = 3"),
    ("loan_bill.period", "DELETE FROM loan_bill WHERE period = 2"),
    ("loan_bill.due_date", "UPDATE loan_bill SET due_date = '2026-12-24' WHERE period = 1"),
    ("loan_bill.late_fen", "UPDATE loan_bill SET late_fen = late_fen + 1 WHERE late_fen > 0"),
    ("loan_bill.paid_principal_fen", "UPDATE loan_bill SET paid_principal_fen = paid_principal_fen - 1"
     " WHERE paid_principal_fen > 0"),
    ("loan_bill.paid_on", "UPDATE loan_bill SET paid_on = '2027-01-01' WHERE paid_on IS NOT NULL"),
    ("loan_repayment.received_on", "UPDATE loan_repayment SET received_on = '2026-12-25'"),
    ("loan_repayment.amount_fen", "UPDATE loan_repayment SET amount_fen = amount_fen + 1, credit_fen = credit_fen + 1"),
    ("loan_repayment.id", "DELETE FROM loan_repayment WHERE id = (SELECT max(id) FROM loan_repayment)"),
    ("loan_principal_reduction.amount_fen", "UPDATE loan_principal_reduction SET amount_fen = amount_fen - 1"),
    ("loan_credit_change.amount_fen", "UPDATE loan_credit_change SET amount_fen = amount_fen + 1"),
    ("loan.principal_fen", "UPDATE loan SET principal_fen = principal_fen + 1"),
    ("loan.repaid_fen", "UPDATE loan SET repaid_fen = repaid_fen + 1"),
    ("loan.late_daily_rate", "UPDATE loan SET late_daily_rate = '0.0006'"),
    ("loan.late_grace_days", "UPDATE loan SET late_grace_days = 2"),
    ("loan.recovered_fen", "UPDATE loan SET recovered_fen = recovered_fen - 1 WHERE recovered_fen > 0"),
    ("loan.subsidy_earned_fen", "UPDATE loan SET subsidy_earned_fen = subsidy_earned_fen + 1"),
    ("loan.next_due_date", "UPDATE loan SET next_due_date = '2027-09-01' WHERE next_due_date IS NOT NULL"),
    ("loan.status", "UPDATE loan SET status = 'settled' WHERE status = 'refunded'"),
    ("loan.status", "UPDATE loan SET status = 'active' WHERE status = 'overdue'"),
    ("loan.overdue_since", "UPDATE loan SET overdue_since = NULL, status = 'active' WHERE status = 'overdue'"),
    ("loan.ended_on", "UPDATE loan SET ended_on = '2027-01-01' WHERE ended_on IS NOT NULL"),
    # What merchants have sold, given back and are owed.
    ("capture.refunded_fen", "UPDATE capture SET refunded_fen = 0; UPDATE payment SET refunded_fen = 0"),
    ("payment.refunded_fen", "UPDATE payment SET refunded_fen = refunded_fen - 1 WHERE refunded_fen > 0"),
    ("payment.voided_fen", "UPDATE payment SET voided_fen = voided_fen - 1 WHERE voided_fen > 0"),
    ("payment.expires_at", "UPDATE payment SET expires_at = created_at"),
    ("payment.plan", "UPDATE payment SET plan = '{\"schedule\": [], \"merchant_subsidy\": 0}'"),
    ("capture.vat_fen", "UPDATE capture SET vat_fen = vat_fen + 1"),
    ("capture.goods_returned_fen", "UPDATE capture SET goods_returned_fen = amount_fen"),
    ("refund.amount_fen", "UPDATE refund SET amount_fen = amount_fen + 1"),
    ("refund.to_shopper_fen", "UPDATE refund SET to_shopper_fen = to_shopper_fen + 1"),
    ("refund.status", "UPDATE refund SET status = 'failed' WHERE status = 'succeeded'"),
    ("shopper_return.status", "UPDATE shopper_return SET status = 'succeeded' WHERE status = 'failed'"),
    ("collection.status", "UPDATE collection SET status = 'failed' WHERE status = 'succeeded'"),
    ("dispute.amount_fen", "UPDATE dispute SET amount_fen = amount_fen - 1"),
    ("dispute.status", "UPDATE dispute SET status = 'won' WHERE status = 'lost'"),
    ("subsidy_claim.returned_fen", "UPDATE subsidy_claim SET returned_fen = returned_fen - 1"),
    ("captured_line.amount_fen", "UPDATE captured_line SET amount_fen = amount_fen - 1 WHERE returned_fen = 0"),
    ("payment_line.amount_fen", "UPDATE payment_line SET amount_fen = amount_fen + 1"),
    ("contract.payment_id", "DELETE FROM contract WHERE id = (SELECT min(id) FROM contract)"),
    # Settlement, events and limits.
    ("settlement_line.amount_fen", "UPDATE settlement_line SET amount_fen = amount_fen + 1, net_fen = net_fen + 1"
     " WHERE kind = 'refund'"),
    ("settlement_line.batch_id", "UPDATE settlement_line SET batch_id = NULL WHERE kind = 'dispute_won'"),
    ("settlement_line.settlement_date", "UPDATE settlement_line SET settlement_date = '2026-12-31'"
     " WHERE kind = 'reserve_release'"),
    ("settlement_batch.payout_fen", "UPDATE settlement_batch SET payout_fen = payout_fen + 1, captures_fen ="
     " captures_fen + 1 WHERE payout_fen > 0"),
    ("settlement_batch.closing_fen", "UPDATE settlement_batch SET closing_fen = closing_fen - 1,"
     " opening_fen = opening_fen - 1 WHERE id = (SELECT max(id) FROM settlement_batch)"),
    ("payout.status", "UPDATE payout SET status = 'paid' WHERE status = 'returned'"),
    ("payout.amount_fen", "UPDATE payout SET amount_fen = amount_fen + 1"),
    ("event.sequence", "DELETE FROM event WHERE type = 'payment.authorized'"),
    ("event.type", "DELETE FROM event WHERE type = 'dispute.won'"),
    ("event.data.captured_amount", "UPDATE payment SET captured_fen = captured_fen - 1"
     " WHERE captured_fen > refunded_fen"),
    ("credit_limit.held_fen", "UPDATE credit_limit SET held_fen = held_fen + 1"),
    ("limit_movement.amount_fen", "UPDATE limit_movement SET amount_fen = amount_fen + 1 WHERE reason = 'authorized'"),
    ("merchant.reserve_rate", "UPDATE merchant SET reserve_rate = '0.06' WHERE reserve_rate IS NOT NULL"),
)  # fmt: skip
"""The column that is named, and what an owner of the database does."""


@pytest.fixture(scope="module")
def life(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[WholeLife, Settings]]:
    """One book for all tests of this module: whoever edits it takes it back."""
    folder, clock, chance = tmp_path_factory.mktemp("life"), TestClock(), random.Random(20261123)
    with new_database(request, "sqlite", folder) as url:
        settings = Settings(
            database_url=url,
            data_dir=folder / "data",
            public_url="http://gateway.test",
            worker_in_process=False,
        )
        ports = {"scorer": loaded_scorer()}
        app = create_app(settings, clock=clock, random_bits=chance.getrandbits, ports=ports)
        yield WholeLife(app, clock, lambda category="3c": _merchant(app, category)), settings
        app.extensions["fenqi"].db.engine.dispose()


counter = itertools.count(1)


def _merchant(app: Flask, category: str) -> Api:
    number = next(counter)
    credentials = onboard(
        app.extensions["fenqi"],
        name=f"商户{number}",
        name_en=f"Merchant {number}",
        category=category,
        mode="test",
        email=f"life{number}@shop.example",
        webhook_url=None,
    )
    api = Api(app.test_client(), credentials)
    api.login()
    return api


@contextmanager
def without_triggers(life: WholeLife) -> Iterator[Connection]:
    """A connection on which no trigger refuses anything, for what is taken back at its end."""
    engine = life.gateway.db.engine
    with engine.connect().execution_options(writes=True) as connection:
        triggers = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        for (name,) in connection.exec_driver_sql(triggers).all():
            connection.exec_driver_sql(f"DROP TRIGGER {name}")
        connection.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
        yield connection
        connection.rollback()


def recomputed(life: WholeLife, connection: Connection) -> facts.Report:
    with Transaction(connection, now=life.books.clock(), ids=life.gateway.db.ids) as tx:
        return facts.verify(tx)


def test_a_whole_life_is_sound(life: Any) -> None:
    book, _ = life
    with book.gateway.db.read() as tx:
        report, books = facts.verify(tx), verify_books(tx, AGREEMENTS)
    assert report.ok, report.sentences
    assert books.ok, [check for check in books.checks if not check.ok]
    with book.gateway.db.read() as tx:
        states = set(tx.connection().execute(text("SELECT status FROM loan")).scalars())
        versions = tx.connection().execute(text("SELECT max(version) FROM loan_instalment")).scalar_one()
        tables = {edit.partition(".")[0] for edit, _ in EDITS}
        empty = [
            name for name in tables if not tx.connection().execute(text(f"SELECT 1 FROM {name}")).first()
        ]
    assert states >= {"active", "overdue", "settled", "refunded", "unwound", "written_off"}, states
    assert versions > 2
    assert not empty


def test_every_edit_is_named(life: Any) -> None:
    book, _ = life
    with without_triggers(book) as connection:
        assert not unnamed_edits(book, connection, EDITS)


def test_postgresql_says_the_same_of_the_same_rows(
    life: Any, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    book, _ = life
    with new_database(request, "postgresql", tmp_path) as url:
        engine = connect(url)
        with engine.connect() as connection:
            connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
            copy_rows(book.gateway.db.engine, connection)
            report = recomputed(book, connection)
            assert report.ok, report.sentences
            connection.exec_driver_sql("SET LOCAL session_replication_role = origin")
            with (
                connection.begin_nested(),
                Transaction(connection, now=book.books.clock(), ids=book.gateway.db.ids) as tx,
            ):
                books = verify_books(tx, AGREEMENTS)
            assert books.ok, [check for check in books.checks if not check.ok]
            connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
            assert not unnamed_edits(book, connection, EDITS[::4])
        engine.dispose()


def copy_rows(source: Engine, target: Connection) -> None:
    """Every row of every table; what the target held before is gone."""
    for table in reversed(metadata().sorted_tables):
        target.execute(table.delete())
    with source.connect() as connection:
        for table in metadata().sorted_tables:
            if rows := [dict(row) for row in connection.execute(table.select()).mappings()]:
                target.execute(table.insert(), rows)


def unnamed_edits(book: WholeLife, connection: Connection, edits: Any) -> list[Any]:
    """The edits after which a recomputation does not name the column; each is taken back."""
    unnamed = []
    for column, statements in edits:
        point = connection.begin_nested()
        changed = [connection.execute(text(sql)).rowcount for sql in statements.split("; ")]
        report = recomputed(book, connection)
        point.rollback()
        named = {f"{row['table']}.{row['column']}" for row in report.findings}
        assert all(changed), statements
        unnamed += [] if column in named else [(column, statements, report.sentences)]
    return unnamed


def test_an_edit_whose_hash_was_written_too_is_named(life: Any) -> None:
    """Whoever sends money elsewhere writes the hash of the row as well, which no key keeps."""
    book, _ = life
    shop = book.seller.credentials["merchant"]
    with book.gateway.db.read() as tx:
        agreed = merchants.get(tx, shop).payout_account
    book.gateway.db.write(lambda tx: older_release.name_payout_account(tx, shop, "acct_of_the_shop"))
    edits = {
        "merchant.payout_account": f"UPDATE merchant SET payout_account = 'acct_of_a_thief' WHERE id = '{shop}'",
        "shopper_return.shopper_id": "UPDATE shopper_return SET shopper_id = (SELECT max(id) FROM shopper)",
        "subsidy_quota.category": "DELETE FROM subsidy_quota",
    }
    assert agreed is None
    unnamed = []
    with without_triggers(book) as connection:
        before = recomputed(book, connection).sentences
        for column, sql in edits.items():
            point = connection.begin_nested()
            assert connection.execute(text(sql)).rowcount
            witness.write_down(connection, [metadata().tables[column.partition(".")[0]]])
            named = {f"{row['table']}.{row['column']}" for row in recomputed(book, connection).findings}
            point.rollback()
            unnamed += [] if column in named else [column]
    assert not before
    assert not unnamed


def test_a_finding_says_whose_row_it_is_what_it_should_say_and_why(life: Any) -> None:
    book, _ = life
    with without_triggers(book) as connection:
        loan = connection.execute(text("SELECT id FROM loan WHERE status = 'written_off'")).scalar_one()
        owed = connection.execute(text(f"SELECT written_off_fen FROM loan WHERE id = '{loan}'")).scalar_one()
        connection.execute(text(f"UPDATE loan SET written_off_fen = written_off_fen - 1 WHERE id = '{loan}'"))
        report = recomputed(book, connection)
    assert report.findings == [
        {
            "table": "loan",
            "id": loan,
            "column": "written_off_fen",
            "wanted": str(owed),
            "got": str(owed - 1),
            "computed_from": "the entry of the write-off",
            "merchant": book.seller.credentials["merchant"],
            "mode": "test",
        }
    ]


def test_the_command_runs_every_proof_and_names_the_first_bad_row(
    life: Any, monkeypatch: Any, capsys: Any
) -> None:
    book, settings = life
    monkeypatch.setenv("DATABASE_URL", settings.database_url)
    monkeypatch.setenv("FENQI_DATA_DIR", str(settings.data_dir))
    assert main(["verify"]) == 0
    said = capsys.readouterr().out
    assert "values disagree" in said
    assert said.endswith("Sound: ledger, facts, contracts, audit.\n")
    engine = book.gateway.db.engine.execution_options(writes=True)
    edit = "UPDATE loan SET repaid_fen = repaid_fen {} 1 WHERE id = (SELECT min(id) FROM loan)"
    with engine.begin() as connection:
        connection.execute(text(edit.format("+")))
    try:
        assert main(["verify", "--json"]) == 1
        found = json.loads(capsys.readouterr().out)
        assert main(["verify", "--only", "facts"]) == 1
        told = capsys.readouterr()
        assert main(["verify", "--only", "contracts"]) == 0
    finally:
        with engine.begin() as connection:
            connection.execute(text(edit.format("-")))
    assert {name: found[name]["ok"] for name in ("ledger", "facts", "contracts", "audit")} == {
        "ledger": False,
        "facts": False,
        "contracts": True,
        "audit": True,
    }
    assert found["facts"]["first"].endswith("repaid_fen")
    assert "repaid_fen: wanted" in told.err
    assert "BROKEN: facts." in told.out
