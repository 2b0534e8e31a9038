"""A SQLite file that a test used is as new when the next one gets it, and is given up where that cannot be."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from gateway.db.engine import connect
from tests.sqlite_files import Files


@pytest.fixture
def files(tmp_path: Path) -> Iterator[Files]:
    template = tmp_path / "template.sqlite"
    engine = connect(f"sqlite:///{template}")
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE note (words TEXT)")
        connection.exec_driver_sql("INSERT INTO note VALUES ('first')")
    engine.dispose()
    files = Files(template)
    yield files
    files.close()


def used(files: Files, path: Path) -> Engine:
    """An engine on a file that is lent, as a gateway of a test has it."""
    url = f"sqlite:///{path}"
    engine = connect(url)
    files.join(url, "usual", engine.pool)
    return engine


def notes(engine: Engine) -> list[Any]:
    with engine.connect() as connection:
        return list(connection.exec_driver_sql("SELECT words FROM note").scalars())


def test_a_file_is_as_new_at_each_use_and_its_connections_are_kept(files):
    paths, sessions = set(), set()
    for size in (1, 100_000, 5_000_000, 3):
        with files.lent() as path:
            engine = used(files, path)
            assert notes(engine) == ["first"]
            with engine.begin() as connection, engine.connect() as beside:
                connection.exec_driver_sql("INSERT INTO note VALUES (?)", ("x" * size,))
                beside.exec_driver_sql("SELECT count(*) FROM note").all()
                connection.exec_driver_sql("PRAGMA ignore_check_constraints = 1")
                sessions |= {id(each.connection.dbapi_connection) for each in (connection, beside)}
            assert len(notes(engine)) == 2
            paths.add(path)
    with files.lent() as path, sqlite3.connect(path) as other:
        assert other.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        with used(files, path).connect() as connection:
            assert connection.exec_driver_sql("PRAGMA ignore_check_constraints").scalar() == 0
    assert (len(paths), len(sessions)) == (1, 2)
    other.close()


@pytest.mark.parametrize("left", ["a table", "a reader", "a writer", "another file"])
def test_a_file_that_cannot_be_put_back_is_given_up(files, left):
    with files.lent() as path:
        engine = used(files, path)
        connection = engine.connect()
        if left == "a table":
            connection.exec_driver_sql("CREATE TABLE more (words TEXT)")
            connection.commit()
            connection.close()
        elif left == "another file":
            connection.close()
            content = path.read_bytes()
            path.unlink()
            path.write_bytes(content)
        else:
            connection.exec_driver_sql("SELECT words FROM note" if left == "a reader" else "DELETE FROM note")
    connection.close()
    with files.lent() as next_path:
        assert next_path != path
        assert notes(used(files, next_path)) == ["first"]
