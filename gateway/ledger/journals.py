"""Journal formats: how an entry is written for hledger, for beancount and as CSV. Pure text, in yuan with two decimals.

A format writes a head, every entry, and a foot that asserts what every account must stand at, so that the reading
tool proves the file by itself.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Protocol

from gateway.ledger.accounts import CHART

ROOTS = {
    "assets": "assets",
    "liabilities": "liabilities",
    "income": "income",
    "expenses": "expenses",
    "memo": "equity",
}
CSV_COLUMNS = (
    "entry",
    "line",
    "effective_date",
    "recorded_at",
    "mode",
    "kind",
    "key",
    "reverses",
    "about_type",
    "about",
    "merchant",
    "account",
    "owner",
    "object",
    "debit",
    "credit",
)


@dataclass(frozen=True, slots=True)
class Account:
    """An account as journals name it."""

    mode: str
    kind: str
    owner: str

    @property
    def parts(self) -> list[str]:
        """Root, mode, kind and owner: ``["assets", "live", "loan_principal", "demo_bank"]``."""
        return [part for part in (ROOTS[CHART[self.kind].group], self.mode, self.kind, self.owner) if part]


@dataclass(frozen=True, slots=True)
class JournalLine:
    """One posting; debit above 0, in fen."""

    number: int
    account: Account
    amount_fen: int
    object_id: str


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One entry with its lines; ``effective_date`` in Shanghai, ``recorded_at`` in UTC."""

    id: str
    kind: str
    key: str
    reverses: str | None
    about_type: str
    about_id: str
    merchant_id: str
    effective_date: date
    recorded_at: datetime
    lines: tuple[JournalLine, ...]


Balances = Mapping[Account, int]


class Format(Protocol):
    """What a format must write; each method yields pieces of text."""

    def head(self, accounts: Iterable[Account], opened: date, opening: Balances) -> Iterator[str]:
        """Before the entries: the accounts used, and what they stood at when ``opened`` began."""

    def entry(self, entry: JournalEntry) -> Iterator[str]:
        """One entry."""

    def foot(self, closed: date, closing: Balances) -> Iterator[str]:
        """After the entries: what the accounts stand at when ``closed`` has ended."""


class Hledger:
    """Journal of hledger (also read by ledger-cli): strict, with declared accounts and a final assertion of each."""

    def head(self, accounts: Iterable[Account], opened: date, opening: Balances) -> Iterator[str]:
        yield "commodity 1000.00 CNY\n"
        for account in accounts:
            yield f"account {_colons(account)}\n"
        if opening:
            yield f"\n{opened - timedelta(days=1)} * opening balances\n"
            for account, amount in opening.items():
                yield f"    {_colons(account)}  {_yuan(amount)} CNY\n"

    def entry(self, entry: JournalEntry) -> Iterator[str]:
        yield f"\n{entry.effective_date} * ({entry.id}) {entry.kind}\n"
        yield f"    ; key: {entry.key}\n    ; {entry.about_type}: {entry.about_id}\n"
        for line in entry.lines:
            yield f"    {_colons(line.account)}  {_yuan(line.amount_fen)} CNY  ; object: {line.object_id}\n"

    def foot(self, closed: date, closing: Balances) -> Iterator[str]:
        if closing:
            yield f"\n{closed} * balances\n"
        for account, amount in closing.items():
            yield f"    {_colons(account)}  0.00 CNY = {_yuan(amount)} CNY\n"


class Beancount:
    """Beancount version 3 (and 2): every account opened, a balance directive for each on the day after the last."""

    def head(self, accounts: Iterable[Account], opened: date, opening: Balances) -> Iterator[str]:
        yield 'option "title" "Fenqi ledger"\noption "operating_currency" "CNY"\n\n'
        before = opened - timedelta(days=1)
        for account in accounts:
            yield f"{before} open {_capitals(account)} CNY\n"
        if opening:
            yield f'\n{before} * "opening balances"\n'
            for account, amount in opening.items():
                yield f"  {_capitals(account)}  {_yuan(amount)} CNY\n"

    def entry(self, entry: JournalEntry) -> Iterator[str]:
        yield f'\n{entry.effective_date} * "{entry.kind}"\n'
        for name, value in (("entry", entry.id), ("key", entry.key), (entry.about_type, entry.about_id)):
            yield f"  {name}: {json.dumps(value)}\n"
        for line in entry.lines:
            yield f"  {_capitals(line.account)}  {_yuan(line.amount_fen)} CNY\n"
            yield f"    object: {json.dumps(line.object_id)}\n"

    def foot(self, closed: date, closing: Balances) -> Iterator[str]:
        yield "\n"
        for account, amount in closing.items():
            yield f"{closed + timedelta(days=1)} balance {_capitals(account)}  {_yuan(amount)} CNY\n"


class Csv:
    """One row a posting, UTF-8 with BOM and CRLF, as spreadsheets read it."""

    def head(self, accounts: Iterable[Account], opened: date, opening: Balances) -> Iterator[str]:
        yield "\ufeff" + _csv_row(CSV_COLUMNS)

    def entry(self, entry: JournalEntry) -> Iterator[str]:
        for line in entry.lines:
            yield _csv_row(
                (
                    entry.id,
                    str(line.number),
                    entry.effective_date.isoformat(),
                    entry.recorded_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
                    line.account.mode,
                    entry.kind,
                    entry.key,
                    entry.reverses or "",
                    entry.about_type,
                    entry.about_id,
                    entry.merchant_id,
                    line.account.kind,
                    line.account.owner,
                    line.object_id,
                    _yuan(line.amount_fen) if line.amount_fen > 0 else "",
                    _yuan(-line.amount_fen) if line.amount_fen < 0 else "",
                )
            )

    def foot(self, closed: date, closing: Balances) -> Iterator[str]:
        return iter(())


FORMATS: dict[str, Format] = {"hledger": Hledger(), "beancount": Beancount(), "csv": Csv()}


def _yuan(amount_fen: int) -> str:
    whole, rest = divmod(abs(amount_fen), 100)
    return f"{'-' if amount_fen < 0 else ''}{whole}.{rest:02d}"


def _colons(account: Account) -> str:
    return ":".join(account.parts)


def _capitals(account: Account) -> str:
    """``Assets:Live:Loan-principal:Demo-bank``: beancount takes no underscores, and a capital or digit first."""
    words = (part.replace("-", "--").replace("_", "-") for part in account.parts)
    return ":".join(word[0].upper() + word[1:] for word in words)


def _csv_row(cells: Iterable[str]) -> str:
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\r\n").writerow(cells)
    return out.getvalue()
