"""Every edit of one row, by one step, that the schema of a database admits: found from the schema alone."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Connection,
    Double,
    LargeBinary,
    Table,
    and_,
    delete,
    insert,
    select,
    update,
)
from sqlalchemy.sql import Executable

from gateway.db.types import Document, Flag, PackedBytes

MEMBERS = re.compile(r"\b(\w+) IN \(('\w+'(?:, '\w+')*)\)")
A_KIND = re.compile(r"(status|state|kind|type|reason|mode|outcome)$")
RATE = re.compile(r"-?[0-9]+\.[0-9]+|0")
MOST_ROWS = 8


@dataclass(frozen=True)
class Edit:
    """One change of one row; ``what`` is a column, or "delete" or "copy"."""

    table: str
    what: str
    how: str
    statement: Executable
    after: Mapping[str, Any]
    """The row as it is afterwards; of one that is deleted, as it was."""

    @property
    def name(self) -> str:
        return f"{self.table}.{self.what}"

    def __str__(self) -> str:
        return f"{self.name}: {self.how}"


def edits(connection: Connection, table: Table) -> Iterator[Edit]:
    """Each column of a row of each kind moved by one step, one row of each kind deleted, and one copied."""
    rows = [dict(row) for row in connection.execute(select(table)).mappings()]
    members = dict(_members(table))
    for row in _one_of_each_kind(table, rows, members):
        key = and_(*(column == row[column.name] for column in table.primary_key))
        for column in table.columns:
            for value in _steps(column, row, rows, members, connection):
                how = f"{_short(row[column.name])} → {_short(value)}"
                statement = update(table).where(key).values({column.name: value})
                yield Edit(table.name, column.name, how, statement, {**row, column.name: value})
        name = _short(_key(table, row))
        yield Edit(table.name, "delete", name, delete(table).where(key), row)
        copied = _copied(table, row, rows)
        yield Edit(table.name, "copy", name, insert(table).values(copied), copied)


def _names(table: Table) -> list[str]:
    return [column.name for column in table.columns]


def _key(table: Table, row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(row[column.name] for column in table.primary_key)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) < 60 else f"{text[:56]}…"


def _members(table: Table) -> Iterator[tuple[str, list[str]]]:
    """The values that a column may have, from the table's checks."""
    for check in table.constraints:
        if isinstance(check, CheckConstraint) and (match := MEMBERS.fullmatch(str(check.sqltext))):
            yield match[1], re.findall(r"'(\w+)'", match[2])


def _one_of_each_kind(
    table: Table, rows: list[dict[str, Any]], members: dict[str, list[str]]
) -> list[dict[str, Any]]:
    """A row of each state and kind, and for each column one that has a value there."""
    kinds = [name for name in _names(table) if name in members or A_KIND.search(name)]
    chosen: dict[tuple[Any, ...], dict[str, Any]] = {}
    seen: set[tuple[str, Any]] = set()
    for row in reversed(rows):
        new = {(name, row[name]) for name in kinds}
        new |= {(name, "a value") for name in row if row[name] is not None and name not in kinds}
        if not new <= seen and len(chosen) < MOST_ROWS:
            chosen[_key(table, row)] = row
            seen |= new
    return list(chosen.values())


def _steps(
    column: Column[Any],
    row: dict[str, Any],
    rows: list[dict[str, Any]],
    members: dict[str, list[str]],
    connection: Connection,
) -> Iterator[Any]:
    """What the value may become by one step: of each kind of step, each direction."""
    value = row[column.name]
    if value is None:
        yield from [other[column.name] for other in rows if other[column.name] is not None][:1]
    elif column.name in members:
        yield from (member for member in members[column.name] if member != value)
    elif column.foreign_keys and len(column.table.primary_key) >= 1:
        yield from _another(column, value, connection)
    elif isinstance(column.type, Flag | Boolean):
        yield not value
    elif isinstance(column.type, BigInteger):
        yield from (value + 1, value - 1)
    elif isinstance(column.type, Double):
        yield value + 0.001
    elif isinstance(value, datetime):
        yield value + timedelta(milliseconds=1)
    elif isinstance(value, date):
        yield from (value + timedelta(days=1), value - timedelta(days=1))
    elif isinstance(column.type, Document):
        yield _document_moved(value)
    elif isinstance(value, str):
        yield _text_moved(value)
    else:
        assert isinstance(column.type, LargeBinary | PackedBytes), column


def _another(column: Column[Any], value: Any, connection: Connection) -> Iterator[Any]:
    """Another row that the column may point to."""
    target = next(iter(column.foreign_keys)).column
    yield from connection.execute(select(target).where(target != value).order_by(target).limit(1)).scalars()


def _text_moved(value: str) -> str:
    if RATE.fullmatch(value):
        number = Decimal(value)
        return str(number + Decimal(1).scaleb(min(int(number.as_tuple().exponent), -2)))
    return value[:-1] + ("0" if value[-1:] != "0" else "1")


def _document_moved(value: Any) -> Any:
    """The first number in a document is one more, else the first text another, else there is something in it."""
    for kind in (int, str):
        moved, done = _leaf_moved(value, kind)
        if done:
            return moved
    return [*value, "x"] if isinstance(value, list) else {**value, "x": 1} if isinstance(value, dict) else 1


def _leaf_moved(value: Any, kind: type) -> tuple[Any, bool]:
    if isinstance(value, dict):
        for name, inner in value.items():
            moved, done = _leaf_moved(inner, kind)
            if done:
                return {**value, name: moved}, True
    elif isinstance(value, list):
        for at, inner in enumerate(value):
            moved, done = _leaf_moved(inner, kind)
            if done:
                return [*value[:at], moved, *value[at + 1 :]], True
    elif type(value) is kind and value != "":
        return (int(str(value)) + 1 if kind is int else _text_moved(value)), True
    return value, False


def _copied(table: Table, row: dict[str, Any], rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The row again with another primary key: the last column of it that is free to be another."""
    free = [column for column in table.primary_key if not column.foreign_keys] or list(table.primary_key)
    taken = {other[free[-1].name] for other in rows}
    return {**row, free[-1].name: _another_key(row[free[-1].name], taken)}


def _another_key(value: Any, taken: set[Any]) -> Any:
    if isinstance(value, str):
        ends = "0123456789abcdefABCDEFGHJKMNPQRSTVWXYZ"
        return next(text for end in ends if (text := value[:-1] + end) not in taken)
    return max(taken) + (timedelta(days=1) if isinstance(value, date) else 1)
