"""Migrations by Alembic: ``upgrade(url)`` brings a database to the newest schema, from empty or from any older one."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from gateway.db.engine import Limits, canonical_url, connect
from gateway.db.scrub import scrub

log = logging.getLogger("gateway.db")
HERE = Path(__file__).parent
LOCK = 84_002_026
"""Key of the advisory lock that one run of the migrations holds."""


def upgrade(url: str, revision: str = "head") -> None:
    """Bring the database at ``url`` to ``revision``; safe to run again, and twice at once: the second one waits."""
    with _alone(url):
        before = _revision(url)
        command.upgrade(config(url), revision)
        if before is not None and _revision(url) != before:
            _leave_nothing_behind(url)


@contextmanager
def _alone(url: str) -> Iterator[None]:
    """Hold the migrations' lock of a PostgreSQL database; SQLite has one writing transaction anyway."""
    engine = connect(url, Limits().patient())
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
    return _revision(url) == ScriptDirectory.from_config(config(url)).get_current_head()


def _revision(url: str) -> str | None:
    engine = connect(url)
    try:
        with engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision()
    finally:
        engine.dispose()


def _leave_nothing_behind(url: str) -> None:
    """Rewrite a SQLite file once: older releases deleted rows without overwriting them."""
    engine = connect(url, Limits().patient())
    try:
        if engine.dialect.name == "sqlite":
            why = scrub(engine, (), seconds=5, whole=True)
            if why is not None:
                log.warning("freed pages of the database were not rewritten: %s", why)
    finally:
        engine.dispose()


def config(url: str) -> Config:
    """Alembic's configuration for one database, without an ini file."""
    settings = Config()
    settings.set_main_option("script_location", str(HERE / "migrations"))
    settings.attributes["url"] = canonical_url(url)
    return settings
