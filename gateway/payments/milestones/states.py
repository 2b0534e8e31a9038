"""The states of a milestone, and which part of a capture it keeps back. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.core.money import half_up_ratio
from gateway.core.transitions import Transitions

STATES = Transitions(
    {
        "planned": {"claimed", "released", "canceled"},
        "claimed": {"contested", "released", "canceled"},
        "contested": {"released", "canceled"},
    }
)
OPEN = ("planned", "claimed", "contested")
"""A stage in one of these still waits."""


def held(net_fen: int, captured_fen: int, amounts: Sequence[int]) -> list[int]:
    """What is kept back of a capture's net for stages of these amounts, by differences of cumulative rounded shares.

    Stages of the whole capture keep its whole net, however it is split.
    """
    found, before = [], 0
    for amount in amounts:
        after = before + amount
        found.append(
            half_up_ratio(net_fen * after, captured_fen) - half_up_ratio(net_fen * before, captured_fen)
        )
        before = after
    return found


def returned(held_fen: int, amount_fen: int, *, before_fen: int, part_fen: int) -> int:
    """What of ``held_fen`` goes with ``part_fen`` of a stage, after ``before_fen`` of it: the last takes the rest."""
    after = half_up_ratio(held_fen * (before_fen + part_fen), amount_fen)
    return after - half_up_ratio(held_fen * before_fen, amount_fen)


def taken(open_amounts: Sequence[int], most_fen: int) -> list[int]:
    """How ``most_fen`` is taken of stages: of the last first, for what comes last was done least."""
    found = [0] * len(open_amounts)
    for index in reversed(range(len(open_amounts))):
        found[index] = min(open_amounts[index], most_fen)
        most_fen -= found[index]
    return found
