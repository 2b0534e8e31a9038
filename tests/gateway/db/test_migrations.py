"""The migrations build exactly what the models say, and running them again changes nothing."""

from __future__ import annotations

from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from gateway.db.engine import connect
from gateway.db.migrate import is_current, upgrade
from gateway.db.tables import metadata


def test_the_migrated_schema_is_that_of_the_models(database_url):
    engine = connect(database_url)
    with engine.connect() as connection:
        found = compare_metadata(MigrationContext.configure(connection), metadata())
    engine.dispose()
    assert [difference for difference in found if not is_of_computed_index(difference)] == []


def is_of_computed_index(difference: Any) -> bool:
    """PostgreSQL writes an expression in words of its own: that its index serves is seen where a list asks for it."""
    what, *rest = difference if isinstance(difference, tuple) else ("",)
    return what in ("add_index", "remove_index") and rest[0].name == "payment_by_status"


def test_migrating_twice_changes_nothing(database_url):
    upgrade(database_url)
    assert is_current(database_url)


def test_an_empty_database_is_not_current(tmp_path):
    assert not is_current(f"sqlite:///{tmp_path / 'empty.sqlite'}")
