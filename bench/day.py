"""A day of many loans: every loan's first instalment falls due, is billed, booked, and its collection is instructed."""

from __future__ import annotations

import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import insert, text
from sqlmodel import SQLModel

from bench.checkout import order
from bench.merchant import on_board
from bench.report import Row, at_least
from bench.size import Size
from gateway import keyring
from gateway.app import create_app
from gateway.config import from_environment
from gateway.core.calendar import shanghai_date
from gateway.core.tenant import Tenant
from gateway.db.migrate import upgrade
from gateway.db.transactions import Transaction
from gateway.payments.collections import service as collections
from gateway.web.context import Gateway

DRAWN = datetime(2026, 11, 23, 4, tzinfo=UTC)
DUE = datetime(2026, 12, 23, 4, tzinfo=UTC)
BATCH = 500
COPIED = ("checkout", "payment", "loan", "capture", "loan_instalment")
"""The rows of a purchase that a day reads, parents first."""


def measure(place: dict[str, Any], size: Size) -> list[Row]:
    """Loans per second through the daily job, and beside it the bare inserts of the same number of rows."""
    del place
    print(
        f"day: {size.loans} loans fall due on one day (SQLite, batches of {BATCH}) beside bare multi-row INSERTs"
    )
    with tempfile.TemporaryDirectory(prefix="fenqi-bench-") as folder:
        moment = [DRAWN]
        settings = from_environment(data_dir=folder, database_url=f"sqlite:///{Path(folder) / 'day.sqlite'}")
        upgrade(settings.database_url)
        keyring.create(settings.data_dir)
        app = create_app(settings, clock=lambda: moment[0])
        gateway: Gateway = app.extensions["fenqi"]
        tenant, loan_id = purchase(app)
        gateway.db.write(lambda tx: _copy(tx, loan_id, size.loans - 1))
        moment[0] = DUE
        today = shanghai_date(DUE)
        started = time.perf_counter()
        while gateway.db.write(lambda tx: collections.bill_and_collect(tx, tenant, today=today, limit=BATCH)):
            pass
        took = time.perf_counter() - started
        bare = _bare(gateway, size.loans)
        with gateway.db.read() as tx:
            billed = tx.connection().execute(text("SELECT COUNT(*) FROM loan_bill")).scalar_one()
        if billed != size.loans:
            raise RuntimeError(f"{billed} of {size.loans} loans were billed")
    print(
        f"  job {size.loans / took:7.0f} loans/s   bare {size.loans / bare:7.0f}/s   ratio {bare / took:.2f}"
    )
    print()
    return [Row("day: loans that fall due", size.loans / took, "/s", at_least(5_000), size.loans / bare)]


def purchase(app: Flask) -> tuple[Tenant, str]:
    """One phone, bought and shipped through the API; returns whose it is and its loan."""
    credentials = on_board(app.extensions["fenqi"])
    client = app.test_client()
    pair = (credentials["client_id"], credentials["client_secret"])
    answer: Any = client.post("/oauth/token", data={"grant_type": "client_credentials"}, auth=pair)
    headers = {"Authorization": f"Bearer {answer.json['access_token']}", "Idempotency-Key": "bench"}

    def post(path: str, body: dict[str, Any]) -> Any:
        answer: Any = client.post(path, json=body, headers=headers)
        if answer.status_code >= 400:
            raise RuntimeError(f"{path}: {answer.text}")
        return answer.json

    checkout = post("/v1/checkouts", order(0))
    shopper = {"term": 12, "phone": "13800000001"}
    done = post(f"/v1/test_helpers/checkouts/{checkout['id']}/complete", shopper)
    payment = post(f"/v1/payments/{done['payment']}/capture", {})
    return Tenant(credentials["merchant"], "test"), payment["captures"][0]["loan"]


def _copy(tx: Transaction, loan_id: str, copies: int) -> None:
    """The same purchase as many times again, written directly: only the day is measured."""
    connection, tables = tx.connection(), SQLModel.metadata.tables
    rows = {
        name: [dict(row) for row in connection.execute(tables[name].select()).mappings()] for name in COPIED
    }
    own = {row["id"] for name in COPIED for row in rows[name] if "id" in row}
    own |= {row["merchant_reference"] for row in rows["checkout"]}
    if loan_id not in own:
        raise RuntimeError("there is one purchase, and its loan is copied with it")

    def renamed(value: Any, number: int) -> Any:
        return f"{value}_{number}" if isinstance(value, str) and value in own else value

    for start in range(1, copies + 1, BATCH):
        numbers = range(start, min(start + BATCH, copies + 1))
        for name in COPIED:
            copied = [
                {column: renamed(value, number) for column, value in row.items()}
                for number in numbers
                for row in rows[name]
            ]
            if copied:
                connection.execute(insert(tables[name]), copied)


def _bare(gateway: Gateway, count: int) -> float:
    """Seconds to insert, in batches, as many rows as the day writes.

    They are bill, entry, two postings, seal, collection and outbox; the loan is updated.
    """
    raw = gateway.db.engine.raw_connection()
    cursor = raw.cursor()
    cursor.execute(
        "CREATE TABLE bare (id TEXT PRIMARY KEY, a TEXT, b TEXT, c INTEGER, d INTEGER, e TEXT) STRICT"
    )
    started = time.perf_counter()
    for start in range(0, count, BATCH):
        cursor.execute("BEGIN IMMEDIATE")
        numbers = range(start, min(start + BATCH, count))
        rows = [(f"{n}:{part}", "loan", "kind", n, part, "2026-12-23") for n in numbers for part in range(7)]
        cursor.executemany("INSERT INTO bare VALUES (?, ?, ?, ?, ?, ?)", rows)
        cursor.executemany(
            "UPDATE loan SET late_entries = 0 WHERE id = ?", [(f"loan_{number:08}",) for number in numbers]
        )
        cursor.execute("COMMIT")
    took = time.perf_counter() - started
    raw.close()
    return took
