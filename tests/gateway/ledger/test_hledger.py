"""Outside oracles: hledger and beancount read our journals, prove every assertion in them, and agree on a balance."""

from __future__ import annotations

import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from gateway.ledger.export import Span, export_file

DAYS = [(None, None), (date(2026, 11, 24), date(2026, 11, 24))]
HLEDGER = shutil.which("hledger")


def journal(
    books: Any, folder: Path, format: str, start: date | None = None, end: date | None = None
) -> Path:
    path = folder / f"book.{format}"
    with books.db.read() as tx:
        export_file(tx, path, format=format, span=Span(start, end))
    return path


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.skipif(HLEDGER is None, reason="no hledger found: apt install hledger")
@pytest.mark.parametrize(("start", "end"), DAYS)
def test_hledger_finds_nothing_wrong(
    a_week: Any, tmp_path: Path, start: date | None, end: date | None
) -> None:
    checked = run("hledger", "-f", str(journal(a_week, tmp_path, "hledger", start, end)), "check", "--strict")
    assert checked.returncode == 0, checked.stderr


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


@pytest.mark.parametrize(("start", "end"), DAYS)
def test_beancount_finds_nothing_wrong(
    a_week: Any, tmp_path: Path, start: date | None, end: date | None
) -> None:
    assert errors_of(journal(a_week, tmp_path, "beancount", start, end)) == []


def test_beancount_finds_a_changed_amount(a_week: Any, tmp_path: Path) -> None:
    path = journal(a_week, tmp_path, "beancount")
    path.write_text(path.read_text("utf-8").replace("5999.00 CNY", "5998.00 CNY", 1), "utf-8")
    assert errors_of(path)


def errors_of(path: Path) -> list[str]:
    pytest.importorskip("beancount", reason="no beancount found: pip install beancount")
    checked = run(sys.executable, "-m", "beancount.scripts.check", "--no-cache", str(path))
    return checked.stderr.splitlines() if checked.returncode else []
