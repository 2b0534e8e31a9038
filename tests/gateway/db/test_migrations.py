"""The migrations build exactly what the models say, and running them again changes nothing."""

from __future__ import annotations

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
    assert found == []


def test_migrating_twice_changes_nothing(database_url):
    upgrade(database_url)
    assert is_current(database_url)


def test_an_empty_database_is_not_current(tmp_path):
    assert not is_current(f"sqlite:///{tmp_path / 'empty.sqlite'}")
