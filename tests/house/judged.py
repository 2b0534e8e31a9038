"""What a database makes of an edit of one row: it refuses it, a verification names it, or it is silent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from gateway.audit.verify import verify as verify_audit
from gateway.contracts.verify import verify as verify_contracts
from gateway.db import witness
from gateway.db.tables import metadata
from gateway.db.transactions import Transaction
from gateway.ledger.integrity.verify import verify as verify_books
from gateway.proof import facts
from gateway.proof.book_agreements import AGREEMENTS
from gateway.proof.findings import Findings, Row
from tests.house.row_edits import Edit, edits


@dataclass
class Verdicts:
    """How each edit of a database was judged."""

    refused: list[str] = field(default_factory=list)
    named: dict[str, str] = field(default_factory=dict)
    silent: list[str] = field(default_factory=list)
    alike: list[str] = field(default_factory=list)
    """Not refused, and not verified: as many of the same table and column were."""

    def told(self) -> str:
        tried = len(self.refused) + len(self.named) + len(self.silent) + len(self.alike)
        return (
            f"{tried} edits: {len(self.refused)} refused, {len(self.named)} named, {len(self.silent)} silent, "
            f"{len(self.alike)} like these"
        )


def judge(gateway: Any, owner: Engine, exempt: Any, *, of_each: int) -> Verdicts:
    """Try every edit that is not ``exempt`` as the database's owner, each alone, and take it back.

    Of those of the same table and column that are not refused, so many are verified.
    """
    found, verified = Verdicts(), Counter[str]()
    engine = owner.execution_options(writes=True)
    with Transaction(engine, now=gateway.clock(), ids=gateway.db.ids, row_keys=gateway.db.row_keys) as tx:
        assert list(named(tx, gateway, None)) == [], "the book is not sound to begin with"
        for table in metadata().sorted_tables:
            for edit in list(edits(tx.connection(), table)):
                if not exempt(edit):
                    _try(tx, gateway, edit, found, verified, of_each)
        tx.rollback()
    return found


def _try(
    tx: Transaction, gateway: Any, edit: Edit, found: Verdicts, verified: Counter[str], of_each: int
) -> None:
    with taken_back(tx) as connection:
        try:
            _edit(connection, edit)
        except DBAPIError:
            found.refused.append(str(edit))
            return
        verified[edit.name] += 1
        if verified[edit.name] > of_each:
            found.alike.append(str(edit))
        elif (name := next(named(tx, gateway, {edit.table}), None)) is None:
            found.silent.append(str(edit))
        else:
            found.named[str(edit)] = name


@contextmanager
def taken_back(tx: Transaction) -> Iterator[Connection]:
    """What is done on the connection is taken back at the end, and nothing is remembered of it."""
    connection = tx.connection()
    connection.exec_driver_sql("SAVEPOINT before")
    try:
        yield connection
    finally:
        connection.exec_driver_sql("ROLLBACK TO SAVEPOINT before")
        connection.exec_driver_sql("RELEASE SAVEPOINT before")
        tx.expunge_all()


def _edit(connection: Connection, edit: Edit) -> None:
    """Change the row, and check at once what the database checks when a transaction commits."""
    changed = connection.execute(edit.statement).rowcount
    assert changed in (1, -1), f"{edit} changed {changed} rows"
    if connection.dialect.name != "sqlite":
        connection.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
    elif connection.exec_driver_sql("PRAGMA foreign_key_check").first() is not None:
        raise DBAPIError("foreign keys", None, Exception("checked at the commit"))


def named(tx: Transaction, gateway: Any, edited: set[str] | None) -> Iterator[str]:
    """What the verifications name, those first that are soonest done; rows of the tables that were edited."""
    rows = witness.unlike(tx.connection(), gateway.db.row_keys(), edited)
    yield from (f"row of {table}: {wrong}" for table, _, wrong in rows)
    yield from _recomputed(tx)
    books = verify_books(tx, AGREEMENTS, verifier=gateway.ports.signing_authority)
    yield from (check.name for check in books.checks if not check.ok)
    yield from (f"contract {problem.what}" for problem in verify_contracts(tx, _authority(gateway)).problems)
    yield from (f"audit {problem.what}" for problem in verify_audit(tx, _authority(gateway)).problems)


class Named(Exception):
    """A proof has named a row."""


class FirstOnly(Findings):
    """Ends a proof with the first row that it names: one is enough, and all others are computed behind it."""

    __slots__ = ()

    def note(self, row: Row, column: str, *, wanted: Any, got: Any, computed_from: str) -> None:
        raise Named(f"{row.table}.{column}")


def _recomputed(tx: Transaction) -> list[str]:
    """The first row that does not say what follows from the facts."""
    with patch.object(facts, "Findings", FirstOnly):
        try:
            facts.verify(tx)
        except Named as first:
            return [str(first)]
    return []


def _authority(gateway: Any) -> Any:
    return gateway.ports.signing_authority
