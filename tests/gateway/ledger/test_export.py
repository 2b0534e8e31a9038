"""The journal in each format parses back to the books to the fen; the trial balance agrees with all of them."""

from __future__ import annotations

import csv
import io
import re
from collections import defaultdict
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from gateway.core.tenant import Tenant
from gateway.ledger import commands, postings, trial_balance
from gateway.ledger.export import export

AMOUNT = re.compile(r"^ +(\S+)  (-?\d+\.\d\d) CNY", re.MULTILINE)
ASSERTION = re.compile(r"(\S+)  (?:0\.00 CNY = )?(-?\d+\.\d\d) CNY$")


def text_of(books: Any, format: str, start: date | None = None, end: date | None = None) -> str:
    with books.db.read() as tx:
        return "".join(export(tx, format=format, start=start, end=end))


def fen(text: str) -> int:
    """Exactly two decimals, as fen."""
    _, _, rest = text.partition(".")
    assert len(rest) == 2, text
    return int(Decimal(text) * 100)


def csv_rows(text: str) -> list[dict[str, str]]:
    assert text.startswith("\ufeff")
    return list(csv.DictReader(io.StringIO(text[1:], newline="")))


def trial(books: Any) -> dict[tuple[str, str, str], int]:
    with books.db.read() as tx:
        return {(row.mode, row.kind, row.owner): row.balance_fen for row in trial_balance.rows(tx)}


def test_csv_has_every_posting_and_sums_to_the_trial_balance(a_week: Any) -> None:
    rows = csv_rows(text_of(a_week, "csv"))
    assert len(rows) == a_week.counts()[1]
    sums: dict[tuple[str, str, str], int] = defaultdict(int)
    per_entry: dict[str, int] = defaultdict(int)
    for row in rows:
        assert (row["debit"] == "") != (row["credit"] == "")
        amount = fen(row["debit"]) if row["debit"] else -fen(row["credit"])
        sums[row["mode"], row["account"], row["owner"]] += amount
        per_entry[row["entry"]] += amount
    assert sums == trial(a_week)
    assert set(per_entry.values()) == {0}
    reversal = next(row for row in rows if row["reverses"])
    assert reversal["kind"] == "capture_reversed"
    assert reversal["recorded_at"] == "2026-11-23T04:00:00.000Z"


@pytest.mark.parametrize("format", ["hledger", "beancount"])
def test_journals_balance_and_end_with_the_trial_balance(a_week: Any, format: str) -> None:
    text = text_of(a_week, format)
    transactions = [block for block in text.split("\n\n") if re.match(r"\d{4}-\d\d-\d\d \*", block)]
    entries = [block for block in transactions if "* balances" not in block]
    assert len(entries) == a_week.counts()[0]
    moved: dict[str, int] = defaultdict(int)
    for block in entries:
        amounts = [(name, fen(amount)) for name, amount in AMOUNT.findall(block)]
        assert len(amounts) >= 2
        assert sum(amount for _, amount in amounts) == 0
        for name, amount in amounts:
            moved[name] += amount
    asserted = {
        match[1]: fen(match[2])
        for line in text.splitlines()
        if (" = " in line or " balance " in line) and (match := ASSERTION.search(line))
    }
    assert asserted == moved
    assert sorted(asserted.values()) == sorted(trial(a_week).values())


def test_journals_name_accounts_as_their_tools_want_them(a_week: Any) -> None:
    assert "    liabilities:test:merchant_pending:mer_shop  -" in text_of(a_week, "hledger")
    beancount = text_of(a_week, "beancount")
    assert "\n  Liabilities:Test:Merchant-pending:Mer-shop  -" in beancount
    assert "2026-11-22 open Assets:Test:Loan-principal:Demo-bank CNY\n" in beancount
    for name in re.findall(r"open (\S+) CNY", beancount):
        assert re.fullmatch(r"(Assets|Liabilities|Income|Expenses|Equity)(:[A-Z0-9][A-Za-z0-9-]*)+", name)


def test_a_range_takes_both_its_days_and_opens_with_what_came_before(a_week: Any) -> None:
    day = date(2026, 11, 24)
    rows = csv_rows(text_of(a_week, "csv", start=day, end=day))
    assert {row["effective_date"] for row in rows} == {"2026-11-24"}
    assert {row["kind"] for row in rows} == {"settlement", "payout_instructed"}
    text = text_of(a_week, "hledger", start=day, end=day)
    opening = next(block for block in text.split("\n\n") if "opening balances" in block)
    assert opening.startswith("2026-11-23 * opening balances\n")
    assert sum(fen(amount) for _, amount in AMOUNT.findall(opening)) == 0
    with a_week.db.read() as tx:
        at_end = sorted(row.balance_fen for row in trial_balance.rows(tx, end=day) if row.balance_fen)
    assert sorted(fen(m[1]) for m in re.finditer(r"= (-?\d+\.\d\d) CNY", text) if fen(m[1])) == at_end


@pytest.mark.parametrize("format", ["hledger", "beancount", "csv"])
def test_empty_books_and_empty_ranges_are_whole_files(books: Any, format: str) -> None:
    assert text_of(books, format)
    books.capture()
    assert "capture" not in text_of(books, format, start=date(2027, 1, 1), end=date(2027, 1, 31))


def test_test_and_live_stand_apart_in_every_journal(books: Any) -> None:
    lines = postings.authorise(amount_fen=100, payment="pay_1")
    books.post(lines)
    books.post(lines, tenant=Tenant("mer_shop", "live"))
    text = text_of(books, "hledger")
    assert "equity:test:limit_committed  1.00 CNY" in text
    assert "equity:live:limit_committed  1.00 CNY" in text


def test_the_file_appears_whole_or_not_at_all(a_week: Any, tmp_path: Path, capsys: Any) -> None:
    out = tmp_path / "journal" / "year.csv"
    assert commands.export(a_week.db, format="csv", out=out, start=None, end=None) == 1
    assert "not exported" in capsys.readouterr().err
    out.parent.mkdir()
    backwards = {"start": date(2026, 11, 24), "end": date(2026, 11, 23)}
    assert commands.export(a_week.db, format="csv", out=out, **backwards) == 1
    assert "before it starts" in capsys.readouterr().err
    assert commands.export(a_week.db, format="ofx", out=out, start=None, end=None) == 1
    assert list(out.parent.iterdir()) == []
    assert commands.export(a_week.db, format="csv", out=out, start=None, end=None) == 0
    assert out.read_bytes().decode("utf-8") == text_of(a_week, "csv")
    assert list(out.parent.iterdir()) == [out]


def test_the_trial_balance_command_prints_equal_totals(a_week: Any, capsys: Any) -> None:
    assert commands.trial_balance(a_week.db) == 0
    printed = capsys.readouterr().out
    (total,) = (line for line in printed.splitlines() if line.startswith("  total"))
    assert len(set(total.split()[1:])) == 1
    assert "merchant_pending:mer_shop" in printed
    assert "limit_committed  (memo)" in printed


def test_the_trial_balance_of_empty_books(books: Any, capsys: Any) -> None:
    assert commands.trial_balance(books.db) == 0
    assert "no entries yet" in capsys.readouterr().out
