"""Purchases, page by page: a payment with everything that hangs on it, read by a few statements a page."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Select, select

from gateway.db.tables import metadata
from gateway.proof.entries import Entries, Entry, entries_about
from gateway.proof.findings import Row

PAGE = 250
TABLES = metadata().tables
OF_PAYMENT = (
    "contract",
    "capture",
    "loan",
    "payment_line",
    "captured_line",
    "refund",
    "dispute",
    "subsidy_claim",
    "settlement_line",
    "milestone",
    "milestone_event",
)
OF_LOAN = (
    "loan_instalment",
    "loan_bill",
    "loan_repayment",
    "loan_principal_reduction",
    "loan_credit_change",
    "collection",
    "shopper_return",
)
HAVE_ENTRIES = ("capture", "refund", "dispute", "milestone")
"""Tables of a payment whose rows entries are about."""
FOR_THE_PROOF = {
    "checkout": (
        "id",
        "merchant_id",
        "mode",
        "status",
        "payment_id",
        "amount_fen",
        "down_payment_fen",
        "merchant_discount_fen",
        "government_subsidy",
        "category",
        "items",
        "prices",
        "term",
        "confirmed_quote_hash",
        "confirmed_at",
        "shopper_id",
    ),
}
"""Of wide tables only what a proof reads."""


@dataclass(slots=True)
class Purchase:
    """A payment, its checkout, the rows of each table that belong to it, and the entries about them."""

    payment: Any
    checkout: Any
    entries: Entries
    rows: dict[str, list[Any]] = field(default_factory=dict)
    of_loan: dict[str, dict[str, list[Any]]] = field(default_factory=dict)
    """By loan, the rows of each table that belong to it."""
    _all: list[Entry] = field(default_factory=list)

    def row(self, table: str, id: str) -> Row:
        """How a row of this purchase is named."""
        return Row(table, id, self.payment.merchant_id, self.payment.mode)

    def all_entries(self) -> list[Entry]:
        """Every entry about the payment or anything of it, in order."""
        if not self._all:
            about = [self.payment.id, *self.of_loan]
            about += [row.id for name in HAVE_ENTRIES for row in self.rows[name]]
            about += [row.id for rows in self.of_loan.values() for row in rows["shopper_return"]]
            self._all = self.entries.about(*about)
        return self._all

    def captures_in_order(self) -> list[tuple[Any, Any]]:
        """Each capture with its entry (none when nobody booked it), in the order in which they were made."""
        pairs = [(row, self.entries.by_key.get(f"capture:{row.id}")) for row in self.rows["capture"]]
        return sorted(
            pairs, key=lambda pair: pair[1].order if pair[1] else (pair[0].captured_at, pair[0].id[-26:])
        )


def purchases(connection: Connection, *, page: int = PAGE) -> Iterator[list[Purchase]]:
    """Every payment, by pages in the order of their identifiers; memory holds one page."""
    payment, after = TABLES["payment"], ""
    while True:
        query = select(payment).where(payment.c.id > after).order_by(payment.c.id).limit(page)
        payments = connection.execute(query).all()
        if not payments:
            return
        yield _page(connection, payments)
        after = payments[-1].id


def _page(connection: Connection, payments: Sequence[Any]) -> list[Purchase]:
    ids = [row.id for row in payments]
    rows = {
        name: _grouped(
            connection, select(TABLES[name]).where(TABLES[name].c.payment_id.in_(ids)), "payment_id"
        )
        for name in OF_PAYMENT
    }
    loans = [loan.id for some in rows["loan"].values() for loan in some]
    of_loan = {
        name: _grouped(connection, select(TABLES[name]).where(TABLES[name].c.loan_id.in_(loans)), "loan_id")
        for name in OF_LOAN
    }
    about = [*ids, *loans]
    about += [row.id for name in HAVE_ENTRIES for some in rows[name].values() for row in some]
    about += [row.id for some in of_loan["shopper_return"].values() for row in some]
    book = entries_about(connection, about)
    checkouts = _checkouts(connection, [row.checkout_id for row in payments])
    return [
        _purchase(payment, checkouts.get(payment.checkout_id), book, rows, of_loan) for payment in payments
    ]


def _purchase(payment: Any, checkout: Any, book: Entries, rows: Any, of_loan: Any) -> Purchase:
    own = {name: rows[name].get(payment.id, []) for name in OF_PAYMENT}
    loans = {loan.id: {name: of_loan[name].get(loan.id, []) for name in OF_LOAN} for loan in own["loan"]}
    return Purchase(payment, checkout, book, own, loans)


def _checkouts(connection: Connection, ids: Sequence[str]) -> dict[str, Any]:
    table = TABLES["checkout"]
    columns = [table.c[name] for name in FOR_THE_PROOF["checkout"]]
    return {row.id: row for row in connection.execute(select(*columns).where(table.c.id.in_(ids)))}


def _grouped(connection: Connection, query: Select[Any], key: str) -> dict[str, list[Any]]:
    grouped: dict[str, list[Any]] = defaultdict(list)
    for row in connection.execute(query):
        grouped[getattr(row, key)].append(row)
    return grouped
