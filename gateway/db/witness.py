"""Who may do what, and what was decided by hand, is written down twice: as the row, and as a hash of it.

Each change by the gateway adds a version with the hash of the whole row. A row that was edited, added or copied by
anybody else is not what its last version says, and is named. Only small tables are kept so: what is computed from facts
is verified from them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any

import orjson
from sqlalchemy import Connection, Table, func, inspect, select
from sqlalchemy.orm import Session, UOWTransaction

from gateway.db.models import RowVersion
from gateway.db.tables import metadata

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
        "shopper",
        "shopper_return",
        "subsidy_programme",
        "team_member",
        "test_clock",
        "webhook_endpoint",
    }
)
VERSION: Table = RowVersion.__table__  # type: ignore[attr-defined]


def note(session: Session, _flush: UOWTransaction) -> None:
    """Write down what a flush has changed in the tables that are kept so; the listener of every transaction."""
    versions = []
    for row in (*session.new, *session.dirty):
        table = row.__table__
        if table.name in WITNESSED and (row in session.new or session.is_modified(row)):
            columns = inspect(row).mapper.columns
            versions.append(
                _version(table, {column.name: getattr(row, name) for name, column in columns.items()})
            )
    if versions:
        session.connection().execute(VERSION.insert(), versions)


def write_down(connection: Connection, tables: Iterable[Table]) -> None:
    """Write every row down for the first time: for migrations that make such a table."""
    standing = inspect(connection)
    for table in tables:
        names = {column["name"] for column in standing.get_columns(table.name)}
        columns = [column for column in table.columns if column.name in names]
        rows = connection.execute(select(*columns)).mappings()
        for part in rows.partitions(1_000):
            connection.execute(VERSION.insert(), [_version(table, dict(row)) for row in part])


def unlike(connection: Connection) -> Iterator[tuple[str, str, str]]:
    """Rows that are not what was last written of them, as table, key and what is wrong."""
    newest = select(func.max(VERSION.c.number)).group_by(VERSION.c.of, VERSION.c.row_key)
    query = select(VERSION.c.of, VERSION.c.row_key, VERSION.c.sha256).where(VERSION.c.number.in_(newest))
    known = {(of, key): sha256 for of, key, sha256 in connection.execute(query)}
    for name in sorted(WITNESSED):
        table = metadata().tables[name]
        for row in map(dict, connection.execute(select(table)).mappings()):
            key = _key(table, row)
            written = known.get((name, key))
            if written is None:
                yield name, key, "it was never written by the gateway"
            elif written != content_sha256(name, row):
                yield name, key, "it is not what the gateway wrote last"


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
