"""What older releases wrote and this one still reads."""

from __future__ import annotations

from gateway.audit import service as audit
from gateway.audit.service import Actor
from gateway.db.transactions import Transaction
from gateway.merchants import service as merchants


def name_payout_account(tx: Transaction, merchant_id: str, account: str) -> None:
    """Name a merchant's account at the institution, in the merchant's row and for both modes."""
    merchant = merchants.get(tx, merchant_id)
    before, merchant.payout_account = merchant.payout_account or "", account
    tx.add(merchant)
    audit.record(
        tx,
        Actor("operator", "ming"),
        "merchant.payout_account",
        about=merchant_id,
        merchant_id=merchant_id,
        before=before,
        after=account,
    )
