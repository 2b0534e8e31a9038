"""SQLite alone, for the many tests whose subject is not the database; import ``database_url`` to use it.

Of such a module, mark ``on_both`` what is about SQL, a lock, a constraint or a trigger.
"""

from __future__ import annotations

import pytest

from tests.conftest import new_database

__all__ = ["database_url", "on_both"]

on_both = pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)


@pytest.fixture
def database_url(request, tmp_path):
    """URL of a migrated, empty database: SQLite, or what a test is marked with."""
    with new_database(request, getattr(request, "param", "sqlite"), tmp_path) as url:
        yield url
