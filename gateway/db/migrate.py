"""Migrations by Alembic: ``upgrade(url)`` brings a database to the newest schema, from empty or from any older one."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from gateway.db.engine import canonical_url, connect

HERE = Path(__file__).parent


def upgrade(url: str, revision: str = "head") -> None:
    """Bring the database at ``url`` to ``revision``; safe to run again."""
    command.upgrade(config(url), revision)


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
