"""Migrations by Alembic: ``upgrade(url)`` brings a database to the newest schema, from empty or from any older one."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from gateway.db import online
from gateway.db.engine import Limits, canonical_url, connect
from gateway.db.scrub import scrub

log = logging.getLogger("gateway.db")
HERE = Path(__file__).parent
LOCK = 84_002_026
"""Key of the advisory lock that one run of the migrations holds."""
ASKED_AGAIN_SECONDS = 0.5


def upgrade(url: str, revision: str = "head") -> None:
    """Bring the database at ``url`` to ``revision``; safe to run again, and twice at once: the second one waits.

    Each migration commits by itself. One that failed has changed nothing, unless it builds indexes online and says how
    to roll forward; those before it stay.
    """
    with _alone(url):
        before = _revision(url)
        _run(url, revision)
        if before is not None and _revision(url) != before:
            _leave_nothing_behind(url)


def _run(url: str, revision: str) -> None:
    """Run the migrations; one that others keep from a lock steps back and is tried again, so that nobody waits long."""
    for again in range(online.TRIES - 1, -1, -1):
        try:
            command.upgrade(config(url), revision)
        except OperationalError as error:
            if not again or getattr(error.orig, "sqlstate", None) not in online.LOCKED_OUT:
                raise
            log.warning("a table is locked by others: the migration has stepped back and is tried again")
            time.sleep(online.PAUSE_SECONDS)
        else:
            return


@contextmanager
def _alone(url: str) -> Iterator[None]:
    """Hold the migrations' lock of a PostgreSQL database; SQLite has one writing transaction anyway."""
    engine = connect(url, Limits().patient())
    try:
        if engine.dialect.name != "postgresql":
            yield
            return
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            # Asked again and again: an index is built concurrently only when no statement of before still waits.
            while not connection.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": LOCK}).scalar():
                time.sleep(ASKED_AGAIN_SECONDS)
            try:
                yield
            finally:
                connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": LOCK})
    finally:
        engine.dispose()


def revision(url: str) -> str | None:
    """The schema of the database; None where it has none. Raises ``OperationalError`` when it cannot be reached."""
    return _revision(url)


def knows(revision: str) -> bool:
    """Whether this release can migrate from a schema."""
    scripts = ScriptDirectory(str(HERE / "migrations"))
    return any(script.revision == revision for script in scripts.walk_revisions())


def is_current(url: str) -> bool:
    """Whether the database is at the newest schema. Raises ``OperationalError`` when it cannot be reached."""
    return _revision(url) == _newest()


@cache
def _newest() -> str | None:
    """The newest schema that this release knows."""
    return ScriptDirectory(str(HERE / "migrations")).get_current_head()


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
