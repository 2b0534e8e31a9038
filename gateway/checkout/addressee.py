"""Whom a message about an order goes to, and in which language."""

from __future__ import annotations

from typing import NamedTuple

from sqlmodel import select

from gateway.checkout.models import Checkout
from gateway.db.transactions import Transaction


class Addressee(NamedTuple):
    """The person of a checkout and the language of its pages; ``was_in_review`` where a person was to decide it."""

    shopper_id: str | None
    language: str | None
    was_in_review: bool


def of_checkout(tx: Transaction, checkout_id: str) -> Addressee:
    """Whose a checkout is. Its language is None where it was confirmed on no page of ours."""
    query = select(Checkout.shopper_id, Checkout.language, Checkout.review_due_at)
    shopper_id, language, review_due_at = tx.exec(query.where(Checkout.id == checkout_id)).one()
    return Addressee(shopper_id, language, review_due_at is not None)
