"""Whether there is a database to work on, found out without creating one."""

from __future__ import annotations

from pathlib import Path

from gateway.config import Settings
from gateway.db.engine import canonical_url
from gateway.db.migrate import is_current


class NoData(Exception):
    """There is nothing to work on; the message says what is missing and what makes it."""


def must_exist(settings: Settings) -> None:
    """Do nothing where the data folder and a database at the newest schema are there. Raises ``NoData``."""
    if not settings.data_dir.is_dir():
        raise NoData(
            f"There is no data folder {settings.data_dir}: name yours with --data or FENQI_DATA_DIR, or run "
            "fenqi-gateway migrate to create a new one."
        )
    url = canonical_url(settings.database_url)
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").is_file():
        raise NoData(
            f"There is no database {url.database}: name your data folder with --data or FENQI_DATA_DIR, or run "
            "fenqi-gateway migrate to create a new one."
        )
    if not is_current(settings.database_url):
        raise NoData("The database is not at the newest schema. Run: fenqi-gateway migrate")
