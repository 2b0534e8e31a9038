"""The settlement equation, in one pure place.

opening + captures + subsidies - merchant fees - merchant subsidies - refunds - disputes + adjustments - reserve change
  = closing + payout

``opening`` is the closing balance of the batch before: 0 after a payout, above 0 where it was less than the agreed
minimum, and negative while the merchant owes. Refunds stand with their full amount, and the fees and subsidies of a
batch are net of those returned. ``captures`` is less by what waits for a stage of its order, and more by what waited
for one that is done or given back.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from gateway.core.money import share

SIGNS = {
    "capture": ("captures", 1),
    "refund": ("refunds", -1),
    "subsidy": ("subsidies", 1),
    "subsidy_return": ("subsidies", -1),
    "dispute": ("disputes", -1),
    "dispute_won": ("disputes", 1),
    "payout_returned": ("adjustments", 1),
    "invoice_payment": ("adjustments", 1),
    "reserve_release": ("reserve_change", 1),
    "stage_held": ("captures", -1),
    "stage_released": ("captures", 1),
    "stage_returned": ("captures", 1),
}
"""By kind of line: the figure it belongs to, and whether it adds to what the merchant is due or takes from it."""
TAKES = ("refunds", "disputes", "reserve_change")
"""Figures that stand in the equation with a minus, so that they are read as positive amounts."""


class Line(Protocol):
    """What a batch needs of a settlement line, or of several of one kind together; amounts in fen, positive."""

    kind: str
    amount_fen: int
    merchant_fee_fen: int
    merchant_subsidy_fen: int
    from_pending_fen: int


@dataclass(slots=True)
class Sum:
    """All lines of one kind together: the equation adds them up anyway. Amounts in fen."""

    kind: str
    amount_fen: int
    merchant_fee_fen: int
    merchant_subsidy_fen: int
    from_pending_fen: int
    count: int = 0


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
    reserve_change_fen: int
    reserve_held_fen: int
    """What this batch holds back; ``reserve_change_fen`` is that less what it releases."""
    closing_fen: int
    payout_fen: int
    pending_moved_fen: int


def close(
    lines: Iterable[Line],
    *,
    opening_fen: int,
    reserve_rate: str = "0",
    reserve_room_fen: int | None = None,
    minimum_payout_fen: int = 0,
) -> Batch:
    """The batch of ``lines``: everything the merchant has is paid out, a debt is carried to the next batch.

    ``reserve_rate`` of the captures' net is held back, never more than what the batch makes available, nor more than
    ``reserve_room_fen``; of what waits for a stage, when it waits no longer. What is less than ``minimum_payout_fen``
    is carried, too.
    """
    figures = dict.fromkeys(
        ("captures", "refunds", "subsidies", "disputes", "adjustments", "reserve_change"), 0
    )
    fees = subsidies = moved = captured = 0
    position = opening_fen
    for line in lines:
        figure, sign = SIGNS[line.kind]
        net = line.amount_fen - line.merchant_fee_fen - line.merchant_subsidy_fen
        figures[figure] += -sign * line.amount_fen if figure in TAKES else sign * line.amount_fen
        fees += sign * line.merchant_fee_fen
        subsidies += sign * line.merchant_subsidy_fen
        moved += sign * line.from_pending_fen
        captured += sign * net if figure == "captures" else 0
        position += sign * net
    room = moved if reserve_room_fen is None else reserve_room_fen
    held = max(0, min(share(max(0, captured), reserve_rate), moved, position, room))
    figures["reserve_change"] += held
    position -= held
    payout = to_pay(position, minimum_payout_fen)
    return Batch(
        opening_fen=opening_fen,
        merchant_fees_fen=fees,
        merchant_subsidies_fen=subsidies,
        reserve_held_fen=held,
        closing_fen=position - payout,
        payout_fen=payout,
        pending_moved_fen=moved,
        **{f"{name}_fen": amount for name, amount in figures.items()},
    )


def to_pay(position_fen: int, minimum_fen: int) -> int:
    """How much of what the merchant has is paid out (fen): all of it, or nothing below the minimum."""
    return position_fen if position_fen >= max(minimum_fen, 1) else 0


def sha256_of(pages: Iterable[Sequence[str]]) -> tuple[int, str]:
    """How many lines a batch has and the SHA-256 of their ids in order, each with a line break; given page by page."""
    count, running = 0, hashlib.sha256()
    for page in pages:
        count += len(page)
        running.update("".join(f"{one}\n" for one in page).encode())
    return count, running.hexdigest()
