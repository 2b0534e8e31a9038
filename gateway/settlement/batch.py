"""The settlement equation, in one pure place.

opening + captures + subsidies - merchant fees - merchant subsidies - refunds - disputes + adjustments - reserve change
  = closing + payout

``opening`` is the closing balance of the batch before; it is never positive after a payout, and negative while the
merchant owes. Refunds stand with their full amount, and the fees and subsidies of a batch are net of those returned.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

SIGNS = {
    "capture": ("captures", 1),
    "refund": ("refunds", -1),
    "subsidy": ("subsidies", 1),
    "subsidy_return": ("subsidies", -1),
    "dispute": ("disputes", -1),
    "dispute_won": ("disputes", 1),
    "payout_returned": ("adjustments", 1),
}
"""By kind of line: the figure it belongs to, and whether it adds to what the merchant is due or takes from it."""
TAKES = ("refunds", "disputes")
"""Figures that stand in the equation with a minus, so that they are read as positive amounts."""


class Line(Protocol):
    """What a batch needs of a settlement line; amounts in fen, positive."""

    kind: str
    amount_fen: int
    merchant_fee_fen: int
    merchant_subsidy_fen: int
    from_pending_fen: int


@dataclass(frozen=True, slots=True)
class Batch:
    """The figures of one batch, in fen; ``pending_moved_fen`` is what becomes available by it."""

    opening_fen: int
    captures_fen: int
    subsidies_fen: int
    merchant_fees_fen: int
    merchant_subsidies_fen: int
    refunds_fen: int
    disputes_fen: int
    adjustments_fen: int
    closing_fen: int
    payout_fen: int
    pending_moved_fen: int


def close(lines: Iterable[Line], *, opening_fen: int) -> Batch:
    """The batch of ``lines``: everything the merchant has is paid out, a debt is carried to the next batch."""
    figures = dict.fromkeys(("captures", "refunds", "subsidies", "disputes", "adjustments"), 0)
    fees = subsidies = moved = 0
    position = opening_fen
    for line in lines:
        figure, sign = SIGNS[line.kind]
        figures[figure] += -sign * line.amount_fen if figure in TAKES else sign * line.amount_fen
        fees += sign * line.merchant_fee_fen
        subsidies += sign * line.merchant_subsidy_fen
        moved += sign * line.from_pending_fen
        position += sign * (line.amount_fen - line.merchant_fee_fen - line.merchant_subsidy_fen)
    payout = max(0, position)
    return Batch(
        opening_fen=opening_fen,
        merchant_fees_fen=fees,
        merchant_subsidies_fen=subsidies,
        closing_fen=position - payout,
        payout_fen=payout,
        pending_moved_fen=moved,
        **{f"{name}_fen": amount for name, amount in figures.items()},
    )
