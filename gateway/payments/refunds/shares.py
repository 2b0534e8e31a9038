"""Shares: the part of a refund that falls on one capture, and the merchant's fee that belongs to it."""

from __future__ import annotations

from dataclasses import dataclass, field

from gateway.loans.principal_reduction import Lowering
from gateway.payments import charges
from gateway.payments.milestones.holding import Piece
from gateway.payments.models import Capture
from gateway.payments.subsidies import GivenBack
from gateway.settlement.service import Bearing


@dataclass(slots=True)
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
    kept_subsidy_fen: int = 0
    """The merchant's subsidy that the lender earns because the kind of the refund leaves it there."""
    lowering: Lowering | None = None
    """What is to be written of the loan, where it is lowered."""
    bearing: Bearing = field(default_factory=lambda: Bearing(0, 0, 0))
    """Which claims of the merchant bear it."""
    stages: list[Piece] = field(default_factory=list)
    """What it takes of stages for which a part of the capture was kept back."""
    trade_in: GivenBack | None = None
    """The government subsidy that goes back with it."""

    @property
    def net_fen(self) -> int:
        """What it takes from the merchant."""
        return self.amount_fen - self.fee_fen - self.subsidy_fen


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
