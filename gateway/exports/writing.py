"""Writing: the rows or the books that an export asks for, in its format."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import IO

from gateway.core.calendar import shanghai_date
from gateway.core.tenant import Tenant
from gateway.db.transactions import Transaction
from gateway.exports import bank_statement, own_books, service, tables, vouchers
from gateway.exports.bank_statement import Movement, Statement
from gateway.exports.kinds import KINDS, TABLES, Wanted
from gateway.exports.models import Export
from gateway.ledger import service as ledger
from gateway.ledger.reports.journals import JOURNALS
from gateway.settlement import lists
from gateway.web.columns import columns_of

ONE_DAY = timedelta(days=1)


def write(tx: Transaction, tenant: Tenant, row: Export, file: IO[bytes]) -> Iterator[int]:
    """Write the file of an export; yields, now and then and at its end, how many lines or entries are written."""
    if row.format in TABLES:
        return _table(tx, tenant, row, file)
    first, last = row.first_day, row.last_day
    if first is None or last is None:
        raise ValueError(f"an export as {row.format} needs its days")
    days = (first, last)
    if row.format == "vouchers":
        entries = ledger.own_entries(tx, tenant, first=days[0], last=days[1])
        return vouchers.write_vouchers(file, entries, service.voucher_codes(tx, tenant))
    if row.format == "camt.053":
        made = _payouts_statement if row.kind == "payouts" else _claims_statement
        return made(tx, tenant, row, days, file)
    return _journal(tx, tenant, row.format, days, file)


def _table(tx: Transaction, tenant: Tenant, row: Export, file: IO[bytes]) -> Iterator[int]:
    kind = KINDS[row.kind]
    columns = columns_of(kind.answer)
    rows = kind.rows(tx, tenant, Wanted(row.first_day, row.last_day, row.filters))
    if row.format == "csv":
        return tables.write_csv(file, columns, rows)
    return tables.write_xlsx(file, columns, rows, title=row.kind)


def _journal(
    tx: Transaction, tenant: Tenant, format: str, days: tuple[date, date], file: IO[bytes]
) -> Iterator[int]:
    """A journal of the merchant's own books, which asserts what every account stands at in the end."""
    first, last = days
    journal, accounts = JOURNALS[format], own_books.ACCOUNTS
    before = own_books.standing(ledger.own_sums(tx, tenant, last=first - ONE_DAY))
    standing = {accounts[name]: amount for name, amount in before.items()}
    for text in journal.head(accounts.values(), first, standing):
        file.write(text.encode())
    count = 0
    for count, entry in enumerate(ledger.own_entries(tx, tenant, first=first, last=last), 1):
        written = own_books.journal_entry(entry, tenant.merchant_id)
        if written is None:
            continue
        for line in written.lines:
            standing[line.account] = standing.get(line.account, 0) + line.amount_fen
        file.write(journal.entry(written).encode())
        if count % 500 == 0:
            yield count
    for text in journal.foot(last, standing):
        file.write(text.encode())
    yield count


def _claims_statement(
    tx: Transaction, tenant: Tenant, row: Export, days: tuple[date, date], file: IO[bytes]
) -> Iterator[int]:
    """What the gateway owes the merchant, as the account of a bank: each entry that moves it."""
    first, last = days
    opening = own_books.claims(own_books.standing(ledger.own_sums(tx, tenant, last=first - ONE_DAY)))
    moved = own_books.claims(own_books.standing(ledger.own_sums(tx, tenant, first=first, last=last)))
    said = _said(row, tenant, days, opening, opening + moved)
    return bank_statement.write_statement(file, said, _claims_moved(tx, tenant, first, last))


def _claims_moved(tx: Transaction, tenant: Tenant, first: date, last: date) -> Iterator[Movement]:
    for entry in ledger.own_entries(tx, tenant, first=first, last=last):
        amount = own_books.claims(own_books.turned(entry))
        if amount:
            text = f"{entry.kind} {entry.about_id}"
            yield Movement(
                entry.id, entry.about_id, amount, entry.effective_date, entry.value_date, entry.kind, text
            )


def _payouts_statement(
    tx: Transaction, tenant: Tenant, row: Export, days: tuple[date, date], file: IO[bytes]
) -> Iterator[int]:
    """The payouts that were paid, as the merchant's bank credits them."""
    first, last = days
    said = _said(row, tenant, days, 0, lists.paid_total(tx, tenant, first=first, last=last))
    return bank_statement.write_statement(file, said, _payouts_paid(tx, tenant, first, last))


def _payouts_paid(tx: Transaction, tenant: Tenant, first: date, last: date) -> Iterator[Movement]:
    for one in lists.paid(tx, tenant, first=first, last=last):
        day = shanghai_date(one.at)
        yield Movement(
            one.id, one.reference, one.amount_fen, day, day, "payout", f"{one.settlement} {one.id}"
        )


def _said(row: Export, tenant: Tenant, days: tuple[date, date], opening: int, closing: int) -> Statement:
    return Statement(row.id, tenant.merchant_id, row.created_at, *days, opening, closing)
