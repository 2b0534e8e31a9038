"""How many checkouts are where on their way, and which promised answers are late, for monitoring."""

from __future__ import annotations

from sqlalchemy import func, text
from sqlmodel import col, select

from gateway.checkout.models import IS_UNDECIDED, Checkout
from gateway.db.transactions import Transaction

STATUSES = ("open", "identified", "deciding", "under_review")


def counts(tx: Transaction) -> dict[tuple[str, str], int]:
    """Open checkouts, by mode and status."""
    query = (
        select(Checkout.mode, Checkout.status, func.count())
        .where(text(IS_UNDECIDED))
        .group_by(col(Checkout.mode), col(Checkout.status))
    )
    return {(mode, status): number for mode, status, number in tx.exec(query)}


def overdue_reviews(tx: Transaction) -> dict[str, int]:
    """Applications whose promised answer of a person is late, by mode."""
    query = (
        select(Checkout.mode, func.count())
        .where(Checkout.status == "under_review", col(Checkout.review_due_at) <= tx.now)
        .group_by(col(Checkout.mode))
    )
    return dict(tx.exec(query).all())
