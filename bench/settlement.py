"""A batch of many captures closes beside the bare writes that mark and sum as many lines, in one run."""

from __future__ import annotations

import statistics
import tempfile
import time
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import insert, text

from bench import books
from bench.report import Row, at_most
from bench.size import Size
from gateway import keyring
from gateway.app import gateway_of
from gateway.config import from_environment
from gateway.core.tenant import Tenant
from gateway.db.migrate import upgrade
from gateway.db.transactions import READ_COMMITTED, Transaction
from gateway.ledger import service as ledger
from gateway.ledger.booking import postings
from gateway.merchants import service as merchants
from gateway.settlement import closing, terms
from gateway.settlement.models import SettlementLine
from gateway.web.context import Gateway

LINES_AT_ONCE = 5_000
AMOUNT_FEN, FEE_FEN = 100_00, 100
LINE = SettlementLine.__table__  # type: ignore[attr-defined]
BARE = """UPDATE settlement_line SET batch_id = :batch
           WHERE merchant_id = :merchant AND mode = 'test' AND batch_id IS NULL AND settlement_date <= :day"""
BARE_SUM = (
    "SELECT sum(amount_fen), sum(merchant_fee_fen), sum(net_fen) FROM settlement_line WHERE batch_id = :batch"
)
BATCH = """INSERT INTO settlement_batch (id, merchant_id, mode, settled_on, opening_fen, captures_fen, subsidies_fen,
             merchant_fees_fen, merchant_subsidies_fen, refunds_fen, disputes_fen, adjustments_fen, reserve_change_fen,
             closing_fen, payout_fen, created_at)
           VALUES (:batch, :merchant, 'test', :day, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, :at)"""


def measure(place: dict[str, Any], size: Size) -> list[Row]:
    """Closing's time over the yardstick's, on both databases; ``place`` is not used."""
    del place
    print(
        f"settlement: a batch of {size.settled} captures beside UPDATE and SUM of as many lines, medians of "
        f"{size.rounds}"
    )
    with books.databases(size) as urls, tempfile.TemporaryDirectory(prefix="fenqi-bench-") as folder:
        rows = [_measure(url, size, Path(folder) / url.partition(":")[0]) for url in urls]
    print()
    return rows


def _measure(url: str, size: Size, folder: Path) -> Row:
    upgrade(url)
    unlimited = {f"database_{what}_seconds": 0 for what in ("statement", "lock", "idle")}
    settings = replace(from_environment(data_dir=str(folder), database_url=url), **unlimited)  # type: ignore[arg-type]
    keyring.create(settings.data_dir)
    gateway = gateway_of(settings, clock=lambda: books.NOON)
    name = gateway.db.engine.dialect.name
    pairs, before, peak = [], 0.0, 0.0
    for _ in range(size.rounds):
        own, other = (_shop(gateway, size.settled) for _ in range(2))
        books.analyse(gateway.db)
        before = books.peak_mib()
        took = _seconds(gateway, own, _close)
        peak = max(peak, books.peak_mib() - before)
        pairs.append((took, _seconds(gateway, other, _bare)))
    took, bare = (statistics.median(each) for each in zip(*pairs, strict=True))
    print(
        f"  {name:10}: {took:.2f} s, {size.settled / took:,.0f} lines/s, bare {bare:.2f} s, "
        f"ratio {took / bare:.2f}, {peak:.0f} MiB more at its peak"
    )
    gateway.db.engine.dispose()
    return Row(
        f"settlement: {size.settled:,} captures on {name}", took, "s", at_most(3, of_yardstick=True), bare
    )


def _shop(gateway: Gateway, lines: int) -> Tenant:
    """A merchant with ``lines`` captures that are ready today."""
    merchant = gateway.db.write(
        lambda tx: merchants.create(tx, name="量尺", name_en="Yardstick", category="3c").id
    )
    tenant = Tenant(merchant, "test")
    for start in range(0, lines, LINES_AT_ONCE):
        numbers = range(start, min(start + LINES_AT_ONCE, lines))
        gateway.db.write(partial(_capture, tenant=tenant, numbers=numbers))
    return tenant


def _capture(tx: Transaction, *, tenant: Tenant, numbers: range) -> None:
    """Lines as captures write them, and one entry for all of them: the ledger is not what is measured."""
    fee, count = FEE_FEN, len(numbers)
    drawn = postings.drawdown(
        loan=f"ln_{numbers.start}",
        payment=f"pay_{numbers.start}",
        funder="demo_bank",
        merchant=tenant.merchant_id,
        principal_fen=AMOUNT_FEN * count,
        fee_net_fen=fee * count,
        vat_fen=0,
        subsidy_fen=0,
    )
    about = f"{tenant.merchant_id}:{numbers.start}"
    entry = ledger.book(tx, tenant, ledger.Event("capture", ("capture", about), drawn, on=books.DAY))
    rows = [
        {
            "id": tx.new_id("sln"),
            "merchant_id": tenant.merchant_id,
            "mode": tenant.mode,
            "kind": "capture",
            "object_id": tx.new_id("cap"),
            "payment_id": tx.new_id("pay"),
            "capture_id": f"cap_{number}",
            "merchant_reference": f"ORDER-{number}",
            "amount_fen": AMOUNT_FEN,
            "merchant_fee_fen": fee,
            "merchant_subsidy_fen": 0,
            "net_fen": AMOUNT_FEN - fee,
            "from_pending_fen": AMOUNT_FEN - fee,
            "settlement_date": books.DAY,
            "entry_id": entry,
            "created_at": tx.now - timedelta(days=1),
            "keyed_hash": "0" * 64,
        }
        for number in numbers
    ]
    tx.connection().execute(insert(LINE), rows)


def _seconds(gateway: Gateway, tenant: Tenant, work: Any) -> float:
    start = time.perf_counter()
    gateway.db.write(lambda tx: work(tx, gateway, tenant), READ_COMMITTED)
    return time.perf_counter() - start


def _close(tx: Transaction, gateway: Gateway, tenant: Tenant) -> None:
    row = closing.close_batch(
        tx,
        tenant,
        on=books.DAY,
        funder="demo_bank",
        working_days=gateway.ports.working_days,
        standard=terms.standard(gateway.settings),
    )
    assert row is not None
    assert row.payout_fen == row.captures_fen - row.merchant_fees_fen > 0


def _bare(tx: Transaction, gateway: Gateway, tenant: Tenant) -> None:
    """The same lines marked by one statement and summed by another, in one transaction: what any closing writes."""
    connection = tx.connection()
    known = {"batch": tx.new_id("stl"), "merchant": tenant.merchant_id, "day": books.DAY.isoformat()}
    at = books.NOON.isoformat()
    if gateway.db.engine.dialect.name == "postgresql":
        known |= {"day": books.DAY}  # type: ignore[dict-item]
        at = books.NOON  # type: ignore[assignment]
    connection.execute(text(BATCH), known | {"at": at})
    connection.execute(text(BARE), known)
    connection.execute(text(BARE_SUM), known).one()
