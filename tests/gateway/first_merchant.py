"""The first merchant of a test, brought on board once and then laid into each new database.

Whatever differs from the usual first merchant is brought on board as ever: another clock, category or mode.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from flask import Flask
from sqlalchemy import Connection, Engine, text
from sqlmodel import SQLModel

from gateway.app import gateway_of
from gateway.config import Settings

if TYPE_CHECKING:
    from tests.gateway.conftest import Api

START = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
"""Monday noon in Shanghai."""
SEED = 20261123
FRESH = random.Random(SEED).getstate()
QUOTED = {"sqlite": "quote({})", "postgresql": "quote_nullable({}::text)"}


@dataclass(frozen=True)
class Recording:
    """What bringing the first merchant on board left behind."""

    credentials: dict[str, Any]
    token: str
    script: str
    chance: tuple[Any, ...]


_recordings: dict[str, Recording] = {}
COUNTED = "row_version"
"""The table whose rows the database numbers, in its first column."""


@cache
def key_files() -> dict[str, bytes]:
    """What a gateway puts into an empty data directory at the start of a test: its keys, made once for all tests."""
    with TemporaryDirectory() as folder:
        gateway_of(Settings(database_url="sqlite://", data_dir=Path(folder)), clock=lambda: START)
        paths = [path for path in Path(folder).rglob("*") if path.is_file()]
        return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def lay_keys(folder: Path) -> None:
    """Make a data directory with the keys of all tests."""
    folder.mkdir(mode=0o700)
    for name, content in key_files().items():
        (folder / name).parent.mkdir(mode=0o700, exist_ok=True)
        (folder / name).write_bytes(content)
        (folder / name).chmod(0o600)


def brought(app: Flask, chance: random.Random, bring: Callable[[], Api], shell: Callable[..., Api]) -> Api:
    """The first merchant of an app: as ``bring`` makes it, or as it was recorded when that was done before.

    The app must have the keys of all others and a clock at its start; the database is empty while chance is fresh.
    """
    assert chance.getstate() == FRESH
    engine: Engine = app.extensions["fenqi"].db.engine
    known = _recordings.get(engine.name)
    if known is None:
        before = _rows(engine)
        api = bring()
        script = _inserts(before, _rows(engine))
        _recordings[engine.name] = Recording(dict(api.credentials), api.token, script, chance.getstate())
        return api
    connection = engine.raw_connection()
    try:
        cursor = connection.cursor()
        getattr(cursor, "executescript", cursor.execute)(known.script)
        connection.commit()
    finally:
        connection.close()
    chance.setstate(known.chance)
    return shell(app.test_client(), dict(known.credentials), known.token)


def _rows(engine: Engine) -> dict[str, set[str]]:
    """Every row of every table, as the values of an INSERT."""
    with engine.connect() as connection:
        return {name: _of_table(connection, name) for name in _tables()}


def _of_table(connection: Connection, name: str) -> set[str]:
    quoted = QUOTED[connection.dialect.name]
    columns = ", ".join(quoted.format(f'"{column.name}"') for column in _tables()[name].columns)
    return {", ".join(map(str, row)) for row in connection.execute(text(f'SELECT {columns} FROM "{name}"'))}


def _inserts(before: dict[str, set[str]], after: dict[str, set[str]]) -> str:
    """One transaction that makes ``after`` of ``before``."""
    statements = []
    for name, rows in after.items():
        assert rows >= before[name], f"bringing a merchant on board changed rows of {name}"
        named, added = [f'"{column.name}"' for column in _tables()[name].columns], sorted(rows - before[name])
        if name == COUNTED:  # other rows may be there already, so the database counts on
            added = [row.partition(", ")[2] for row in sorted(added, key=_number)]
            del named[0]
        statements += [f'INSERT INTO "{name}" ({", ".join(named)}) VALUES ({row})' for row in added]
    return ";\n".join(["BEGIN", *statements, "COMMIT"])


def _number(row: str) -> int:
    return int(row.partition(", ")[0].strip("'"))


@cache
def _tables() -> dict[str, Any]:
    return {table.name: table for table in SQLModel.metadata.sorted_tables}
