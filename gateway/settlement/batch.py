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


class Line(Protocol):
    """What a batch needs of a settlement line; amounts in fen."""

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
    merchant_fees_fen: int
    merchant_subsidies_fen: int
    refunds_fen: int
    closing_fen: int
    payout_fen: int
    pending_moved_fen: int


def close(lines: Iterable[Line], *, opening_fen: int) -> Batch:
    """The batch of ``lines``: everything the merchant has is paid out, a debt is carried to the next batch."""
    captures = refunds = fees = subsidies = moved = 0
    for line in lines:
        sign = 1 if line.kind == "capture" else -1
        if sign > 0:
            captures += line.amount_fen
        else:
            refunds += line.amount_fen
        fees += sign * line.merchant_fee_fen
        subsidies += sign * line.merchant_subsidy_fen
        moved += sign * line.from_pending_fen
    position = opening_fen + captures - fees - subsidies - refunds
    payout = max(0, position)
    return Batch(
        opening_fen=opening_fen,
        captures_fen=captures,
        merchant_fees_fen=fees,
        merchant_subsidies_fen=subsidies,
        refunds_fen=refunds,
        closing_fen=position - payout,
        payout_fen=payout,
        pending_moved_fen=moved,
    )
