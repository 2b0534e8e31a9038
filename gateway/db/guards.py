"""Triggers that guard the ledger, written as plain SQL beside the migrations, one file per database."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection

SQL = Path(__file__).parent / "migrations" / "sql"
SEPARATOR = "\n-- next\n"


def install(connection: Connection) -> None:
    """Run every statement of ``ledger.<dialect>.sql`` (statements are parted by a line ``-- next``)."""
    for statement in (SQL / f"ledger.{connection.dialect.name}.sql").read_text("utf-8").split(SEPARATOR):
        if statement.strip():
            connection.exec_driver_sql(statement)
