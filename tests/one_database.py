"""SQLite alone, for the many tests whose subject is not the database; import ``database_url`` to use it."""

from __future__ import annotations

import shutil

import pytest

__all__ = ["database_url"]


@pytest.fixture
def database_url(sqlite_template, tmp_path):
    """URL of a migrated, empty SQLite database."""
    shutil.copy(sqlite_template, tmp_path / "fenqi.sqlite")
    return f"sqlite:///{tmp_path / 'fenqi.sqlite'}"
