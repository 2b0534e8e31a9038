"""Every figure that a calculation takes is a whole number within its bounds, or is refused by its name."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from gateway.core import allocation, late_interest, merchant_settlement, money, refunding, schedule
from gateway.core.money import AmountError, AmountTypeError
from gateway.core.schedule import Terms

DAY = date(2026, 11, 23)
TERMS = Terms("interest_free", 3)
LATE: dict[str, Any] = {"due_date": DAY, "as_of": DAY, "daily_rate": "0.0005", "grace_days": 3}
RATES: dict[str, Any] = {"merchant_fee_rate": "0", "merchant_subsidy_rate": "0"}
CALLS: dict[str, tuple[str, int, Callable[[Any], Any]]] = {
    "allocate": ("repayment", 0, lambda fen: allocation.allocate(fen, [])),
    "allocate to": ("claim", 0, lambda fen: allocation.allocate(1, [allocation.Claim(1, "due", "fee", fen)])),
    "late interest": (
        "overdue principal",
        0,
        lambda fen: late_interest.late_interest(fen, daily_rate="0.0005", days=1),
    ),
    "late interest of an instalment": (
        "overdue principal",
        0,
        lambda fen: late_interest.of_instalment(fen, [(DAY, -9)], **LATE),
    ),
    "late interest of what is left": (
        "principal still owed",
        0,
        lambda fen: late_interest.of_instalment(1, [(DAY, 1 - fen)], **LATE),
    ),
    "settle": ("price", 0, lambda fen: merchant_settlement.settle(fen, **RATES)),
    "settle less": (
        "amount",
        0,
        lambda fen: merchant_settlement.settle(9, **RATES, government_subsidy_fen=fen),
    ),
    "tax": ("fee", 0, lambda fen: merchant_settlement.net_and_vat(fen, "0.06")),
    "share": ("amount", 0, lambda fen: money.share(fen, "0.5")),
    "split": ("amount", 0, lambda fen: money.equal_split(fen, 2)),
    "split in parts": ("parts", 1, lambda parts: money.equal_split(2, parts)),
    "split by weights": ("total", 0, lambda fen: money.split_by_largest_remainder(fen, [1])),
    "split by a weight": ("weight", 0, lambda weight: money.split_by_largest_remainder(1, [3, weight])),
    "refund": (
        "refund",
        0,
        lambda fen: refunding.lower(
            schedule.build(9, TERMS, DAY).rows, terms=TERMS, contract_date=DAY, refund_fen=fen
        ),
    ),
    "terms": ("periods", 1, lambda periods: Terms("interest_free", periods)),
    "schedule": ("principal", 1, lambda fen: schedule.build(fen, TERMS, DAY)),
    "rest": ("balance", 1, lambda fen: schedule.rebuild(fen, TERMS, DAY, first_period=1)),
    "rest from": (
        "first_period",
        1,
        lambda first: schedule.rebuild(9, TERMS, DAY, first_period=first),
    ),
    "repayment": ("balance", 0, lambda fen: schedule.repayment_split(fen, TERMS, 3)),
    "due date": ("period", 0, lambda period: schedule.due_date(DAY, period)),
}


@pytest.mark.parametrize("call", CALLS)
def test_a_figure_below_its_least_or_of_another_type_is_refused_by_name(call: str) -> None:
    name, least, made = CALLS[call]
    made(least + 1)
    with pytest.raises(AmountError, match=rf"^{name} must be at least {least} fen, not {least - 1}$"):
        made(least - 1)
    if call != "late interest of what is left":
        with pytest.raises(AmountTypeError, match=f"^{name} must be a whole"):
            made(True)
