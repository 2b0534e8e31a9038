"""Who may do what, and what was decided by hand, is written down twice: as the row, and as a keyed hash of it.

Each change by the gateway adds a version with the hash of the whole row. A row that was edited, added or copied by
anybody else is not what its last version says, and is named: the key is not in the database. Only small tables are kept
so: what is computed from facts is verified from them. Of some large tables a few columns are kept so, which nothing
else follows from and which hardly ever change: only such a change adds a version.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, Table, Text, cast, exists, func, inspect, or_, select
from sqlalchemy.orm import UOWTransaction

from gateway.db import keyed
from gateway.db.frozen import RULES
from gateway.db.keyed import VERSION, Unlike, key_of
from gateway.db.released import RELEASED
from gateway.db.row_keys import RowKeys, content_of, plain
from gateway.db.tables import metadata
from gateway.db.types import Document

AT_FIRST = "what its checkout says"
NEWEST = "the newest versions, as far as this transaction has read or written them"
WITNESSED = frozenset(
    {
        "client_secret",
        "dispute",
        "erasure_request",
        "human_review",
        "list_entry",
        "merchant",
        "oauth_client",
        "operator",
        "passkey",
        "plan_price",
        "rate_card",
        "refund",
        "settlement_terms_proposal",
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


def note(session: Any, _flush: UOWTransaction) -> None:
    """Write down what a flush has changed in the tables that are kept so; the listener of every transaction."""
    written: list[tuple[Any, Mapping[str, str]]] = []
    for row in (*session.new, *session.dirty):
        table, new = row.__table__, row in session.new
        if table.name in WITNESSED:
            if new or session.is_modified(row):
                columns = inspect(row).mapper.columns
                written.append((row, {column.name: name for name, column in columns.items()}))
        elif table.name in PARTS and _has_changed(row, PARTS[table.name], new=new):
            written.append((row, {name: name for name in _part_of(table)}))
    versions = [
        _keyed(
            session.row_keys(), row.__table__, {column: getattr(row, name) for column, name in names.items()}
        )
        for row, names in written
        if row in session.new or _held(session, row, names)
    ]
    if versions:
        session.connection().execute(VERSION.insert(), versions)
        said = session.info.setdefault(NEWEST, {})
        said.update({(version["of"], version["row_key"]): version["sha256"] for version in versions})


def _held(session: Any, row: Any, names: Mapping[str, str]) -> bool:
    """Whether a row was what the gateway wrote before it changed; an edit gets no new version, and stays named."""
    table = row.__table__
    values = keyed.as_it_was(row, ((name, column) for column, name in names.items()))
    key = key_of(table, values)
    said = session.info.get(NEWEST, {}).get((table.name, key))
    said = said or keyed.newest(session.connection(), table.name, [key]).get(key)
    if said is not None:
        return _problem(session.row_keys(), said, table.name, values) is None
    if table.name not in PARTS:
        return False
    differs = (
        values[column] != (_of_checkout(session, row, column) if first is AT_FIRST else first)
        for column, first in PARTS[table.name].items()
    )
    return not any(differs)


def read_along(query: Any, table: str, key: Any) -> Any:
    """``query`` with the hash in the newest version of a row that it names, for ``enter_read``."""
    newest = select(VERSION.c.sha256).where(VERSION.c.of == table, VERSION.c.row_key == key)
    return query.add_columns(newest.order_by(VERSION.c.number.desc()).limit(1).scalar_subquery())


def enter_read(session: Any, table: str, key: str, sha256: str | None) -> None:
    """Note what ``read_along`` has read of a row: it is not asked for when the row is changed."""
    if sha256 is not None:
        session.info.setdefault(NEWEST, {})[table, key] = sha256


def _of_checkout(session: Any, row: Any, column: str) -> Any:
    checkout = metadata().tables["checkout"]
    query = select(checkout.c[column]).where(checkout.c.id == row.checkout_id)
    return session.connection().execute(query).scalar()


def _has_changed(row: Any, part: Mapping[str, Any], *, new: bool) -> bool:
    """Whether the row says something else in these columns than what it said, or than a new row says."""
    if new:
        return any(first is not AT_FIRST and getattr(row, name) != first for name, first in part.items())
    before = inspect(row).committed_state
    return any(name in before and before[name] != getattr(row, name) for name in part)


def _part_of(table: Table) -> list[str]:
    return [*(column.name for column in table.primary_key), *PARTS[table.name]]


def write_down(connection: Connection, tables: Iterable[Table]) -> None:
    """Write every row down for the first time, without a key: for migrations that make such a table."""
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


def unlike(connection: Connection, keys: RowKeys, only: Collection[str] | None = None) -> Iterator[Unlike]:
    """Rows that are not what was last written of them, as table, key and what is wrong; of ``only`` some tables."""
    names = metadata().tables if only is None else only
    yield from keyed.unlike(connection, keys, [name for name in keyed.tables() if name in names])
    for name in sorted(WITNESSED.union(PARTS).intersection(names)):
        written, there = _newest(connection, name), set()
        for row, must_be in _kept(connection, name):
            key = key_of(metadata().tables[name], row)
            there.add(key)
            if key in written and (problem := _problem(keys, written[key], name, row)):
                yield name, key, problem
            elif key not in written and must_be:
                yield name, key, "it was never written by the gateway"
        if not _may_go(name):
            yield from ((name, key, "it was removed") for key in written if key not in there)


def adopt(connection: Connection, keys: RowKeys) -> int:
    """Hash with a key what older releases wrote; returns how many rows. What does not hold stays, and is named."""
    done = 0
    for name in sorted(WITNESSED.union(PARTS)):
        table, written = metadata().tables[name], _newest(connection, name)
        rows = [row for row, _ in _kept(connection, name)]
        sound = [row for row in rows if written.get(key_of(table, row)) == content_sha256(name, row)]
        done += _add(connection, [_keyed(keys, table, row) for row in sound])
    for name in keyed.tables():
        for page in keyed.pages(connection, name):
            old = [(key, content) for key, content, said in page if said is None]
            known = keyed.newest(connection, name, [key for key, _ in old])
            fresh = [(key, keys.hash(content)) for key, content in old if key not in known]
            done += _add(
                connection, [{"of": name, "row_key": key, "sha256": sha256} for key, sha256 in fresh]
            )
    return done


def _add(connection: Connection, versions: list[dict[str, Any]]) -> int:
    if versions:
        connection.execute(VERSION.insert(), versions)
    return len(versions)


def _newest(connection: Connection, name: str) -> dict[str, str]:
    """By key the hash in the newest version of every row of a table."""
    newest = select(func.max(VERSION.c.number)).where(VERSION.c.of == name).group_by(VERSION.c.row_key)
    query = select(VERSION.c.row_key, VERSION.c.sha256).where(VERSION.c.number.in_(newest))
    return dict(connection.execute(query).all())


def _problem(keys: RowKeys, written: str, name: str, row: Mapping[str, Any]) -> str | None:
    if keys.made(written) or written != content_sha256(name, row):
        return keys.problem(written, content_of(name, row))
    if written in RELEASED:
        return None
    return "its hash has no key: an older release wrote it (run fenqi-gateway keys init), or somebody else"


def _may_go(name: str) -> bool:
    """Whether rows of a table are removed, or say again what is said of a row of which nothing was written down."""
    return name in PARTS or name not in RULES or RULES[name].removable


def _kept(connection: Connection, name: str) -> Iterator[tuple[dict[str, Any], bool]]:
    """Every row of a table that is kept, with what is kept of it and whether something must be written down."""
    if name in PARTS:
        yield from _kept_in_part(connection, name)
        return
    for row in connection.execute(select(metadata().tables[name])).mappings():
        yield dict(row), True


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
    """The hash without a key of a row: of its table and of every column by name."""
    content = [table, {str(name): plain(value) for name, value in values.items()}]
    return hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _version(table: Table, row: Mapping[str, Any]) -> dict[str, Any]:
    return {"of": table.name, "row_key": key_of(table, row), "sha256": content_sha256(table.name, row)}


def _keyed(keys: RowKeys, table: Table, row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "of": table.name,
        "row_key": key_of(table, row),
        "sha256": keys.hash(content_of(table.name, row)),
    }
