"""Amendments: each later version of a loan's schedule, with the day on which it replaced the one before and why.

A version is written by what takes principal off what is still to come (``principal_reduction``), and by nothing else;
so the entries that lowered the principal name them in their order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlmodel import col, select

from gateway.core.tenant import Tenant
from gateway.db.transactions import Transaction
from gateway.ledger import service as ledger
from gateway.loans.models import Loan, LoanInstalment

LOWERING = ("refund", "dispute_lost")
"""The kinds of entries that lower the principal of a loan."""


@dataclass(frozen=True, slots=True)
class Amendment:
    """One later version of a schedule; amounts in fen."""

    loan_id: str
    version: int
    on: date
    why: str
    """``refund`` or ``dispute_lost``."""
    lowered_fen: int
    """Principal that it took off the loan, due or not."""
    rows: Sequence[dict[str, Any]]
    """What was still to be paid from then on, as the API shows instalments; empty when nothing was."""

    @property
    def total_fen(self) -> int:
        """What was still to be paid from then on."""
        return sum(row["payment"] for row in self.rows)


def of_loan(tx: Transaction, loan: Loan) -> list[Amendment]:
    """The amendments of a loan, oldest first. None for a loan that was unwound: nothing of its schedule remains."""
    if loan.schedule_version == 1 or loan.status == "unwound":
        return []
    rows = _rows(tx, loan)
    return [
        Amendment(loan.id, version, on, why, lowered, rows.get(version, []))
        for version, (on, why, lowered) in enumerate(_lowerings(tx, loan), start=2)
        if version <= loan.schedule_version
    ]


def _lowerings(tx: Transaction, loan: Loan) -> list[tuple[date, str, int]]:
    """Day, kind and principal (fen) of each entry that lowered the principal of the loan, oldest first."""
    found = []
    for entry in ledger.entries_about(tx, Tenant.of(loan), [loan.id]):
        lowered = -sum(
            line.amount_fen
            for line in entry.lines
            if line.account == "loan_principal" and line.object_id == loan.id
        )
        if entry.kind in LOWERING and lowered > 0:
            found.append((entry.effective_date, entry.kind, lowered))
    return found


def _rows(tx: Transaction, loan: Loan) -> dict[int, list[dict[str, Any]]]:
    query = select(LoanInstalment).where(LoanInstalment.loan_id == loan.id, LoanInstalment.version > 1)
    found: dict[int, list[dict[str, Any]]] = {}
    for row in tx.exec(query.order_by(col(LoanInstalment.version), col(LoanInstalment.period))):
        found.setdefault(row.version, []).append(
            {
                "period": row.period,
                "due_date": row.due_date.isoformat(),
                "principal": row.principal_fen,
                "interest": row.interest_fen,
                "fee": row.fee_fen,
                "payment": row.payment_fen,
                "balance": row.balance_fen,
            }
        )
    return found
