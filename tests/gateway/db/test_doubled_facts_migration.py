"""A database in which one fact stands twice is not migrated: a sentence names the rows and what to do."""

from __future__ import annotations

from typing import Any

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from flask import Flask
from sqlalchemy import text

from gateway.cli import _sentence
from gateway.db.transactions import Transaction
from tests.by_force import by_force
from tests.gateway.conftest import Api
from tests.gateway.db.test_loan_facts_migration import revision

MADE_UNIQUE = ("capture_of_loan", "consent_of_checkout", "credit_decision_of_checkout")


def test_two_captures_of_one_loan_and_a_doubled_consent_are_named_before_anything_is_changed(
    app: Flask, api: Api
) -> None:
    first, second = (api.captured()["captures"][0] for _ in range(2))
    migration = revision("frozen_facts")

    def migrate_old_data(tx: Transaction) -> None:
        connection = tx.connection()
        for index in MADE_UNIQUE:
            connection.exec_driver_sql(f"DROP INDEX {index}")
        with Operations.context(MigrationContext.configure(connection)):
            migration.refuse_doubles()  # in sound data there are none
            loan = {"loan": first["loan"], "id": second["id"]}
            by_force(connection, "UPDATE capture SET loan_id = :loan WHERE id = :id", loan)
            columns = [row[0] for row in _columns(connection, "consent")]
            copied = ", ".join("id || '_again'" if name == "id" else f'"{name}"' for name in columns)
            named = ", ".join(f'"{name}"' for name in columns)
            copy = f"INSERT INTO consent ({named}) SELECT {copied} FROM consent ORDER BY id LIMIT 1"
            by_force(connection, copy)
            migration.upgrade()

    with pytest.raises(ValueError, match="changed nothing") as refusal:
        app.extensions["fenqi"].db.write(migrate_old_data)
    told = _sentence(refusal.value) or ""
    ids = sorted([first["id"], second["id"]])
    assert f"capture: {ids[0]}, {ids[1]} have the same loan_id. A loan is of one capture" in told
    assert (
        "_again have the same checkout_id, kind, given_at. They are one fact: delete all but the first."
        in told
    )
    assert "credit_decision" not in told


def _columns(connection: Any, table: str) -> Any:
    sqlite = "SELECT name FROM pragma_table_info(:name)"
    other = "SELECT column_name FROM information_schema.columns WHERE table_name = :name"
    found = sqlite if connection.dialect.name == "sqlite" else other
    return connection.execute(text(found), {"name": table}).all()
