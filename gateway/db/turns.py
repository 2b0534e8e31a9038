"""One after the other: transactions that count what each of them adds, where there is no row to lock."""

from __future__ import annotations

from sqlalchemy import bindparam, func, select

from gateway.db.transactions import SERIALIZABLE, Transaction

MARK = 0x5455
"""Of two numbers, not one, so that these locks are told from those of ``webhooks.ordering``."""
TURN = select(func.pg_advisory_xact_lock(MARK, func.hashtext(bindparam("name"))))


def wait(tx: Transaction, name: str) -> None:
    """Wait for the others who said this name, until the transaction ends.

    What is asked next sees what they have written. SQLite has one writer anyway.
    """
    bind = tx.get_bind()
    if bind.dialect.name != "sqlite":
        level = bind.get_execution_options().get("isolation_level")
        assert level != SERIALIZABLE, "it would see what was there before it waited"
        tx.connection().execute(TURN, {"name": name})
