"""Outside oracles: hledger and beancount read our journals, prove every assertion in them, and agree on a balance."""

from __future__ import annotations

import csv
import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from gateway.core.tenant import Tenant
from gateway.ledger.booking import postings
from gateway.ledger.reports import trial_balance
from gateway.ledger.reports.export import FIRST_DAY, LAST_DAY, Span, export_file
from gateway.ledger.reports.journals import Account
from tests.one_database import database_url  # noqa: F401

DAY = date(2026, 11, 24)
WHOLE = Span()
SPANS = [
    WHOLE,
    Span(DAY, DAY),
    Span(start=DAY),
    Span(end=DAY),
    Span(mode="live"),
    Span(start=DAY, mode="test"),
    Span(start=date(2027, 1, 1)),
    Span(end=date(2026, 1, 1)),
    Span(FIRST_DAY, LAST_DAY),
]
HLEDGER = shutil.which("hledger")


def journal(books: Any, folder: Path, format: str, span: Span = WHOLE) -> Path:
    path = folder / f"book.{format}"
    with books.db.read() as tx:
        export_file(tx, path, format=format, span=span)
    return path


@pytest.fixture
def both_modes(a_week: Any) -> Any:
    """A week in test mode, and two days in live mode."""
    live = Tenant("mer_shop", "live")
    for day in (DAY, date(2026, 11, 25)):
        lines = postings.authorise(amount_fen=100, payment=f"pay_{day}")
        a_week.post(lines, tenant=live, kind="authorize", day=day)
    return a_week


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.skipif(HLEDGER is None, reason="no hledger found: apt install hledger")
@pytest.mark.parametrize("span", SPANS, ids=str)
def test_hledger_finds_nothing_wrong(both_modes: Any, tmp_path: Path, span: Span) -> None:
    path = journal(both_modes, tmp_path, "hledger", span)
    checked = run("hledger", "-f", str(path), "check", "--strict")
    assert checked.returncode == 0, checked.stderr


@pytest.mark.skipif(HLEDGER is None, reason="no hledger found: apt install hledger")
@pytest.mark.parametrize("span", SPANS[:6], ids=str)
def test_hledger_finds_every_balance_of_the_database(both_modes: Any, tmp_path: Path, span: Span) -> None:
    path = journal(both_modes, tmp_path, "hledger", span)
    found = run("hledger", "-f", str(path), "balance", "--flat", "-N", "-O", "csv").stdout
    with both_modes.db.read() as tx:
        rows = [row for row in trial_balance.rows(tx, end=span.end) if span.mode in (None, row.mode)]
    assert {name: fen(amount) for name, amount in list(csv.reader(found.splitlines()))[1:]} == {
        Account(row.mode, row.kind, row.owner).colons: row.balance_fen for row in rows if row.balance_fen
    }


def fen(amount: str) -> int:
    """``1000.00 CNY`` as fen."""
    return int(amount.removesuffix(" CNY").replace(".", ""))


@pytest.mark.skipif(HLEDGER is None, reason="no hledger found: apt install hledger")
def test_hledger_finds_the_merchants_balance(a_week: Any, tmp_path: Path) -> None:
    path = journal(a_week, tmp_path, "hledger")
    found = run("hledger", "-f", str(path), "balance", "merchant_pending", "-N", "-O", "csv")
    pending = a_week.balances()["merchant_pending"]
    assert f'"-{pending // 100}.{pending % 100:02d} CNY"' in found.stdout.replace(",", "")


@pytest.mark.skipif(HLEDGER is None, reason="no hledger found: apt install hledger")
def test_hledger_finds_a_changed_amount(a_week: Any, tmp_path: Path) -> None:
    path = journal(a_week, tmp_path, "hledger")
    path.write_text(path.read_text("utf-8").replace("5999.00 CNY", "5998.00 CNY", 1), "utf-8")
    assert run("hledger", "-f", str(path), "check", "--strict").returncode != 0


@pytest.mark.parametrize("span", SPANS, ids=str)
def test_beancount_finds_nothing_wrong(both_modes: Any, tmp_path: Path, span: Span) -> None:
    assert errors_of(journal(both_modes, tmp_path, "beancount", span)) == []


def test_beancount_finds_a_changed_amount(a_week: Any, tmp_path: Path) -> None:
    path = journal(a_week, tmp_path, "beancount")
    path.write_text(path.read_text("utf-8").replace("5999.00 CNY", "5998.00 CNY", 1), "utf-8")
    assert errors_of(path)


def errors_of(path: Path) -> list[str]:
    pytest.importorskip("beancount", reason="no beancount found: pip install beancount")
    checked = run(sys.executable, "-m", "beancount.scripts.check", "--no-cache", str(path))
    return checked.stderr.splitlines() if checked.returncode else []
