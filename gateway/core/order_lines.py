"""Lines of an order: each line's share of the financed amount, and the amount captured for some of its pieces.

A line is worth its price less its share of the merchant's discount, less the government subsidy claimed for it, less
its share of the down payment. The shares are by largest remainder, so the lines sum to the financed amount to the fen.
The first k of n pieces are captured for k/n of the worth, rounded half up, and each capture takes the difference, so
that any split of a line sums to its worth.

Two phones at 5,999.00 and a case at 99.00 yuan, 100.00 off, 2,000.00 paid down: 9,997.00 yuan are financed. Of the
discount 99.18 yuan fall on the phones and 0.82 on the case, of the down payment 1,983.63 and 16.37. So the phones are
worth 9,915.19 yuan and the case 81.81. The first phone is captured for 4,957.60 yuan, the second for 4,957.59.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gateway.core.money import half_up_ratio, split_by_largest_remainder

Item = dict[str, Any]


@dataclass(frozen=True, slots=True)
class OrderedLine:
    """One line of an order; ``amount_fen`` is its share of the financed amount."""

    name: str
    category: str
    subsidy_category: str | None
    ordered: int
    amount_fen: int
    subsidy_fen: int


def of_order(
    items: Sequence[Item], *, category: str, discount_fen: int, subsidy_fen: int, down_payment_fen: int
) -> list[OrderedLine]:
    """The lines of an order of ``category``; their amounts sum to what is financed."""
    prices = [item["quantity"] * item["unit_price"] for item in items]
    claimed = _subsidies(items, subsidy_fen, discount_fen)
    net = [
        price - discount - subsidy
        for price, discount, subsidy in zip(prices, _shares(discount_fen, prices), claimed, strict=True)
    ]
    down = _shares(down_payment_fen, net)
    return [
        OrderedLine(
            name=item["name"],
            category=item.get("category") or category,
            subsidy_category=item.get("subsidy_category"),
            ordered=item["quantity"],
            amount_fen=amount - paid,
            subsidy_fen=subsidy,
        )
        for item, amount, paid, subsidy in zip(items, net, down, claimed, strict=True)
    ]


def of_pieces(worth_fen: int, ordered: int, *, before: int, quantity: int) -> int:
    """What ``quantity`` pieces of a line are captured for, after ``before`` of the ``ordered`` ones, in fen."""
    return half_up_ratio(worth_fen * (before + quantity), ordered) - half_up_ratio(
        worth_fen * before, ordered
    )


def of_rest(left_fen: int, left: int, *, quantity: int) -> int:
    """What ``quantity`` of the ``left`` pieces are given back for: the last ones take all that is left, in fen."""
    return half_up_ratio(left_fen * quantity, left)


def _subsidies(items: Sequence[Item], subsidy_fen: int, discount_fen: int) -> list[int]:
    """The order's subsidy by item: as noted with the items, else (older orders) by the claiming items' final prices."""
    noted = [item.get("government_subsidy") or 0 for item in items]
    if sum(noted) == subsidy_fen:
        return noted
    prices = [item["quantity"] * item["unit_price"] for item in items]
    discounts = _shares(discount_fen, prices)
    claiming = [
        price - discount if item.get("subsidy_category") else 0
        for item, price, discount in zip(items, prices, discounts, strict=True)
    ]
    return _shares(subsidy_fen, claiming)


def _shares(total_fen: int, weights: Sequence[int]) -> list[int]:
    """``total_fen`` by largest remainder; nothing on anything when it is 0."""
    return split_by_largest_remainder(total_fen, weights) if total_fen else [0] * len(weights)
