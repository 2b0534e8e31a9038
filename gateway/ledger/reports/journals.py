"""Text formats: how an entry is written for hledger, for beancount and as CSV, in yuan with two decimals.

A journal has a head, every entry, and a foot that asserts what every account must stand at, so that the reading tool
proves the file by itself. CSV has the lines only.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any, Protocol

from gateway.ledger.booking.accounts import CHART

ONE_DAY = timedelta(days=1)
ROOTS = {
    "assets": "assets",
    "liabilities": "liabilities",
    "income": "income",
    "expenses": "expenses",
    "memo": "equity",
}
LINE_COLUMNS = (
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
)
"""Of a line in a table, in CSV as in Parquet, before its amount."""


@dataclass(frozen=True, eq=False)
class Account:
    """An account as journals name it. Each stands for itself: a book makes one object of each and hands it around."""

    mode: str
    kind: str
    owner: str

    @property
    def parts(self) -> list[str]:
        """Root, mode, kind and owner: ``["assets", "live", "loan_principal", "demo_bank"]``."""
        return [part for part in (ROOTS[CHART[self.kind].group], self.mode, self.kind, self.owner) if part]

    @cached_property
    def colons(self) -> str:
        """The name in hledger: ``assets:live:loan_principal:demo_bank``."""
        return ":".join(self.parts)

    @cached_property
    def capitals(self) -> str:
        """``Assets:Live:Loan-principal:Demo-bank``: beancount takes no underscores, and a capital or digit first."""
        words = (part.replace("-", "--").replace("_", "-") for part in self.parts)
        return ":".join(word[0].upper() + word[1:] for word in words)


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
"""What accounts stand at, in fen, debit above 0."""


class Journal(Protocol):
    """What a journal must write; each method gives text."""

    def head(self, accounts: Iterable[Account], opened: date, opening: Balances) -> Iterator[str]:
        """Before the entries: the accounts used, and what they stood at when ``opened`` began."""

    def entry(self, entry: JournalEntry) -> str:
        """One entry."""

    def foot(self, closed: date, closing: Balances) -> Iterator[str]:
        """After the entries: what the accounts stand at when ``closed`` has ended."""


class Hledger:
    """Journal of hledger (also read by ledger-cli): strict, with declared accounts and a final assertion of each."""

    def head(self, accounts: Iterable[Account], opened: date, opening: Balances) -> Iterator[str]:
        """The commodity, every account, and an opening transaction for each mode."""
        yield "commodity 1000.00 CNY\n"
        for account in accounts:
            yield f"account {account.colons}\n"
        for mode, balances in _by_mode(opening):
            yield f"\n{opened - ONE_DAY} * opening balances, {mode}\n"
            for account, amount in balances:
                yield f"    {account.colons}  {_yuan(amount)} CNY\n"

    def entry(self, entry: JournalEntry) -> str:
        """A transaction with key and subject as tags, each posting with its object."""
        head = (
            f"\n{entry.effective_date} * ({entry.id}) {entry.kind}\n"
            f"    ; key: {entry.key}\n    ; {entry.about_type}: {entry.about_id}\n"
        )
        return head + "".join(
            f"    {line.account.colons}  {_yuan(line.amount_fen)} CNY  ; object: {line.object_id}\n"
            for line in entry.lines
        )

    def foot(self, closed: date, closing: Balances) -> Iterator[str]:
        """A transaction of nothing that asserts each balance."""
        if closing:
            yield f"\n{closed} * balances\n"
        for account, amount in closing.items():
            yield f"    {account.colons}  0.00 CNY = {_yuan(amount)} CNY\n"


class Beancount:
    """Beancount version 3 (and 2): every account opened, a balance directive for each on the day after the last."""

    def head(self, accounts: Iterable[Account], opened: date, opening: Balances) -> Iterator[str]:
        """The options, every account opened the day before, and an opening transaction for each mode."""
        yield 'option "title" "Fenqi ledger"\noption "operating_currency" "CNY"\n\n'
        before = opened - ONE_DAY
        for account in accounts:
            yield f"{before} open {account.capitals} CNY\n"
        for mode, balances in _by_mode(opening):
            yield f'\n{before} * "opening balances, {mode}"\n'
            for account, amount in balances:
                yield f"  {account.capitals}  {_yuan(amount)} CNY\n"

    def entry(self, entry: JournalEntry) -> str:
        """A transaction with entry, key and subject as metadata, each posting with its object."""
        # Identifiers are letters, digits and _ . : / - (the ledger takes no others), so they need no escapes.
        head = (
            f'\n{entry.effective_date} * "{entry.kind}"\n'
            f'  entry: "{entry.id}"\n  key: "{entry.key}"\n  {entry.about_type}: "{entry.about_id}"\n'
        )
        return head + "".join(
            f'  {line.account.capitals}  {_yuan(line.amount_fen)} CNY\n    object: "{line.object_id}"\n'
            for line in entry.lines
        )

    def foot(self, closed: date, closing: Balances) -> Iterator[str]:
        """A balance directive for each account, which beancount checks at the day's beginning."""
        yield "\n"
        for account, amount in closing.items():
            yield f"{closed + ONE_DAY} balance {account.capitals}  {_yuan(amount)} CNY\n"


JOURNALS: dict[str, Journal] = {"hledger": Hledger(), "beancount": Beancount()}


def csv_pieces(entries: Iterable[JournalEntry]) -> Iterator[str]:
    """One row a posting, UTF-8 with BOM and CRLF, as spreadsheets read it; a piece for each entry."""
    out = io.StringIO(newline="")
    rows = csv.writer(out, lineterminator="\r\n")
    rows.writerow((*LINE_COLUMNS, "debit", "credit"))
    yield "\ufeff" + out.getvalue()
    for entry in entries:
        out.seek(0)
        out.truncate()
        rows.writerows(_csv_rows(entry))
        yield out.getvalue()


def _csv_rows(entry: JournalEntry) -> Iterator[tuple[object, ...]]:
    moment = f"{entry.recorded_at.isoformat(timespec='milliseconds')[:-6]}Z"
    for *values, amount in line_rows(entry, recorded_at=moment):
        yield (*values, _yuan(amount) if amount > 0 else "", _yuan(-amount) if amount < 0 else "")


def line_rows(entry: JournalEntry, *, recorded_at: object) -> Iterator[tuple[Any, ...]]:
    """The lines of an entry in the order of ``LINE_COLUMNS``, then the amount: debit above 0, in fen."""
    for line in entry.lines:
        yield (
            entry.id,
            line.number,
            entry.effective_date,
            recorded_at,
            line.account.mode,
            entry.kind,
            entry.key,
            entry.reverses,
            entry.about_type,
            entry.about_id,
            entry.merchant_id,
            line.account.kind,
            line.account.owner,
            line.object_id,
            line.amount_fen,
        )


def _by_mode(balances: Balances) -> Iterator[tuple[str, list[tuple[Account, int]]]]:
    """The balances of each mode; they add up to 0, as entries do, and so make an entry without another account."""
    for mode in sorted({account.mode for account in balances}):
        yield mode, [(account, amount) for account, amount in balances.items() if account.mode == mode]


def _yuan(amount_fen: int) -> str:
    whole, rest = divmod(abs(amount_fen), 100)
    return f"{'-' if amount_fen < 0 else ''}{whole}.{rest:02d}"
