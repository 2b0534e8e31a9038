"""What is kept packed on PostgreSQL is read as it was written, and so is what an earlier release wrote plainly."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Column, Connection, create_engine, select, text

from gateway.contracts.verify import verify
from gateway.db import keyed, packing
from gateway.db.tables import metadata
from gateway.db.types import Packed, PackedWords
from tests.by_force import by_force
from tests.one_database import database_url  # noqa: F401

WORDS_SHA256 = "b3ee60a2d83e6000815053003e31152b58914f35a3aea65d361b190e73e13e99"
"""Of the words that rows of databases in use are packed with: they are never changed."""


def test_what_was_packed_stays_readable() -> None:
    assert hashlib.sha256(packing.WORDS).hexdigest() == WORDS_SHA256


def test_a_packed_text_is_read_whole_or_not_at_all() -> None:
    content = '{"name": "分期 é", "plan": "equal_installment"}'.encode()
    said = packing.packed_text(content)
    assert packing.text_of(said) == content
    cut = said[:-4]
    for other in (f"{said} ", f"{said}AAAA", cut, f"{packing.TEXT_FORM}%", packing.TEXT_FORM, "plan"):
        assert packing.text_of(other) is None, other
    for kept in (b"", b"{}", content * 5, packing.BYTES_FORM, bytes(range(256))):
        assert packing.bytes_of(packing.packed_bytes(kept)) == kept
    assert len(packing.packed_bytes(content * 5)) < len(content)


def test_an_integer_of_any_size_comes_back_as_it_was() -> None:
    kept = Packed().process_bind_param({"n": 2**80}, _postgresql())
    assert kept == {"n": 2**80}


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_what_an_earlier_release_wrote_plainly_is_read_and_holds(api: Any, app: Flask) -> None:
    gateway = app.extensions["fenqi"]
    payment = api.captured(12)
    packed = [
        column
        for table in metadata().sorted_tables
        for column in table.columns
        if isinstance(column.type, Packed | PackedWords)
    ]
    with gateway.db.engine.begin() as connection:
        before = _values(connection, packed)
        assert {"event.data", "checkout.plans", "payment.plan", "contract.text"} <= _packed(
            connection, packed
        )
        for column in packed:
            _write_plainly(connection, column)
        assert _values(connection, packed) == before
        assert _packed(connection, packed) == set()
        names = {column.table.name for column in packed} & set(keyed.tables())
        assert list(keyed.unlike(connection, gateway.db.row_keys(), names)) == []
    assert api.get(f"/v1/payments/{payment['id']}").json["plan"] == payment["plan"]
    with gateway.db.read() as tx:
        assert verify(tx, gateway.ports.signing_authority).ok


def _postgresql() -> Any:
    return create_engine("postgresql+psycopg://").dialect


def _values(connection: Connection, columns: list[Column[Any]]) -> dict[str, list[Any]]:
    """What the gateway reads of each column, by the order of the keys."""
    return {
        str(column): list(
            connection.execute(select(column).order_by(*column.table.primary_key)).scalars().all()
        )
        for column in columns
    }


def _packed(connection: Connection, columns: list[Column[Any]]) -> set[str]:
    """Columns with a value that is kept packed."""
    found = set()
    for column in columns:
        sign = f"{column.table.name} WHERE {column.name}::text LIKE '%{packing.TEXT_FORM}%'"
        if connection.execute(text(f"SELECT count(*) FROM {sign}")).scalar_one():
            found.add(str(column))
    return found


def _write_plainly(connection: Connection, column: Column[Any]) -> None:
    """Write each value of a column as releases before did."""
    table, names = column.table, [key.name for key in column.table.primary_key]
    keys = " AND ".join(f"{name} = :{name}" for name in names)
    as_it_was = "CAST(:value AS jsonb)" if isinstance(column.type, Packed) else ":value"
    for row in connection.execute(select(*table.primary_key, column.label("value"))).mappings().all():
        value = row["value"] if as_it_was == ":value" else json.dumps(row["value"])
        sql = f"UPDATE {table.name} SET {column.name} = {as_it_was} WHERE {keys}"
        by_force(connection, sql, {**row, "value": value})
