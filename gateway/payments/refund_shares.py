"""Shares: the part of a refund that falls on one capture, and the merchant's fee that belongs to it."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from gateway.core import merchant_settlement, money
from gateway.payments.capture import VAT_RATE
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
    return money.half_up(
        Fraction(capture.merchant_fee_fen * capture.refunded_with_fee_fen, capture.amount_fen)
    )


def return_fee(capture: Capture, amount_fen: int) -> tuple[int, int]:
    """Count ``amount_fen`` as refunded with its fee; returns the fee and the VAT in it that come back (fen).

    Both are differences of cumulative rounded figures, so any sequence of such refunds ends where one of them ends.
    """
    fee, vat = _fee_and_vat(capture)
    capture.refunded_with_fee_fen += amount_fen
    fee_after, vat_after = _fee_and_vat(capture)
    return fee_after - fee, vat_after - vat


def _fee_and_vat(capture: Capture) -> tuple[int, int]:
    fee = fee_returned_fen(capture)
    return fee, merchant_settlement.net_and_vat(fee, VAT_RATE)[1]
