"""Triggers that guard ledger, contracts and consents, as plain SQL beside the migrations, a file for each database."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection

SQL = Path(__file__).parent / "migrations" / "sql"
SEPARATOR = "\n-- next\n"
LEDGER, CONTRACTS, CONSENTS = ("ledger", "ledger_chain"), ("contracts",), ("consents",)
"""Files by room, in the order in which migrations install them; a file that a release carried is never changed."""


def statements(file: str, dialect: str) -> list[str]:
    """The statements of ``<file>.<dialect>.sql``, which are parted by a line ``-- next``."""
    text = (SQL / f"{file}.{dialect}.sql").read_text("utf-8")
    return [statement.strip() for statement in text.split(SEPARATOR) if statement.strip()]


def install(connection: Connection, file: str = "ledger") -> None:
    """Run every statement of a file of guards."""
    for statement in statements(file, connection.dialect.name):
        connection.exec_driver_sql(statement)
