"""The shop's own orders, in its own SQLite file; a real shop has its own database."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

TABLE = """
CREATE TABLE IF NOT EXISTS orders (
    id TEXT PRIMARY KEY,
    product TEXT NOT NULL,
    amount INTEGER NOT NULL,
    status TEXT NOT NULL,
    checkout TEXT UNIQUE,
    payment TEXT UNIQUE,
    created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))
) STRICT
"""


class Orders:
    """Orders by number: ``waiting`` until the plan is decided, then ``paid`` or ``open``; ``shipped``, ``refunded``."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._connection() as connection:
            connection.execute(TABLE)

    def place(self, product: str, amount_fen: int) -> str:
        """A new order; its number is the merchant reference of the checkout."""
        with self._connection() as connection:
            connection.execute("BEGIN IMMEDIATE")  # two shoppers at once never count the same
            (count,) = connection.execute("SELECT count(*) FROM orders").fetchone()
            number = f"P{10001 + count}"
            connection.execute(
                "INSERT INTO orders (id, product, amount, status) VALUES (?, ?, ?, 'waiting')",
                (number, product, amount_fen),
            )
        return number

    def update(self, number: str, **columns: str) -> None:
        """Set columns of an order; setting the same again changes nothing."""
        names = ", ".join(f"{name} = ?" for name in columns)
        with self._connection() as connection:
            connection.execute(f"UPDATE orders SET {names} WHERE id = ?", (*columns.values(), number))

    def get(self, number: str) -> dict[str, Any] | None:
        """One order, or None."""
        with self._connection() as connection:
            row = connection.execute("SELECT * FROM orders WHERE id = ?", (number,)).fetchone()
        return dict(row) if row else None

    def newest(self, limit: int = 50) -> list[dict[str, Any]]:
        """The newest orders first."""
        with self._connection() as connection:
            rows = connection.execute("SELECT * FROM orders ORDER BY rowid DESC LIMIT ?", (limit,)).fetchall()
        return [dict(row) for row in rows]

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        connection = sqlite3.connect(self._path, timeout=10)
        connection.row_factory = sqlite3.Row
        try:
            with connection:
                yield connection
        finally:
            connection.close()
