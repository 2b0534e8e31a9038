"""Rows that are written once are hashed with a key when they are written, in a column of their own.

Of a table with the column ``keyed_hash`` it covers whatever never changes (see ``frozen``) or is set once. Whatever
else changes there follows from facts. Rows that older releases wrote have a keyed version instead (``witness``).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Insert, Table, inspect, select, tuple_
from sqlalchemy.orm import Session

from gateway.db.frozen import RULES, Rule
from gateway.db.models import KEYED_HASH, Keyed, RowVersion
from gateway.db.row_keys import RowKeys, content_of
from gateway.db.tables import metadata

if TYPE_CHECKING:
    from gateway.db.transactions import Transaction

PAGE = 1_000
WITHOUT_KEYS = {"destroyed_key": {"gone_at"}}
"""Columns that are set by whoever has no keys: the owner of the tables, who finishes erasures."""
VERSION: Table = RowVersion.__table__  # type: ignore[attr-defined]
Unlike = tuple[str, str, str]
"""A row that is not what was written: its table, its key and what is wrong."""


def note(session: Session, _flush: Any, _instances: Any) -> None:
    """Hash new rows, and those in which something was set once, before they are written; a listener."""
    for row in session.new:
        kind: Any = type(row)
        if _attributes(kind):
            values = row.__dict__  # nobody watches what a row says that is not written yet
            values[KEYED_HASH] = _hash(session, row, values.get)
    for row in session.dirty:
        kind = type(row)
        if not _attributes(kind):
            continue
        if not _once(kind).isdisjoint(inspect(row).committed_state) and _held(session, row):
            row.keyed_hash = _hash(session, row, partial(getattr, row))


def insert(tx: Transaction, into: Insert, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write many rows at once, hashed as those that a flush writes. Each row names its columns as the table does."""
    name, keys = into.table.name, tx.row_keys()
    hashed = [{**row, KEYED_HASH: keys.hash(_content(name, row))} for row in rows]
    tx.connection().execute(into, hashed)


@cache
def tables() -> tuple[str, ...]:
    """The tables whose rows are hashed so."""
    return tuple(table.name for table in metadata().sorted_tables if KEYED_HASH in table.columns)


@cache
def covered(name: str) -> tuple[str, ...]:
    """The columns of a table that the hash covers."""
    rule = RULES.get(name, Rule())
    elsewhere = {*rule.changes.split(), *rule.steps, *rule.listed.split()}
    changing = {KEYED_HASH, *elsewhere, *WITHOUT_KEYS.get(name, ())}
    return tuple(
        str(column.name) for column in metadata().tables[name].columns if column.name not in changing
    )


def unlike(connection: Connection, keys: RowKeys, names: Collection[str]) -> Iterator[Unlike]:
    """Rows of these tables that are not what was written."""
    for name in names:
        for page in pages(connection, name):
            versions = newest(connection, name, [key for key, _, said in page if said is None])
            for key, content, said in page:
                written = said or versions.get(key)
                if written is None:
                    yield name, key, "it was never written by the gateway"
                elif (problem := keys.problem(written, content)) and not _held_before(
                    connection, keys, name, key, written
                ):
                    yield name, key, problem


def pages(connection: Connection, name: str) -> Iterator[list[tuple[str, bytes, str | None]]]:
    """All rows of a table, some at a time: their keys, what is hashed of them, and the hash that they have."""
    table = metadata().tables[name]
    key = list(table.primary_key)
    query = select(*(table.c[column] for column in covered(name)), table.c[KEYED_HASH]).order_by(*key)
    after = query.limit(PAGE)
    while rows := connection.execute(after).mappings().all():
        yield [(key_of(table, row), _content(name, row), row[KEYED_HASH]) for row in rows]
        last = tuple_(*(rows[-1][column.name] for column in key))
        after = query.where(tuple_(*key) > last).limit(PAGE)


def newest(connection: Connection, name: str, keys: Sequence[str]) -> dict[str, str]:
    """The hash in the newest version of each of these rows."""
    if not keys:
        return {}
    query = select(VERSION.c.row_key, VERSION.c.sha256).where(
        VERSION.c.of == name, VERSION.c.row_key.in_(keys)
    )
    return dict(connection.execute(query.order_by(VERSION.c.number)).all())


def _held_before(connection: Connection, keys: RowKeys, name: str, key: str, written: str) -> bool:
    """Whether a hash holds as older releases made it: over what another row lists today, too."""
    listed = RULES.get(name, Rule()).listed.split()
    if not listed:
        return False
    table = metadata().tables[name]
    columns = (*covered(name), *listed)
    (by,) = table.primary_key
    row = (
        connection.execute(select(*(table.c[column] for column in columns)).where(by == key)).mappings().one()
    )
    return keys.problem(written, content_of(name, {column: row[column] for column in columns})) is None


def key_of(table: Table, values: Mapping[Any, Any]) -> str:
    """The primary key of a row as text."""
    return " ".join(str(values[column.name]) for column in table.primary_key)


def as_it_was(row: Any, names: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """What a row said before its changes, by column; ``names`` pairs each attribute with its column."""
    before = inspect(row).committed_state
    return {column: before.get(attribute, getattr(row, attribute)) for attribute, column in names}


def _held(session: Any, row: Any) -> bool:
    """Whether a row was what the gateway wrote before it changed; an edit keeps its old hash, and stays named."""
    kind: Any = type(row)
    name, values = row.__tablename__, as_it_was(row, _attributes(kind))
    key = key_of(row.__table__, values)
    written = row.keyed_hash or newest(session.connection(), name, [key]).get(key)
    return written is not None and session.row_keys().problem(written, content_of(name, values)) is None


def _hash(session: Any, row: Any, said: Callable[[str], Any]) -> str:
    kind: Any = type(row)
    values = {column: said(attribute) for attribute, column in _attributes(kind)}
    hashed: str = session.row_keys().hash(content_of(row.__tablename__, values))
    return hashed


@cache
def _attributes(kind: Any) -> tuple[tuple[str, str], ...]:
    """What the hash covers: as the class names it, and as the table does; nothing of a class that is not hashed so."""
    if not issubclass(kind, Keyed):
        return ()
    columns = inspect(kind).columns
    of = covered(kind.__tablename__)
    return tuple((attribute, str(column.name)) for attribute, column in columns.items() if column.name in of)


@cache
def _once(kind: Any) -> frozenset[str]:
    """Attributes that are set after the row was written."""
    once = RULES.get(kind.__tablename__, Rule()).once.split()
    return frozenset(attribute for attribute, column in _attributes(kind) if column in once)


def _content(name: str, row: Mapping[Any, Any]) -> bytes:
    """What is hashed of a row by its columns; one that is not named has no value."""
    return content_of(name, {column: row.get(column) for column in covered(name)})
