"""The shopper's credit: what is owed to the shopper of a loan changes here when it is not a repayment.

What it is on the books is the caller's to post; the loan remembers it as a fact, and is recomputed from it.
"""

from __future__ import annotations

from gateway.core.calendar import shanghai_date
from gateway.db.transactions import Transaction
from gateway.loans import standing
from gateway.loans.models import CreditChange, Loan


def owe(tx: Transaction, loan: Loan, *, amount_fen: int, about: str) -> int:
    """``amount_fen`` is owed to the shopper from today on; it pays what is open first.

    Returns the principal so repaid (fen).
    """
    _note(tx, loan, amount_fen, about)
    if loan.status in ("written_off", "unwound"):
        return 0
    return standing.recompute(tx, loan).freed_fen


def give_back(tx: Transaction, loan: Loan, *, amount_fen: int, about: str) -> None:
    """``amount_fen`` of what is owed to the shopper is on its way back."""
    _note(tx, loan, -amount_fen, about)


def _note(tx: Transaction, loan: Loan, amount_fen: int, about: str) -> None:
    loan.credit_fen += amount_fen
    row = CreditChange(
        id=tx.new_id("crc"), loan_id=loan.id, on=shanghai_date(tx.now), amount_fen=amount_fen, about=about
    )
    tx.add_all([loan, row])
    tx.flush()
