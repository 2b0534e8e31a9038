"""What a person has ordered, for the person: the goods of each payment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import load_only
from sqlmodel import col, select

from gateway.checkout.models import Checkout
from gateway.db.transactions import Transaction

COLUMNS: Any = (
    Checkout.id,
    Checkout.payment_id,
    Checkout.merchant_reference,
    Checkout.store,
    Checkout.items,
)
"""What is read of a checkout: its plans are long."""


@dataclass(frozen=True, slots=True)
class Order:
    """An order that became a payment."""

    checkout_id: str
    merchant_reference: str
    store: str | None
    items: list[dict[str, Any]]

    @property
    def title(self) -> str:
        """The first of the goods."""
        return str(self.items[0]["name"]) if self.items else self.merchant_reference


def orders_of(tx: Transaction, shopper_id: str) -> dict[str, Order]:
    """The orders of a person, by their payment."""
    query = select(Checkout).where(Checkout.shopper_id == shopper_id, col(Checkout.payment_id).is_not(None))
    return {
        str(row.payment_id): Order(row.id, row.merchant_reference, row.store, row.items)
        for row in tx.exec(query.options(load_only(*COLUMNS)))
    }
