"""Dumps of a PostgreSQL database, by PostgreSQL's own programs. The password is in no list of processes."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from psycopg.conninfo import make_conninfo
from sqlalchemy import text
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

from gateway.backups import folders
from gateway.backups.manifest import BackupError
from gateway.db.engine import canonical_url, connect
from gateway.db.transactions import Transaction

FILE = "database.dump"
TABLES = text(
    "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
    " WHERE n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\\_toast%'"
    " AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')"
)


def copy(tx: Transaction, url: str, target: Path, *, folder: str) -> None:
    """Dump what ``tx`` sees, while others write; ``folder`` has the programs. Raises ``BackupError``."""
    snapshot = tx.execute(text("SELECT pg_export_snapshot()")).scalar_one()
    folders.new_file(target)
    options = [
        "--format=custom",
        "--no-owner",
        "--no-privileges",
        f"--snapshot={snapshot}",
        f"--file={target}",
    ]
    _run("pg_dump", options, url, folder)
    folders.sync(target)


def must_be_empty(url: str) -> None:
    """Do nothing where the database has no table. Raises ``BackupError``."""
    engine = connect(url)
    try:
        with engine.connect() as connection:
            tables = connection.execute(TABLES).scalar_one()
    finally:
        engine.dispose()
    if tables:
        raise BackupError(
            f"The database {canonical_url(url).database} is not empty: a backup is only restored into a new one. "
            "Create it with createdb, also where an earlier restore was interrupted, and run the command again."
        )


def put(source: Path, url: str, *, folder: str) -> None:
    """Restore a dump in one transaction: all of it or nothing. Raises ``BackupError``."""
    options = ["--no-owner", "--no-privileges", "--single-transaction", "--exit-on-error"]
    _run("pg_restore", options, url, folder, str(source))


def program(name: str, folder: str) -> str:
    """The path of one of PostgreSQL's programs. Raises ``BackupError``."""
    found = shutil.which(name, path=folder or None)
    if found is None:
        where = folder or "PATH"
        raise BackupError(
            f"There is no {name} in {where}: install PostgreSQL's client programs of the server's version, and "
            "set FENQI_PG_BIN to their folder."
        )
    return found


def _run(name: str, options: list[str], url: str, folder: str, *arguments: str) -> None:
    path = program(name, folder)
    _, parameters = PGDialect_psycopg().create_connect_args(canonical_url(url))
    password = parameters.pop("password", None)
    environ = {**os.environ, "LC_MESSAGES": "C"} | ({"PGPASSWORD": str(password)} if password else {})
    command = [path, *options, f"--dbname={make_conninfo(**parameters)}", *arguments]
    done = subprocess.run(command, env=environ, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").split("\n")
        why = next((line for line in said if "error" in line), said[0]) or f"it ended with {done.returncode}"
        raise BackupError(
            f"{name} has failed: {why.strip()}. Its version should be the server's (FENQI_PG_BIN), and the "
            "role of DATABASE_URL must be allowed to read all tables, or to create them for a restore."
        )
