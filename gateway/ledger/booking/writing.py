"""How entries reach the tables: as a few statements on SQLite, in one call on PostgreSQL.

Called by ``service`` only. A key that is taken is left alone and told; everything else is for the triggers to refuse.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

from sqlalchemy import ARRAY, BigInteger, Connection, Insert, Text, bindparam, insert, select, text
from sqlalchemy.dialects import sqlite

from gateway.ledger.booking.accounts import account_id
from gateway.ledger.booking.postings import Entries
from gateway.ledger.models import ENTRY, POSTING, SEAL

Fact = tuple[dict[str, Any], Entries]
"""An entry's row, by column, and its lines."""

NEW_ENTRY = sqlite.insert(ENTRY).on_conflict_do_nothing(index_elements=["mode", "key"])
IN_SQLITE = sqlite.dialect(paramstyle="qmark")
LEDGER_WRITE = text(
    "SELECT ledger_write(:id, :mode, :kind, :key, :request_sha256, :reverses, :merchant_id, :object_type, :object_id,"
    " :effective_date, :recorded_at, :accounts, :amounts, :objects, :gross)"
).bindparams(
    bindparam("amounts", type_=ARRAY(BigInteger)),
    bindparam("accounts", type_=ARRAY(Text)),
    bindparam("objects", type_=ARRAY(Text)),
)

_ENTRY_ARRAYS = {column.name: ARRAY(column.type) for column in ENTRY.columns}
_POSTING_ARRAYS = {f"posting_{column.name}": ARRAY(column.type) for column in POSTING.columns}
_SEAL_ARRAYS = {f"seal_{name}": ARRAY(BigInteger) for name in ("lines", "gross")}
_ARRAYS: dict[str, Any] = {**_ENTRY_ARRAYS, **_POSTING_ARRAYS, **_SEAL_ARRAYS}
LEDGER_WRITE_MANY = text(
    f"SELECT unnest(ledger_write_many({', '.join(f':{name}' for name in _ARRAYS)}))"
).bindparams(*(bindparam(name, type_=type_) for name, type_ in _ARRAYS.items()))


def write_many(connection: Connection, facts: Sequence[Fact]) -> set[str]:
    """Insert entries, their postings and seals; returns the ids of those whose key was free."""
    if not facts:
        return set()
    # In the order of their keys, so that two writers of the same events wait for each other in one direction only.
    ordered = sorted(facts, key=lambda fact: (fact[0]["mode"], fact[0]["key"]))
    if connection.dialect.name != "postgresql":
        return _write_by_statements(connection, ordered)
    # An entry alone goes faster without arrays of one element.
    return _write_by_arrays(connection, ordered) if len(ordered) > 1 else _write_alone(connection, ordered[0])


def _write_by_statements(connection: Connection, facts: Sequence[Fact]) -> set[str]:
    new_entry, new_posting, new_seal = _statements()
    written = {entry["id"] for entry, _ in facts}
    if new_entry.send(connection, [entry for entry, _ in facts]) < len(facts):
        query = select(ENTRY.c.id).where(ENTRY.c.id.in_(written))
        written = set(connection.execute(query).scalars())
        facts = [fact for fact in facts if fact[0]["id"] in written]
    if facts:
        new_posting.send(connection, _posting_rows(facts))
        new_seal.send(connection, _seal_rows(facts))
    return written


class Sqlite:
    """A statement in the driver's own words, made once: building it costs more than what SQLite does with a row."""

    def __init__(self, statement: Insert) -> None:
        made = statement.compile(dialect=IN_SQLITE)
        self._text = str(made)
        types = {column.name: column.type.dialect_impl(IN_SQLITE) for column in statement.table.columns}
        self._columns = [(name, types[name].bind_processor(IN_SQLITE)) for name in made.positiontup or ()]

    def send(self, connection: Connection, rows: Iterable[dict[str, Any]]) -> int:
        """Insert the rows; returns how many went in."""
        values = [
            tuple([row[name] if how is None else how(row[name]) for name, how in self._columns])
            for row in rows
        ]
        return connection.exec_driver_sql(self._text, values if len(values) > 1 else values[0]).rowcount


@cache
def _statements() -> tuple[Sqlite, Sqlite, Sqlite]:
    return Sqlite(NEW_ENTRY), Sqlite(insert(POSTING)), Sqlite(insert(SEAL))


def _write_alone(connection: Connection, fact: Fact) -> set[str]:
    entry, lines = fact
    arguments = {
        **entry,
        "accounts": [account_id(entry["mode"], line.kind, line.owner) for line in lines],
        "amounts": [line.amount_fen for line in lines],
        "objects": [line.about for line in lines],
        "gross": lines.gross_fen,
    }
    return {entry["id"]} if connection.execute(LEDGER_WRITE, arguments).scalar_one() else set()


def _write_by_arrays(connection: Connection, facts: Sequence[Fact]) -> set[str]:
    postings, seals = list(_posting_rows(facts)), list(_seal_rows(facts))
    arguments: dict[str, Any] = {name: [entry[name] for entry, _ in facts] for name in _ENTRY_ARRAYS}
    arguments |= {name: [row[name.removeprefix("posting_")] for row in postings] for name in _POSTING_ARRAYS}
    arguments |= {name: [row[name.removeprefix("seal_")] for row in seals] for name in _SEAL_ARRAYS}
    return set(connection.execute(LEDGER_WRITE_MANY, arguments).scalars())


def _posting_rows(facts: Iterable[Fact]) -> Iterable[dict[str, Any]]:
    for entry, lines in facts:
        for number, line in enumerate(lines, start=1):
            yield {
                "entry_id": entry["id"],
                "line": number,
                "account_id": account_id(entry["mode"], line.kind, line.owner),
                "amount": line.amount_fen,
                "object_id": line.about,
            }


def _seal_rows(facts: Iterable[Fact]) -> Iterable[dict[str, Any]]:
    for entry, lines in facts:
        yield {"entry_id": entry["id"], "lines": len(lines), "gross": lines.gross_fen}
