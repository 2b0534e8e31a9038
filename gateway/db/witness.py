"""Who may do what, and what was decided by hand, is written down twice: as the row, and as a hash of it.

Each change by the gateway adds a version with the hash of the whole row. A row that was edited, added or copied by
anybody else is not what its last version says, and is named. Only small tables are kept so: what is computed from facts
is verified from them. Of some large tables a few columns are kept so, which nothing else follows from and which hardly
ever change: only such a change adds a version.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, Table, Text, cast, exists, func, inspect, or_, select
from sqlalchemy.orm import Session, UOWTransaction

from gateway.db.models import RowVersion
from gateway.db.tables import metadata
from gateway.db.types import Document

AT_FIRST = "what its checkout says"
WITNESSED = frozenset(
    {
        "client_secret",
        "dispute",
        "erasure_request",
        "human_review",
        "list_entry",
        "merchant",
        "oauth_client",
        "passkey",
        "plan_price",
        "refund",
        "shopper",
        "shopper_return",
        "subsidy_programme",
        "team_member",
        "test_clock",
        "webhook_endpoint",
    }
)
PARTS: Mapping[str, Mapping[str, Any]] = {
    "capture": {"delivery": None},
    "loan": {"missed_through": 0, "settlement_reference": None},
    "payment": {"merchant_reference": AT_FIRST, "merchant_order_id": None},
}
"""Columns of large tables that are kept so, each with the value of a row of which nothing was written down."""
VERSION: Table = RowVersion.__table__  # type: ignore[attr-defined]


def note(session: Session, _flush: UOWTransaction) -> None:
    """Write down what a flush has changed in the tables that are kept so; the listener of every transaction."""
    versions = []
    for row in (*session.new, *session.dirty):
        table = row.__table__
        if table.name in WITNESSED:
            if row in session.new or session.is_modified(row):
                columns = inspect(row).mapper.columns
                values = {column.name: getattr(row, name) for name, column in columns.items()}
                versions.append(_version(table, values))
        elif table.name in PARTS and _has_changed(row, PARTS[table.name], new=row in session.new):
            versions.append(_version(table, {name: getattr(row, name) for name in _part_of(table)}))
    if versions:
        session.connection().execute(VERSION.insert(), versions)


def _has_changed(row: Any, part: Mapping[str, Any], *, new: bool) -> bool:
    """Whether the row says something else in these columns than what it said, or than a new row says."""
    if new:
        return any(first is not AT_FIRST and getattr(row, name) != first for name, first in part.items())
    before = inspect(row).committed_state
    return any(name in before and before[name] != getattr(row, name) for name in part)


def _part_of(table: Table) -> list[str]:
    return [*(column.name for column in table.primary_key), *PARTS[table.name]]


def write_down(connection: Connection, tables: Iterable[Table]) -> None:
    """Write every row down for the first time: for migrations that make such a table."""
    standing = inspect(connection)
    for table in tables:
        names = {column["name"] for column in standing.get_columns(table.name)}
        columns = [column for column in table.columns if column.name in names]
        rows = connection.execute(select(*columns)).mappings()
        for part in rows.partitions(1_000):
            connection.execute(VERSION.insert(), [_version(table, dict(row)) for row in part])


def write_parts_down(connection: Connection, names: Iterable[str]) -> None:
    """The same for rows of large tables, of which a few columns are kept so."""
    for name in names:
        rows = [row for row, must_be in _kept_in_part(connection, name) if must_be]
        if rows:
            table = metadata().tables[name]
            connection.execute(VERSION.insert(), [_version(table, row) for row in rows])


def unlike(connection: Connection) -> Iterator[tuple[str, str, str]]:
    """Rows that are not what was last written of them, as table, key and what is wrong."""
    newest = select(func.max(VERSION.c.number)).group_by(VERSION.c.of, VERSION.c.row_key)
    query = select(VERSION.c.of, VERSION.c.row_key, VERSION.c.sha256).where(VERSION.c.number.in_(newest))
    known = {(of, key): sha256 for of, key, sha256 in connection.execute(query)}
    for name, row, must_be in _kept(connection):
        table = metadata().tables[name]
        key = _key(table, row)
        written = known.get((name, key))
        if written is None and must_be:
            yield name, key, "it was never written by the gateway"
        elif written is not None and written != content_sha256(name, row):
            yield name, key, "it is not what the gateway wrote last"


def _kept(connection: Connection) -> Iterator[tuple[str, dict[str, Any], bool]]:
    """Every row that is kept, by its table, with what is kept of it and whether something must be written down."""
    for name in sorted(WITNESSED):
        for row in connection.execute(select(metadata().tables[name])).mappings():
            yield name, dict(row), True
    for name in sorted(PARTS):
        for part, must_be in _kept_in_part(connection, name):
            yield name, part, must_be


def _kept_in_part(connection: Connection, name: str) -> Iterator[tuple[dict[str, Any], bool]]:
    """Rows of which something is written down or must be, and whether it must be."""
    table = metadata().tables[name]
    [key] = table.primary_key
    differs = or_(*(_differs(table, column, first) for column, first in PARTS[name].items()))
    noted = select(VERSION.c.row_key).where(VERSION.c.of == name)
    query = select(*(table.c[column] for column in _part_of(table)), differs.label("must_be"))
    for row in connection.execute(query.where(or_(differs, key.in_(noted)))).mappings():
        yield {column: row[column] for column in _part_of(table)}, bool(row["must_be"])


def _differs(table: Table, column: str, first: Any) -> ColumnElement[bool]:
    """Whether a row says something else than one of which nothing was written down."""
    if first is AT_FIRST:
        checkout = metadata().tables["checkout"]
        return ~exists().where(checkout.c.id == table.c.checkout_id, checkout.c[column] == table.c[column])
    if isinstance(table.c[column].type, Document):  # PostgreSQL keeps what is not there as the document null
        return func.coalesce(cast(table.c[column], Text), "null") != "null"
    return table.c[column].is_not(None) if first is None else table.c[column] != first


def content_sha256(table: str, values: Mapping[str, Any]) -> str:
    """The hash of a row: of its table and of every column by name."""
    content = [table, {str(name): _plain(value) for name, value in values.items()}]
    return hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _version(table: Table, row: Mapping[str, Any]) -> dict[str, Any]:
    return {"of": table.name, "row_key": _key(table, row), "sha256": content_sha256(table.name, row)}


def _key(table: Table, values: Mapping[str, Any]) -> str:
    return " ".join(str(values[column.name]) for column in table.primary_key)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    if isinstance(value, date):
        return value.isoformat()
    return value.hex() if isinstance(value, bytes | memoryview) else value
