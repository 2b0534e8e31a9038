"""What a loan is about in words that outlive our own identifiers: the merchant's order and which of its captures."""

from __future__ import annotations

from collections.abc import Sequence

from sqlmodel import col, func, select

from gateway.db.parts import in_parts
from gateway.db.transactions import Transaction
from gateway.loans import service as loans
from gateway.payments.models import Capture, Payment

Key = tuple[str, int]


def keys_of_loans(tx: Transaction, loan_ids: Sequence[str]) -> dict[str, Key]:
    """For each loan the reference of its order, of which there is one payment, and the number of its capture."""
    earlier = select(Capture.id, Capture.payment_id).subquery()
    number = (
        select(func.count())
        .where(earlier.c.payment_id == Capture.payment_id, earlier.c.id <= Capture.id)
        .correlate(Capture)
        .scalar_subquery()
    )
    keys: dict[str, Key] = {}
    for part in in_parts(sorted(set(loan_ids))):
        query = select(Capture.loan_id, Payment.merchant_reference, number).join(
            Payment, col(Payment.id) == Capture.payment_id
        )
        found = tx.exec(query.where(col(Capture.id).in_(loans.captures_of(part))))
        keys |= {loan_id: (order, int(count)) for loan_id, order, count in found}
    return keys
