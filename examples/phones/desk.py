"""The shop's desk, behind a password: orders are shipped, which captures, and refunded."""

from __future__ import annotations

import hashlib
import secrets
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any

from flask import Flask, abort, redirect, render_template, request, session
from orders import Orders
from werkzeug.security import check_password_hash

import fenqi

TABLES = """
CREATE TABLE IF NOT EXISTS desk_login (token_hash TEXT PRIMARY KEY, ends_at REAL NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS desk_failure (address TEXT NOT NULL, at REAL NOT NULL) STRICT;
"""
LASTS = 8 * 3600
FAILURES, FAILURES_OF_ALL, WINDOW = 5, 50, 300
"""Wrong passwords in five minutes: from one address, and from all of them together."""


class Door:
    """Logins and failed guesses, kept in the shop's database because several processes may serve."""

    def __init__(self, path: Path, password_hash: str) -> None:
        self._path, self._password_hash = path, password_hash
        with self._connection() as connection:
            connection.executescript(TABLES)

    def open(self, password: str, address: str) -> str | None:
        """A token of a new login, None for a wrong password. Raises ``PermissionError`` after too many of them.

        A guess is recorded before it is judged, so parallel guesses also count.
        """
        with self._connection() as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("DELETE FROM desk_failure WHERE at < ?", (time.time() - WINDOW,))
            rows = connection.execute("SELECT address FROM desk_failure").fetchall()
            if len(rows) >= FAILURES_OF_ALL or sum(row[0] == address for row in rows) >= FAILURES:
                raise PermissionError
            guess = connection.execute(
                "INSERT INTO desk_failure VALUES (?, ?)", (address, time.time())
            ).lastrowid
        if not check_password_hash(self._password_hash, password):
            return None
        token = secrets.token_urlsafe(32)
        with self._connection() as connection:
            connection.execute("DELETE FROM desk_failure WHERE rowid = ?", (guess,))
            connection.execute("DELETE FROM desk_login WHERE ends_at < ?", (time.time(),))
            connection.execute("INSERT INTO desk_login VALUES (?, ?)", (_hashed(token), time.time() + LASTS))
        return token

    def knows(self, token: str) -> bool:
        """Whether the login is open."""
        query = "SELECT 1 FROM desk_login WHERE token_hash = ? AND ends_at > ?"
        with self._connection() as connection:
            return connection.execute(query, (_hashed(token), time.time())).fetchone() is not None

    def close(self, token: str) -> None:
        """End the login; a copy of its cookie opens nothing any more."""
        with self._connection() as connection:
            connection.execute("DELETE FROM desk_login WHERE token_hash = ?", (_hashed(token),))

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        connection = sqlite3.connect(self._path, timeout=10)
        try:
            with connection:
                yield connection
        finally:
            connection.close()


def _hashed(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def register(app: Flask, client: fenqi.Fenqi, orders: Orders, door: Door, *, shop_url: str) -> None:
    """The pages of the desk: the door, and behind it the orders."""

    def private(page: Any) -> Any:
        @wraps(page)
        def guarded(**arguments: str) -> Any:
            if not door.knows(session.get("desk", "")):
                return redirect(f"{shop_url}/desk/login", 303)
            return page(**arguments)

        return guarded

    _open_door(app, door, private, shop_url=shop_url)
    _show_orders(app, client, orders, private, shop_url=shop_url)


def _open_door(app: Flask, door: Door, private: Any, *, shop_url: str) -> None:
    @app.get("/desk/login")
    def login() -> str:
        return render_template("login.html")

    @app.post("/desk/login")
    def enter() -> Any:
        try:
            token = door.open(request.form.get("password", ""), request.remote_addr or "")
        except PermissionError:
            return render_template("login.html", wrong="often"), 429, {"Retry-After": str(WINDOW)}
        if token is None:
            return render_template("login.html", wrong="password"), 401
        session.clear()  # and with it the token of the forms of before
        session["desk"] = token
        return redirect(f"{shop_url}/desk", 303)

    @app.post("/desk/logout")
    @private
    def leave() -> Any:
        door.close(session["desk"])
        session.clear()
        return redirect(f"{shop_url}/desk/login", 303)


def _show_orders(app: Flask, client: fenqi.Fenqi, orders: Orders, private: Any, *, shop_url: str) -> None:
    @app.get("/desk")
    @private
    def desk() -> str:
        return render_template("desk.html", orders=orders.newest())

    @app.post("/desk/<number>/ship")
    @private
    def ship(number: str) -> Any:
        order = orders.get(number) or abort(404)
        if order["status"] == "paid":
            client.payments.capture(
                order["payment"],
                delivery={"carrier": "SF Express", "tracking_number": f"SF-{number}"},
                idempotency_key=f"ship-{number}",
            )
            orders.update(number, status="shipped")
        return redirect(f"{shop_url}/desk", 303)

    @app.post("/desk/<number>/refund")
    @private
    def refund(number: str) -> Any:
        order = orders.get(number) or abort(404)
        if order["status"] == "shipped":
            client.refunds.create(
                payment=order["payment"],
                reason="customer return",
                refund_reference=f"R-{number}",
                idempotency_key=f"refund-{number}",
            )
            orders.update(number, status="refunded")
        return redirect(f"{shop_url}/desk", 303)
