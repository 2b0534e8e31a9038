"""Trial balance: the turnover and balance of every account, added up by the database."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Select, case, func, select

from gateway.db.transactions import Transaction
from gateway.ledger.booking.accounts import CHART
from gateway.ledger.models import ACCOUNT, ENTRY, POSTING


@dataclass(frozen=True, slots=True)
class TrialRow:
    """One account; turnovers are 0 or more, ``balance_fen`` is debit above 0 (fen)."""

    mode: str
    kind: str
    owner: str
    debit_fen: int
    credit_fen: int

    @property
    def balance_fen(self) -> int:
        """Debits less credits of the period."""
        return self.debit_fen - self.credit_fen


def rows(tx: Transaction, *, end: date | None = None) -> Iterator[TrialRow]:
    """Every account with postings up to the effective date ``end`` (Shanghai, included), in the chart's order."""
    order = {kind: place for place, kind in enumerate(CHART)}
    found = [
        TrialRow(row[0], row[1], row[2], int(row[3]), int(row[4]))
        for row in tx.connection().execute(query(end))
    ]
    yield from sorted(found, key=lambda row: (row.mode, order.get(row.kind, len(order)), row.owner))


def query(end: date | None = None) -> Select[Any]:
    """SELECT of mode, kind, owner, debit and credit by account."""
    amount = POSTING.c.amount
    debit = func.sum(case((amount > 0, amount), else_=0))
    totals = select(
        POSTING.c.account_id, debit.label("debit"), (debit - func.sum(amount)).label("credit")
    ).group_by(POSTING.c.account_id)
    if end is not None:
        totals = totals.join(ENTRY, ENTRY.c.id == POSTING.c.entry_id).where(ENTRY.c.effective_date <= end)
    total = totals.subquery()
    return select(ACCOUNT.c.mode, ACCOUNT.c.kind, ACCOUNT.c.owner, total.c.debit, total.c.credit).join(
        total, total.c.account_id == ACCOUNT.c.id
    )
