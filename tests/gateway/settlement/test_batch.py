"""The settlement equation holds for any lines."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from gateway.settlement import batch


@dataclass
class Line:
    kind: str
    amount_fen: int
    merchant_fee_fen: int
    merchant_subsidy_fen: int
    from_pending_fen: int


@st.composite
def lines(draw: st.DrawFn) -> Line:
    amount = draw(st.integers(1, 10_000_000))
    fee = draw(st.integers(0, amount // 2))
    subsidy = draw(st.integers(0, amount - fee))
    net = amount - fee - subsidy
    return Line(draw(st.sampled_from(["capture", "refund"])), amount, fee, subsidy, draw(st.integers(0, net)))


@given(st.lists(lines(), max_size=20), st.integers(-10_000_000, 0))
def test_the_equation_holds_and_debt_is_carried(found, opening):
    closed = batch.close(found, opening_fen=opening)
    left = (
        closed.opening_fen
        + closed.captures_fen
        - closed.merchant_fees_fen
        - closed.merchant_subsidies_fen
        - closed.refunds_fen
    )
    assert left == closed.closing_fen + closed.payout_fen
    assert closed.payout_fen >= 0
    assert closed.closing_fen <= 0
    assert closed.payout_fen == 0 or closed.closing_fen == 0
