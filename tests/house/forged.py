"""What an attacker does who owns the database and has no key: edits a row, and writes the hash that it should have."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

from sqlalchemy import Connection, Engine, and_, update
from sqlalchemy.exc import DBAPIError

from gateway.db import keyed, witness
from gateway.db.models import KEYED_HASH
from gateway.db.row_keys import RowKeys, content_of
from gateway.db.tables import metadata
from gateway.db.transactions import Transaction
from tests.house.judged import named, taken_back
from tests.house.row_edits import Edit, edits

STILL_SILENT = {
    "row_version.number": "the order of versions; a version by itself proves nothing without its key",
    "subsidy_quota.person_lookup": "another key looks the person up one day, and the row is not hashed anew",
    "subsidy_quota.programme": "part of the same row",
}
"""What an owner of the database can edit unseen, each with the reason; docs/proof.md tells of it."""
GUESSED = RowKeys({"0bad0bad": b"whoever has no key has to guess "})


def forge(
    gateway: Any, owner: Engine, exempt: Callable[[Edit], bool], *, of_facts: int
) -> tuple[int, list[str]]:
    """How many edits of a SQLite database without triggers were tried, and those that no verification names.

    Each column is moved by one step and a row of each table is copied, and the hash of the row is made to fit. Of the
    columns that no hash covers ``of_facts`` a table are tried: for them a recomputation is asked.
    """
    tried, silent = 0, []
    engine = owner.execution_options(writes=True)
    with Transaction(engine, now=gateway.clock(), ids=gateway.db.ids, row_keys=gateway.db.row_keys) as tx:
        connection = tx.connection()
        for (name,) in connection.exec_driver_sql(
            "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        ).all():
            connection.exec_driver_sql(f"DROP TRIGGER {name}")
        for edit in _some(connection, exempt, of_facts):
            with taken_back(tx), suppress(DBAPIError):  # a check of the table itself
                connection.execute(edit.statement)
                if connection.exec_driver_sql("PRAGMA foreign_key_check").first() is None:
                    tried += 1
                    silent += [f"{edit} ({how})" for how in _ways_unseen(tx, gateway, edit)]
        tx.rollback()
    return tried, silent


def _some(connection: Connection, exempt: Callable[[Edit], bool], of_facts: int) -> Iterator[Edit]:
    tried: Counter[str] = Counter()
    for table in metadata().sorted_tables:
        for edit in list(edits(connection, table)):
            group, most = (edit.name, 1) if _is_hashed(edit) else (edit.table, of_facts)
            known = edit.what == "delete" or edit.name in STILL_SILENT or exempt(edit)
            if not known and tried[group] < most:
                tried[group] += 1
                yield edit


def _is_hashed(edit: Edit) -> bool:
    """Whether a hash covers what was edited."""
    if edit.table in witness.PARTS:
        return edit.what in witness.PARTS[edit.table]
    if edit.table in keyed.tables():
        return edit.what in (*keyed.covered(edit.table), KEYED_HASH, "copy")
    return edit.table in witness.WITNESSED


def _ways_unseen(tx: Transaction, gateway: Any, edit: Edit) -> Iterator[str]:
    """How the hash of the edited row was made, where nothing named the row afterwards."""
    for how, make in (
        ("a hash without a key", witness.content_sha256),
        ("a hash by another key", lambda table, values: GUESSED.hash(content_of(table, values))),
    ):
        _make_it_fit(tx.connection(), edit, make)
        of = None if edit.table == witness.VERSION.name else {edit.table}  # a version is of any table
        if all(name == "guards_stand" for name in named(tx, gateway, of)):  # the triggers are gone on purpose
            yield how


def _make_it_fit(connection: Connection, edit: Edit, make: Callable[[str, dict[str, Any]], str]) -> None:
    """Write the hash where it belongs: as the newest version of the row, and where rows have it themselves, there."""
    table = metadata().tables[edit.table]
    if edit.table in keyed.tables():
        of: tuple[str, ...] = keyed.covered(edit.table)
    elif edit.table in witness.PARTS:
        of = (*(column.name for column in table.primary_key), *witness.PARTS[edit.table])
    elif edit.table in witness.WITNESSED:
        of = tuple(column.name for column in table.columns)
    else:
        return
    said = make(edit.table, {column: edit.after[column] for column in of})
    row = and_(*(column == edit.after[column.name] for column in table.primary_key))
    if edit.table in keyed.tables():  # without one in the row, the version counts
        in_the_row = {KEYED_HASH: said if GUESSED.made(said) else None}
        connection.execute(update(table).where(row).values(in_the_row))
    key = keyed.key_of(table, edit.after)
    connection.execute(witness.VERSION.insert().values(of=edit.table, row_key=key, sha256=said))
