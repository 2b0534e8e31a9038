"""Files of a long settlement: CSV, a workbook and the statement with its proofs, beside bare writing of its rows."""

from __future__ import annotations

import csv
import itertools
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from sqlalchemy import insert, select
from sqlmodel import SQLModel

from bench import books
from bench.merchant import on_board
from bench.report import Row, at_most
from bench.size import Size
from gateway import keyring
from gateway.app import create_app
from gateway.config import from_environment
from gateway.core.tenant import Tenant
from gateway.db import keyed
from gateway.db.migrate import upgrade
from gateway.db.transactions import Transaction
from gateway.exports import running
from gateway.exports.models import Export
from gateway.ledger import service as ledger
from gateway.ledger.booking import postings
from gateway.outbox import service as outbox
from gateway.process.daily import sign_now
from gateway.settlement import service as settlement
from gateway.settlement import statements
from gateway.web.context import Gateway

GOAL_SECONDS = 10.0
LINES = 100_000
"""For so many the goal is set; of fewer it is a part of it."""
AT_ONCE = 500
BATCH, LINE = (SQLModel.metadata.tables[name] for name in ("settlement_batch", "settlement_line"))


def measure(place: dict[str, Any], size: Size) -> list[Row]:
    """Seconds of each file and of the bare writer, on both databases; ``place`` is not used."""
    del place
    print(f"exports: a settlement of {size.lines:,} lines, medians of {size.rounds}")
    with books.databases(size) as urls, tempfile.TemporaryDirectory(prefix="fenqi-bench-") as folder:
        rows = [row for url in urls for row in _measure(url, size, Path(folder) / url.partition(":")[0])]
    print()
    return rows


def _measure(url: str, size: Size, folder: Path) -> Iterator[Row]:
    upgrade(url)
    settings = from_environment(data_dir=str(folder), database_url=url)
    keyring.create(settings.data_dir)
    gateway = create_app(settings, clock=lambda: books.NOON).extensions["fenqi"]
    tenant = Tenant(on_board(gateway)["merchant"], "test")
    batch = _settled(gateway, tenant, size.lines)
    books.analyse(gateway.db)
    sign_now(gateway)
    ways: dict[str, Callable[[], object]] = {
        "bare": partial(_bare, gateway, batch),
        "csv": partial(_export, gateway, tenant, batch, "csv"),
        "xlsx": partial(_export, gateway, tenant, batch, "xlsx"),
        "statement": partial(_statement, gateway, tenant, batch),
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(size.rounds):
        for name, way in ways.items():
            began = time.perf_counter()
            way()
            seconds[name].append(time.perf_counter() - began)
    took = {name: statistics.median(found) for name, found in seconds.items()}
    dialect = gateway.db.engine.dialect.name
    told = ", ".join(f"{name} {found:.2f} s" for name, found in took.items())
    print(f"  {dialect}: {told}; peak {books.peak_mib():.0f} MiB")
    goal = at_most(max(GOAL_SECONDS * size.lines / LINES, 1.0))
    for name in ("csv", "xlsx", "statement"):
        yield Row(f"exports: {name} of {size.lines:,} lines, {dialect}", took[name], "s", goal, took["bare"])


def _settled(gateway: Gateway, tenant: Tenant, lines: int) -> str:
    """A closed settlement of so many captures, each with its entry in the books; returns its id."""
    chance, numbers = random.Random(20261123), itertools.count()

    def close(tx: Transaction) -> str:
        id = tx.new_id("stl")
        figures = {column.name: 0 for column in BATCH.columns if column.name.endswith("_fen")}
        own = {"merchant_id": tenant.merchant_id, "mode": tenant.mode, "created_at": tx.now}
        keyed.insert(tx, insert(BATCH), [{"id": id, "settled_on": books.DAY, **own, **figures}])
        return id

    def sell(tx: Transaction, batch: str, count: int) -> None:
        sales = [(next(numbers), chance.randrange(100_00, 9_000_00)) for _ in range(count)]
        entries = ledger.book_many(tx, tenant, [_drawn(gateway, tenant, *sale) for sale in sales])
        rows = [
            {
                **_line(tenant, *sale),
                "id": tx.new_id("sln"),
                "entry_id": entry,
                "batch_id": batch,
                "created_at": tx.now,
            }
            for sale, entry in zip(sales, entries, strict=True)
        ]
        keyed.insert(tx, insert(LINE), rows)

    batch = gateway.db.write(close)
    for start in range(0, lines, AT_ONCE):
        gateway.db.write(partial(sell, batch=batch, count=min(AT_ONCE, lines - start)))
    return batch


def _drawn(gateway: Gateway, tenant: Tenant, number: int, amount: int) -> ledger.Event:
    lines = postings.drawdown(
        loan=f"loan_{number}",
        payment=f"pay_{number}",
        funder=gateway.settings.funder,
        merchant=tenant.merchant_id,
        principal_fen=amount,
        fee_net_fen=amount // 100,
        vat_fen=0,
        subsidy_fen=0,
    )
    return ledger.Event("capture", ("capture", f"cap_{number}"), lines, on=books.DAY)


def _line(tenant: Tenant, number: int, amount: int) -> dict[str, Any]:
    return {
        "merchant_id": tenant.merchant_id,
        "mode": tenant.mode,
        "kind": "capture",
        "object_id": f"cap_{number}",
        "payment_id": f"pay_{number}",
        "capture_id": f"cap_{number}",
        "merchant_reference": f"订单-2026-{number:08}",
        "store": None,
        "amount_fen": amount,
        "merchant_fee_fen": amount // 100,
        "merchant_subsidy_fen": 0,
        "net_fen": amount - amount // 100,
        "from_pending_fen": amount - amount // 100,
        "settlement_date": books.DAY,
        "test_failure": None,
    }


def _bare(gateway: Gateway, batch: str) -> None:
    """The yardstick: the same rows by one question, as the driver gives them, through the bare CSV writer."""
    with TemporaryFile("w", encoding="utf-8", newline="") as file, gateway.db.read() as tx:
        query = select(LINE).where(LINE.c.batch_id == batch).order_by(LINE.c.id)
        csv.writer(file).writerows(tx.connection().execute(query, execution_options={"yield_per": AT_ONCE}))


def _export(gateway: Gateway, tenant: Tenant, batch: str, format: str) -> None:
    """The whole job: written, packed into parts, kept."""

    def ask(tx: Transaction) -> str:
        id = tx.new_id("exp")
        tx.add(
            Export(
                id=id,
                merchant_id=tenant.merchant_id,
                mode=tenant.mode,
                kind="settlement_lines",
                format=format,
                filters={"settlement": batch},
                status="running",
                created_at=tx.wall,
                expires_at=tx.wall,
            )
        )
        outbox.put(tx, "export.make", {"export": id}, tenant=tenant)
        return id

    id = gateway.db.write(ask)
    assert outbox.drain(gateway.db, {"export.make": partial(running.carry_out, gateway)}) == 1
    with gateway.db.read() as tx:
        done = tx.get_one(Export, id)
        assert (done.status, done.fault) == ("completed", None)


def _statement(gateway: Gateway, tenant: Tenant, batch: str) -> None:
    authority = gateway.ports.signing_authority
    with gateway.db.read() as tx, TemporaryFile() as file:
        row = settlement.get(tx, tenant, batch)
        file.writelines(statements.statement(tx, tenant, row, authority))
