"""Changing what the triggers keep, as the owner of a database can: to see whether it is found afterwards."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import Connection, text

CHANGED = re.compile(r"(?:UPDATE|DELETE FROM|INSERT INTO) (\w+)")


def by_force(connection: Connection, sql: str, values: dict[str, Any] | None = None) -> None:
    """Run one statement with the triggers of its table off, and put them back."""
    match = CHANGED.match(sql)
    assert match, sql
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"ALTER TABLE {match[1]} DISABLE TRIGGER USER")
        connection.execute(text(sql), values or {})
        connection.exec_driver_sql(f"ALTER TABLE {match[1]} ENABLE TRIGGER USER")
        return
    triggers = connection.execute(
        text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = :table"),
        {"table": match[1]},
    ).all()
    for name, _ in triggers:
        connection.exec_driver_sql(f"DROP TRIGGER {name}")
    connection.execute(text(sql), values or {})
    for _, trigger in triggers:
        connection.exec_driver_sql(trigger)
