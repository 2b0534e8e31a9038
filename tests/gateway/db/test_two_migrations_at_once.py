"""Two processes that migrate one PostgreSQL database at the same time: one waits, both succeed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from sqlalchemy import Connection

from gateway.db.migrate import is_current
from tests.postgres import database

PROGRAM = Path(sys.executable).parent / "fenqi-gateway"


def test_second_migration_waits_for_the_first(
    postgres_url: str, postgres_administrator: Connection, tmp_path: Path
) -> None:
    with database(postgres_url, postgres_administrator) as url:
        environ = {**os.environ, "DATABASE_URL": url, "FENQI_DATA_DIR": str(tmp_path)}
        running = [
            subprocess.Popen(
                [PROGRAM, "migrate"], env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE
            )
            for _ in range(2)
        ]
        told = [process.communicate(timeout=120) for process in running]

        assert [process.returncode for process in running] == [0, 0], told
        assert is_current(url)
