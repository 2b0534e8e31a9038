"""A day of many loans: every loan's first instalment falls due, is billed, booked, and its collection is instructed."""

from __future__ import annotations

import os
import tempfile
import time
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import insert, text
from sqlmodel import SQLModel

from gateway.app import gateway_of
from gateway.config import from_environment
from gateway.core.calendar import shanghai_date
from gateway.core.schedule import Terms, build
from gateway.core.tenant import Tenant
from gateway.db.migrate import upgrade
from gateway.onboarding import onboard
from gateway.payments import collections
from gateway.web.context import Gateway

LOANS = int(os.environ.get("FENQI_BENCH_LOANS", "20000"))
DRAWN = datetime(2026, 11, 23, 4, tzinfo=UTC)
DUE = datetime(2026, 12, 23, 4, tzinfo=UTC)
BATCH = 500
TERMS = Terms("equal_installment", 12, annual_rate="0.18")
PRINCIPAL_FEN = 599_900


def measure(place: dict[str, Any], *, seconds: float, rounds: int) -> None:
    """Print loans per second through the daily job, and beside it the bare inserts of the same number of rows."""
    del place, seconds, rounds
    print(
        f"day: {LOANS} loans fall due on one day (SQLite, batches of {BATCH}) beside bare multi-row INSERTs"
    )
    with tempfile.TemporaryDirectory(prefix="fenqi-bench-") as folder:
        moment = [DRAWN]
        settings = from_environment(data_dir=folder, database_url=f"sqlite:///{Path(folder) / 'day.sqlite'}")
        upgrade(settings.database_url)
        gateway = gateway_of(settings, clock=lambda: moment[0])
        tenant = _lend(gateway, LOANS)
        moment[0] = DUE
        today = shanghai_date(DUE)
        started = time.perf_counter()
        while gateway.db.write(lambda tx: collections.bill_and_collect(tx, tenant, today=today, limit=BATCH)):
            pass
        took = time.perf_counter() - started
        bare = _bare(gateway, LOANS)
        with gateway.db.read() as tx:
            billed = tx.connection().execute(text("SELECT COUNT(*) FROM loan_bill")).scalar_one()
        assert billed == LOANS, "every loan was billed"
    print(f"  job {LOANS / took:7.0f} loans/s   bare {LOANS / bare:7.0f}/s   ratio {bare / took:.2f}")
    print("  (goal: 5,000 loans/s on a quiet machine)\n")


def _lend(gateway: Gateway, count: int) -> Tenant:
    """Loans as captures would have left them, written directly: only the day is measured."""
    credentials = onboard(
        gateway, name="量尺", name_en="Yardstick", category="3c", mode="test", email="bench@fenqi.example",
        webhook_url=None,
    )  # fmt: skip
    tenant = Tenant(credentials["merchant"], "test")
    rows = build(PRINCIPAL_FEN, TERMS, date(2026, 11, 23)).rows
    table = SQLModel.metadata.tables

    def fill(tx: Any) -> None:
        shopper = {
            "id": "shp_bench", "mode": "test", "name_sealed": b"", "id_number_sealed": b"", "phone_sealed": b"",
            "id_number_lookup": "x", "phone_lookup": "x", "created_at": DRAWN,
        }  # fmt: skip
        known = {column.name for column in table["shopper"].columns}
        tx.connection().execute(insert(table["shopper"]), [{k: v for k, v in shopper.items() if k in known}])
        ids = [f"loan_{number:08}" for number in range(count)]
        tx.connection().execute(
            insert(table["loan"]),
            [
                {
                    "id": id, "merchant_id": tenant.merchant_id, "mode": "test", "shopper_id": "shp_bench",
                    "payment_id": f"pay_{id}", "capture_id": f"cap_{id}", "funder": "demo_bank", "status": "active",
                    "principal_fen": PRINCIPAL_FEN, "refunded_fen": 0, "price": {}, "contract_date": date(2026, 11, 23),
                    "schedule_version": 1, "base_version": 1, "billed_periods": 0, "next_due_date": rows[0].due_date,
                    "repaid_fen": 0, "written_off_fen": 0, "recovered_fen": 0, "credit_fen": 0, "subsidy_fen": 0,
                    "subsidy_earned_fen": 0, "subsidy_returned_fen": 0, "subsidy_base_fen": 0,
                    "late_daily_rate": "0.0005", "late_grace_days": 3, "early_settlement_policy": "pro_rata_day",
                    "late_entries": 0, "credit_entries": 0, "missed_through": 0, "created_at": DRAWN,
                }
                for id in ids
            ],
        )  # fmt: skip
        tx.connection().execute(
            insert(table["loan_instalment"]),
            [
                {
                    "loan_id": id, "version": 1, "period": row.period, "due_date": row.due_date,
                    "principal_fen": row.principal, "interest_fen": row.interest, "fee_fen": row.fee,
                    "payment_fen": row.payment, "balance_fen": row.balance,
                }
                for id in ids
                for row in rows
            ],
        )  # fmt: skip

    gateway.db.write(fill)
    return tenant


def _bare(gateway: Gateway, count: int) -> float:
    """Seconds to insert, in batches, as many rows as the day writes: bill, entry, two postings, seal, collection,
    outbox; and to update the loan."""
    raw = gateway.db.engine.raw_connection()
    cursor = raw.cursor()
    cursor.execute(
        "CREATE TABLE bare (id TEXT PRIMARY KEY, a TEXT, b TEXT, c INTEGER, d INTEGER, e TEXT) STRICT"
    )
    started = time.perf_counter()
    for start in range(0, count, BATCH):
        cursor.execute("BEGIN IMMEDIATE")
        numbers = range(start, start + BATCH)
        rows = [(f"{n}:{part}", "loan", "kind", n, part, "2026-12-23") for n in numbers for part in range(7)]
        cursor.executemany("INSERT INTO bare VALUES (?, ?, ?, ?, ?, ?)", rows)
        cursor.executemany(
            "UPDATE loan SET late_entries = 0 WHERE id = ?", [(f"loan_{number:08}",) for number in numbers]
        )
        cursor.execute("COMMIT")
    took = time.perf_counter() - started
    raw.close()
    return took
