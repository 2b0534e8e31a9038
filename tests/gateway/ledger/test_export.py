"""The journal in each format parses back to the books to the fen; the trial balance agrees with all of them."""

from __future__ import annotations

import csv
import io
import json
import re
from collections import defaultdict
from collections.abc import Callable
from contextlib import nullcontext
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from gateway.core.tenant import Tenant
from gateway.ledger import commands
from gateway.ledger.booking import postings
from gateway.ledger.integrity.chain_check import ChainState
from gateway.ledger.integrity.verify import ClearingItem, Report
from gateway.ledger.reports import trial_balance
from gateway.ledger.reports.export import FORMATS, Span, export, export_file
from gateway.ledger.reports.journals import Account
from tests.gateway.ledger.conftest import NOW, TODAY
from tests.one_database import database_url, on_both  # noqa: F401

AMOUNT = re.compile(r"^ +(\S+)  (-?\d+\.\d\d) CNY", re.MULTILINE)
ASSERTION = re.compile(r"(\S+)  (?:0\.00 CNY = )?(-?\d+\.\d\d) CNY$")


def bytes_of(books: Any, format: str, **limits: Any) -> bytes:
    file = io.BytesIO()
    with books.db.read() as tx:
        export(tx, file, format=format, span=Span(**limits))
    return file.getvalue()


def text_of(books: Any, format: str, **limits: Any) -> str:
    return bytes_of(books, format, **limits).decode("utf-8")


def fen(text: str) -> int:
    """Exactly two decimals, as fen."""
    _, _, rest = text.partition(".")
    assert len(rest) == 2, text
    return int(Decimal(text) * 100)


def csv_rows(text: str) -> list[dict[str, str]]:
    assert text.startswith("\ufeff")
    return list(csv.DictReader(io.StringIO(text[1:], newline="")))


def parquet_rows(content: bytes) -> list[dict[str, Any]]:
    parquet = pytest.importorskip("pyarrow.parquet", reason="no pyarrow found: pip install pyarrow")
    rows: list[dict[str, Any]] = parquet.read_table(io.BytesIO(content)).to_pylist()
    return rows


def trial(books: Any, end: date | None = None) -> dict[tuple[str, str, str], int]:
    with books.db.read() as tx:
        rows = trial_balance.rows(tx, end=end)
        return {(row.mode, row.kind, row.owner): row.balance_fen for row in rows}


def sums_of_csv(content: bytes) -> dict[tuple[str, str, str], int]:
    sums: dict[tuple[str, str, str], int] = defaultdict(int)
    for row in csv_rows(content.decode("utf-8")):
        amount = fen(row["debit"]) if row["debit"] else -fen(row["credit"])
        sums[row["mode"], row["account"], row["owner"]] += amount
    return sums


def sums_of_parquet(content: bytes) -> dict[tuple[str, str, str], int]:
    sums: dict[tuple[str, str, str], int] = defaultdict(int)
    for row in parquet_rows(content):
        sums[row["mode"], row["account"], row["owner"]] += row["amount_fen"]
    return sums


@pytest.fixture
def both_modes(a_week: Any) -> Any:
    """A week in test mode beside three entries in live mode."""
    live = Tenant("mer_shop", "live")
    for day in (TODAY, date(2026, 11, 24), date(2026, 12, 1)):
        lines = postings.authorise(amount_fen=100 + day.day, payment=f"pay_{day}")
        a_week.post(lines, tenant=live, kind="authorize", day=day)
    return a_week


@on_both
def test_csv_has_every_posting_and_sums_to_the_trial_balance(a_week: Any) -> None:
    rows = csv_rows(text_of(a_week, "csv"))
    assert " ".join(rows[0]) == (
        "entry line effective_date recorded_at mode kind key reverses about_type about merchant account owner object"
        " debit credit"
    )
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


@on_both
def test_a_range_takes_both_its_days_and_opens_with_what_came_before(a_week: Any) -> None:
    day = date(2026, 11, 24)
    rows = csv_rows(text_of(a_week, "csv", start=day, end=day))
    assert {row["effective_date"] for row in rows} == {"2026-11-24"}
    assert {row["kind"] for row in rows} == {"settlement", "payout_instructed"}
    text = text_of(a_week, "hledger", start=day, end=day)
    opening = next(block for block in text.split("\n\n") if "opening balances" in block)
    assert opening.startswith("2026-11-23 * opening balances, test\n")
    assert sum(fen(amount) for _, amount in AMOUNT.findall(opening)) == 0
    with a_week.db.read() as tx:
        at_end = sorted(row.balance_fen for row in trial_balance.rows(tx, end=day) if row.balance_fen)
    assert sorted(fen(m[1]) for m in re.finditer(r"= (-?\d+\.\d\d) CNY", text) if fen(m[1])) == at_end


@pytest.mark.parametrize(("format", "sums"), [("csv", sums_of_csv), ("parquet", sums_of_parquet)])
@pytest.mark.parametrize(
    "limits",
    [
        {},
        {"start": date(2026, 11, 24)},
        {"end": date(2026, 11, 24)},
        {"start": date(2026, 11, 24), "end": date(2026, 11, 25)},
        {"mode": "live", "start": date(2026, 11, 24)},
        {"mode": "test"},
    ],
)
def test_lines_add_up_to_what_the_accounts_moved(
    both_modes: Any, format: str, sums: Callable[[bytes], Any], limits: dict[str, Any]
) -> None:
    found = sums(bytes_of(both_modes, format, **limits))
    before = trial(both_modes, limits["start"] - timedelta(days=1)) if "start" in limits else {}
    after = trial(both_modes, limits.get("end"))
    moved = {account: balance - before.get(account, 0) for account, balance in after.items()}
    mode = limits.get("mode")
    assert any(found.values())
    assert {account: moved for account, moved in found.items() if moved} == {
        account: balance for account, balance in moved.items() if balance and mode in (None, account[0])
    }


@pytest.mark.parametrize(("format", "name"), [("hledger", "colons"), ("beancount", "capitals")])
@pytest.mark.parametrize("mode", [None, "test", "live"])
@pytest.mark.parametrize("start", [None, date(2026, 11, 24), date(2026, 12, 31)])
@on_both
def test_a_range_ends_with_the_balances_of_the_database(
    both_modes: Any, format: str, name: str, mode: str | None, start: date | None
) -> None:
    text = text_of(both_modes, format, start=start, mode=mode)
    asserted = {
        match[1]: fen(match[2])
        for line in text.splitlines()
        if (" = " in line or " balance " in line) and (match := ASSERTION.search(line))
    }
    wanted = {
        getattr(Account(*account), name): balance
        for account, balance in trial(both_modes).items()
        if mode in (None, account[0])
    }
    assert {account: balance for account, balance in asserted.items() if balance} == {
        account: balance for account, balance in wanted.items() if balance
    }


def test_each_mode_opens_with_an_entry_that_balances(both_modes: Any) -> None:
    text = text_of(both_modes, "hledger", start=date(2026, 11, 24))
    openings = [block for block in text.split("\n\n") if "opening balances" in block]
    assert [block.splitlines()[0] for block in openings] == [
        "2026-11-23 * opening balances, live",
        "2026-11-23 * opening balances, test",
    ]
    for block, mode in zip(openings, (":live:", ":test:"), strict=True):
        amounts = AMOUNT.findall(block)
        assert sum(fen(amount) for _, amount in amounts) == 0
        assert all(mode in account for account, _ in amounts)


def test_parquet_has_proper_types_and_row_groups(both_modes: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    pa = pytest.importorskip("pyarrow", reason="no pyarrow found: pip install pyarrow")
    from gateway.ledger.reports import parquet  # noqa: PLC0415

    monkeypatch.setattr(parquet, "ROWS_AT_ONCE", 4)
    monkeypatch.setattr(parquet, "ROWS_PER_GROUP", 12)
    content = bytes_of(both_modes, "parquet")
    file = pa.parquet.ParquetFile(io.BytesIO(content))
    lines = both_modes.counts()[1]
    groups = [file.metadata.row_group(number).num_rows for number in range(file.num_row_groups)]
    assert groups == [12] * (lines // 12) + [lines % 12] * (lines % 12 > 0)
    types = {field.name: str(field.type) for field in file.schema_arrow}
    word = "dictionary<values=string, indices=int32, ordered=0>"
    assert types["effective_date"] == "date32[day]"
    assert types["recorded_at"] == "timestamp[us, tz=UTC]"
    assert types["amount_fen"] == "int64"
    assert types["account"] == types["mode"] == word
    rows = parquet_rows(content)
    assert [
        (
            row["entry"],
            str(row["line"]),
            row["effective_date"].isoformat(),
            row["reverses"] or "",
            row["object"],
        )
        for row in rows
    ] == [
        (row["entry"], row["line"], row["effective_date"], row["reverses"], row["object"])
        for row in csv_rows(text_of(both_modes, "csv"))
    ]
    assert rows[0]["recorded_at"] == NOW


def test_without_pyarrow_the_command_says_what_to_install(
    books: Any, tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.ledger.reports.export.find_spec", lambda name: None)
    assert commands.export(books.db, format="parquet", out=tmp_path / "a.parquet") == 1
    assert "pip install 'fenqi-gateway[parquet]'" in capsys.readouterr().err
    assert not list(tmp_path.glob("*.parquet*"))


@pytest.mark.parametrize("format", FORMATS)
def test_empty_books_and_empty_ranges_are_whole_files(books: Any, format: str) -> None:
    assert bytes_of(books, format)
    books.capture()
    assert b"capture" not in bytes_of(books, format, start=date(2027, 1, 1), end=date(2027, 1, 31))


@pytest.mark.parametrize("format", FORMATS)
def test_the_same_books_give_the_same_bytes(both_modes: Any, format: str) -> None:
    limits = {"start": date(2026, 11, 24)}
    assert bytes_of(both_modes, format) == bytes_of(both_modes, format)
    assert bytes_of(both_modes, format, **limits) == bytes_of(both_modes, format, **limits)


def test_test_and_live_stand_apart_in_every_journal(books: Any) -> None:
    lines = postings.authorise(amount_fen=100, payment="pay_1")
    books.post(lines)
    books.post(lines, tenant=Tenant("mer_shop", "live"))
    text = text_of(books, "hledger")
    assert "equity:test:limit_committed  1.00 CNY" in text
    assert "equity:live:limit_committed  1.00 CNY" in text
    assert ":test:" not in text_of(books, "hledger", mode="live")


def test_the_file_appears_whole_or_not_at_all(a_week: Any, tmp_path: Path, capsys: Any) -> None:
    out = tmp_path / "journal" / "year.csv"
    assert commands.export(a_week.db, format="csv", out=out) == 1
    assert capsys.readouterr().err == f"The ledger was not exported: {out}: No such file or directory\n"
    out.parent.mkdir()
    backwards = {"start": date(2026, 11, 24), "end": date(2026, 11, 23)}
    assert commands.export(a_week.db, format="csv", out=out, **backwards) == 1
    assert "before it starts" in capsys.readouterr().err
    assert commands.export(a_week.db, format="csv", out=out, start=date(1, 1, 1)) == 1
    assert "out of range: expected 1900-01-01 to 2099-12-30" in capsys.readouterr().err
    assert commands.export(a_week.db, format="ofx", out=out) == 1
    assert commands.export(a_week.db, format="csv", out=out.parent) == 1
    assert "exists and is not a file" in capsys.readouterr().err
    assert list(out.parent.iterdir()) == []
    assert commands.export(a_week.db, format="csv", out=out) == 0
    entries, lines, *_ = a_week.counts()
    assert capsys.readouterr().out == f"{entries} entries with {lines} lines were written to {out} (csv).\n"
    assert out.read_bytes().decode("utf-8") == text_of(a_week, "csv")
    assert list(out.parent.iterdir()) == [out]


@pytest.mark.parametrize("format", FORMATS)
def test_an_export_that_breaks_leaves_the_earlier_file(a_week: Any, tmp_path: Path, format: str) -> None:
    def interrupted(done: int) -> None:
        if done == 5:
            raise KeyboardInterrupt

    out = tmp_path / "books" / "week"
    out.parent.mkdir()
    out.write_text("of last week")
    with a_week.db.read() as tx, pytest.raises(KeyboardInterrupt):
        export_file(tx, out, format=format, progress=interrupted)
    assert out.read_text() == "of last week"
    assert list(out.parent.iterdir()) == [out]


def test_a_file_that_was_there_is_replaced_and_the_command_says_so(
    a_week: Any, tmp_path: Path, capsys: Any
) -> None:
    out, link = tmp_path / "week.csv", tmp_path / "newest.csv"
    out.write_text("of last week")
    link.symlink_to(out)
    assert commands.export(a_week.db, format="csv", out=link) == 0
    assert capsys.readouterr().out.endswith("replacing the existing file.\n")
    assert link.is_symlink()
    assert out.read_bytes() == bytes_of(a_week, "csv")


def test_a_terminal_sees_a_bar_and_nothing_else_does(
    a_week: Any, tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert commands.export(a_week.db, format="csv", out=tmp_path / "a.csv") == 0
    assert capsys.readouterr().err == ""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    assert commands.export(a_week.db, format="csv", out=tmp_path / "b.csv") == 0
    shown = capsys.readouterr().err
    assert f"/{a_week.counts()[0]:.1f}" in shown
    assert shown.endswith("\r"), "the bar is gone at the end"


@on_both
def test_lines_come_in_portions(a_week: Any) -> None:
    """SQLite hands out row by row; PostgreSQL needs a cursor of its own for that."""
    cursors = []
    event.listen(a_week.db.engine, "before_cursor_execute", lambda _, cursor, *rest: cursors.append(cursor))
    bytes_of(a_week, "csv")
    assert type(cursors[-1]).__name__ == ("Cursor" if a_week.on_sqlite else "ServerCursor")


def test_the_trial_balance_command_prints_equal_totals(a_week: Any, capsys: Any) -> None:
    assert commands.trial_balance(a_week.db) == 0
    printed = capsys.readouterr().out
    (total,) = (line for line in printed.splitlines() if line.startswith("  total"))
    assert len(set(total.split()[1:])) == 1
    assert "merchant_pending:mer_shop" in printed
    assert "limit_committed  (memo)" in printed


@pytest.mark.parametrize(
    ("debits", "status"),
    [((5, 7), 0), ((5, 8), 1), ((6, 7), 1)],
    ids=["equal", "live differs", "test differs"],
)
def test_a_trial_balance_that_does_not_balance_in_any_mode_fails(
    debits: tuple[int, int], status: int, monkeypatch: Any, capsys: Any
) -> None:
    rows = [
        trial_balance.TrialRow(mode, kind, owner, *amounts)
        for mode, debit, credit in (("test", debits[0], 5), ("live", debits[1], 7))
        for kind, owner, amounts in (
            ("loan_principal", "demo_bank", (debit, 0)),
            ("vat_payable", "", (0, credit)),
        )
    ]
    monkeypatch.setattr(trial_balance, "rows", lambda tx, end: rows)
    monkeypatch.setattr(commands, "still", lambda db: nullcontext())
    assert commands.trial_balance(None, as_json=True) == status  # type: ignore[arg-type]
    accounts = json.loads(capsys.readouterr().out)
    assert [row["owner"] for row in accounts] == ["demo_bank", None] * 2
    assert commands.trial_balance(None) == status  # type: ignore[arg-type]
    totals = [line.split()[1:] for line in capsys.readouterr().out.splitlines() if line.startswith("  total")]
    assert totals == [[f"0.0{debit}", f"0.0{credit}"] for debit, credit in ((debits[1], 7), (debits[0], 5))]


@pytest.mark.parametrize("newer", [0, 2])
def test_a_report_names_the_oldest_that_is_open_and_counts_the_rest(newer: int, capsys: Any) -> None:
    item = ClearingItem("test:payout_in_transit", "po_1", -123, 4)
    report = Report(False, "ent_1", 3, 6, (), 1 + newer, (item,), ChainState(1, 2, 1, "1:abc"))
    commands.print_report(report)
    printed = capsys.readouterr().out
    assert "open  test:payout_in_transit po_1: -1.23 yuan for 4 days" in printed
    assert ("newer" in printed) == (newer > 0)
    assert "BROKEN at ent_1: 3 entries, 6 postings." in printed


def test_the_trial_balance_of_empty_books(books: Any, capsys: Any) -> None:
    assert commands.trial_balance(books.db) == 0
    assert "no entries yet" in capsys.readouterr().out
