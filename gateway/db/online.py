"""Changes of tables that are in use: on PostgreSQL others write meanwhile, and no lock is waited for long.

A statement that waits for the lock of a whole table lets everybody else wait behind it. So a migration waits a few
seconds, is rolled back, and begins again (``migrate.upgrade``). An index that is built concurrently needs no such lock,
but commits what came before it: a migration that builds one does nothing else, and its text says how to go on from
the middle.
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

LOCK_SECONDS = 3
"""How long a migration waits for a lock before it steps back and lets the others pass."""
PAUSE_SECONDS = 2
TRIES = 60
LOCKED_OUT = ("55P03", "40P01")
"""What PostgreSQL says of a lock that was waited for too long, or in a circle."""
INVALID = sa.text(
    "SELECT 1 FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"
    " WHERE c.relname = :name AND c.relnamespace = current_schema()::regnamespace AND NOT i.indisvalid"
)


def create_index(
    name: str,
    table: str,
    columns: Sequence[str | sa.TextClause],
    *,
    unique: bool = False,
    where: str | None = None,
) -> None:
    """Build an index of a table that has rows, and let its writers go on meanwhile; the same again does nothing.

    On PostgreSQL the migration's transaction is committed first. What a build that was stopped has left, an index that
    is kept up but never used, is dropped and built again. SQLite has one writer anyway and builds it in the
    transaction.
    """
    condition = None if where is None else sa.text(where)
    if op.get_context().dialect.name != "postgresql":
        op.create_index(name, table, columns, unique=unique, if_not_exists=True, sqlite_where=condition)
        return
    with op.get_context().autocommit_block():
        # It waits for every transaction that began before, which is meant: nobody waits behind it.
        op.execute("SET lock_timeout = 0")
        if op.get_bind().execute(INVALID, {"name": name}).first() is not None:
            op.drop_index(name, table, if_exists=True, postgresql_concurrently=True)
        op.create_index(
            name,
            table,
            columns,
            unique=unique,
            if_not_exists=True,
            postgresql_concurrently=True,
            postgresql_where=condition,
        )
        op.execute("RESET lock_timeout")


def drop_index(name: str, table: str) -> None:
    """Drop an index of a table that is in use, and let its writers go on meanwhile; the same again does nothing.

    On PostgreSQL the migration's transaction is committed first.
    """
    if op.get_context().dialect.name != "postgresql":
        op.drop_index(name, table, if_exists=True)
        return
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = 0")
        op.drop_index(name, table, if_exists=True, postgresql_concurrently=True)
        op.execute("RESET lock_timeout")
