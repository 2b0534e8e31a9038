"""Migrations by Alembic: ``upgrade(url)`` brings a database to the newest schema, from empty or from any older one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from gateway.db.engine import canonical_url, connect

HERE = Path(__file__).parent
LOCK = 84_002_026
"""Key of the advisory lock that one run of the migrations holds."""


def upgrade(url: str, revision: str = "head") -> None:
    """Bring the database at ``url`` to ``revision``; safe to run again, and twice at once: the second one waits."""
    with _alone(url):
        command.upgrade(config(url), revision)


@contextmanager
def _alone(url: str) -> Iterator[None]:
    """Hold the migrations' lock of a PostgreSQL database; SQLite has one writing transaction anyway."""
    engine = connect(url)
    try:
        if engine.dialect.name != "postgresql":
            yield
            return
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": LOCK})
            try:
                yield
            finally:
                connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": LOCK})
    finally:
        engine.dispose()


def is_current(url: str) -> bool:
    """Whether the database is at the newest schema. Raises ``OperationalError`` when it cannot be reached."""
    engine = connect(url)
    try:
        with engine.connect() as connection:
            found = MigrationContext.configure(connection).get_current_revision()
    finally:
        engine.dispose()
    return found == ScriptDirectory.from_config(config(url)).get_current_head()


def config(url: str) -> Config:
    """Alembic's configuration for one database, without an ini file."""
    settings = Config()
    settings.set_main_option("script_location", str(HERE / "migrations"))
    settings.attributes["url"] = canonical_url(url)
    return settings
