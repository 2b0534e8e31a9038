"""Two processes that migrate one PostgreSQL database at the same time: one waits, both succeed."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from pathlib import Path

from sqlalchemy import Connection, text

from gateway.db.engine import canonical_url
from gateway.db.migrate import is_current

PROGRAM = Path(sys.executable).parent / "fenqi-gateway"


def test_second_migration_waits_for_the_first(
    postgres_url: str, postgres_administrator: Connection, tmp_path: Path
) -> None:
    name = f"fenqi_{uuid.uuid4().hex[:12]}"
    postgres_administrator.execute(text(f"CREATE DATABASE {name}"))
    url = canonical_url(postgres_url).set(database=name).render_as_string(hide_password=False)
    environ = {**os.environ, "DATABASE_URL": url, "FENQI_DATA_DIR": str(tmp_path)}
    try:
        running = [
            subprocess.Popen(
                [PROGRAM, "migrate"], env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE
            )
            for _ in range(2)
        ]
        told = [process.communicate(timeout=120) for process in running]

        assert [process.returncode for process in running] == [0, 0], told
        assert is_current(url)
    finally:
        postgres_administrator.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
