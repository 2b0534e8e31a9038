"""Allocation of a repayment (还款入账顺序): which claims a payment pays, in which order.

A claim stands in one of twelve cells: past due, due or in advance, times late interest, fee, interest or principal.
The default order takes what is past due first and, within a timing, late interest, fee, interest, principal; within a
cell the oldest period. What is left over belongs to the shopper.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from gateway.core.money import fen

Timing = Literal["past_due", "due", "in_advance"]
Part = Literal["late_interest", "fee", "interest", "principal"]
Cell = tuple[Timing, Part]

TIMINGS: tuple[Timing, ...] = get_args(Timing)
PARTS: tuple[Part, ...] = get_args(Part)
DEFAULT_ORDER: tuple[Cell, ...] = tuple((timing, part) for timing in TIMINGS for part in PARTS)


@dataclass(frozen=True, slots=True)
class Claim:
    """``owed_fen`` of one part of one period."""

    period: int
    timing: Timing
    part: Part
    owed_fen: int


@dataclass(frozen=True, slots=True)
class Paid:
    """What a payment pays of a claim, in fen; never 0."""

    period: int
    part: Part
    amount_fen: int


def allocate(
    amount_fen: int, claims: Sequence[Claim], order: Sequence[Cell] = DEFAULT_ORDER
) -> tuple[list[Paid], int]:
    """What ``amount_fen`` pays of ``claims``, and what is left over (fen).

    Paying in parts pays the same claims as paying at once. Raises ``ValueError`` unless ``order`` names
    every cell once.
    """
    if sorted(order) != sorted(DEFAULT_ORDER):
        raise ValueError("an order names each of the twelve cells once")
    left = fen(amount_fen, "repayment")
    rank = {cell: number for number, cell in enumerate(order)}
    paid = []
    for claim in sorted(claims, key=lambda claim: (rank[claim.timing, claim.part], claim.period)):
        part = min(left, fen(claim.owed_fen, "claim"))
        if part:
            paid.append(Paid(claim.period, claim.part, part))
            left -= part
    return paid, left
