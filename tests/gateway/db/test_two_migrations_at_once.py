"""Two processes that migrate one PostgreSQL database at the same time: one waits, both succeed."""

from __future__ import annotations

import os
from pathlib import Path

from sqlalchemy import Connection

from gateway.db.migrate import is_current
from tests.postgres import database
from tests.warm import Program


def test_second_migration_waits_for_the_first(
    postgres_url: str, postgres_administrator: Connection, tmp_path: Path
) -> None:
    with database(postgres_url, postgres_administrator) as url:
        environ = {**os.environ, "DATABASE_URL": url, "FENQI_DATA_DIR": str(tmp_path)}
        log = tmp_path / "log"
        running = [Program(["migrate"], environ, log) for _ in range(2)]

        assert [process.wait(120) for process in running] == [0, 0], log.read_text()
        assert is_current(url)
