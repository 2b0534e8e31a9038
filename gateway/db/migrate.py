"""Migrations by Alembic: ``upgrade(url)`` brings a database to the newest schema, from empty or from any older one."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config

from gateway.db.engine import canonical_url

HERE = Path(__file__).parent


def upgrade(url: str, revision: str = "head") -> None:
    """Bring the database at ``url`` to ``revision``; safe to run again."""
    command.upgrade(config(url), revision)


def config(url: str) -> Config:
    """Alembic's configuration for one database, without an ini file."""
    settings = Config()
    settings.set_main_option("script_location", str(HERE / "migrations"))
    settings.attributes["url"] = canonical_url(url)
    return settings
