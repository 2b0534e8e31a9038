"""Shares: the part of a refund that falls on one capture, and the merchant's fee that belongs to it."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.payments import charges
from gateway.payments.models import Capture


@dataclass(frozen=True, slots=True)
class Share:
    """The part of a refund that falls on one capture; amounts in fen."""

    capture: Capture
    amount_fen: int
    loan_reduction_fen: int
    to_shopper_fen: int
    fee_fen: int
    """Merchant fee that comes back, VAT included."""
    vat_fen: int
    subsidy_fen: int
    unwound: bool = False
    """Whether the capture's loan was canceled from its start."""
    repaid_fen: int = 0
    """Principal that may be borrowed again besides, as ``lowering.Lowered`` says."""
    recovered_fen: int = 0
    """What had been written off of the loan and is recovered."""


def fee_returned_fen(capture: Capture) -> int:
    """The part of the capture's merchant fee that its refunds have returned, in fen."""
    return charges.returned_fee_fen(
        capture.merchant_fee_fen, captured_fen=capture.amount_fen, refunded_fen=capture.refunded_with_fee_fen
    )


def return_fee(capture: Capture, amount_fen: int) -> charges.Charges:
    """Count ``amount_fen`` as refunded with its fee; returns the part of the fee that comes back."""
    back = charges.returned(
        capture.merchant_fee_fen,
        captured_fen=capture.amount_fen,
        before_fen=capture.refunded_with_fee_fen,
        amount_fen=amount_fen,
    )
    capture.refunded_with_fee_fen += amount_fen
    return back
