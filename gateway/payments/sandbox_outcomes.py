"""Test mode: what the sandbox plays after approval, by the shopper's phone number."""

from __future__ import annotations

from gateway.core.sandbox_numbers import FIRST_UNPAID, PAYOUT_FAILS
from gateway.db.transactions import Transaction
from gateway.identity import service as identity
from gateway.payments.models import Payment
from gateway.web.context import Gateway


def payout_failure(tx: Transaction, gateway: Gateway, payment: Payment) -> str | None:
    """How the payout of the batch with this payment's captures fails, if its number asks for it."""
    if payment.mode != "test" or _phone(tx, gateway, payment.shopper_id) != PAYOUT_FAILS:
        return None
    return "account_closed"


def collection_failure(
    tx: Transaction, gateway: Gateway, *, mode: str, shopper_id: str, period: int
) -> str | None:
    """How the collection of an instalment fails, if the shopper's number asks for it: the first is never paid."""
    if mode != "test" or period != 1 or _phone(tx, gateway, shopper_id) != FIRST_UNPAID:
        return None
    return "insufficient_funds"


def _phone(tx: Transaction, gateway: Gateway, shopper_id: str) -> str:
    return identity.phone_of(tx, gateway.vault, shopper_id)
