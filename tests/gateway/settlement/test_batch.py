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
    kind = draw(st.sampled_from(sorted(batch.SIGNS)))
    if kind not in ("capture", "refund"):
        return Line(kind, amount, 0, 0, 0)
    return Line(kind, amount, fee, subsidy, draw(st.integers(0, net)))


@given(
    st.lists(lines(), max_size=20),
    st.integers(-10_000_000, 0),
    st.sampled_from(["0", "0.05", "0.123", "0.3"]),
)
def test_the_equation_holds_and_debt_is_carried(found, opening, rate):
    closed = batch.close(found, opening_fen=opening, reserve_rate=rate)
    left = (
        closed.opening_fen
        + closed.captures_fen
        + closed.subsidies_fen
        - closed.merchant_fees_fen
        - closed.merchant_subsidies_fen
        - closed.refunds_fen
        - closed.disputes_fen
        + closed.adjustments_fen
        - closed.reserve_change_fen
    )
    assert 0 <= closed.reserve_held_fen <= max(0, closed.pending_moved_fen)
    assert left == closed.closing_fen + closed.payout_fen
    assert closed.payout_fen >= 0
    assert closed.closing_fen <= 0
    assert closed.payout_fen == 0 or closed.closing_fen == 0
