"""The settlement equation holds for any lines."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.settlement import batch
from gateway.settlement.models import SettlementLine
from gateway.settlement.service import line_view


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


EACH = {
    "capture": {"captures": 1_000, "merchant_fees": 30, "merchant_subsidies": 200},
    "refund": {"refunds": 1_000, "merchant_fees": -30, "merchant_subsidies": -200},
    "subsidy": {"subsidies": 1_000, "merchant_fees": 30, "merchant_subsidies": 200},
    "subsidy_return": {"subsidies": -1_000, "merchant_fees": -30, "merchant_subsidies": -200},
    "dispute": {"disputes": 1_000, "merchant_fees": -30, "merchant_subsidies": -200},
    "dispute_won": {"disputes": -1_000, "merchant_fees": 30, "merchant_subsidies": 200},
    "payout_returned": {"adjustments": 1_000, "merchant_fees": 30, "merchant_subsidies": 200},
    "invoice_payment": {"adjustments": 1_000, "merchant_fees": 30, "merchant_subsidies": 200},
    "reserve_release": {"reserve_change": -1_000, "merchant_fees": 30, "merchant_subsidies": 200},
    "stage_held": {"captures": -1_000, "merchant_fees": -30, "merchant_subsidies": -200},
    "stage_released": {"captures": 1_000, "merchant_fees": 30, "merchant_subsidies": 200},
    "stage_returned": {"captures": 1_000, "merchant_fees": 30, "merchant_subsidies": 200},
}


@pytest.mark.parametrize("kind", EACH)
def test_each_kind_of_line_stands_in_its_figure_and_is_shown_from_the_merchants_side(kind: str) -> None:
    assert set(batch.SIGNS) == set(EACH)
    adds = kind not in ("refund", "subsidy_return", "dispute", "stage_held")
    closed = asdict(batch.close([Line(kind, 1_000, 30, 200, 770)], opening_fen=0))
    assert {name: closed.pop(f"{name}_fen") for name in EACH[kind]} == EACH[kind]
    ends = (
        {"pending_moved_fen": 770, "payout_fen": 770}
        if adds
        else {"pending_moved_fen": -770, "closing_fen": -770}
    )
    assert {name: fen for name, fen in closed.items() if fen} == ends
    row = SettlementLine(
        id="sln_1",
        merchant_id="mer_1",
        mode="test",
        from_pending_fen=770,
        settlement_date=date(2026, 11, 24),
        created_at=datetime(2026, 11, 23, tzinfo=UTC),
        kind=kind,
        object_id="what:1",
        merchant_reference="order-1",
        payment_id="pay_1",
        capture_id="",
        amount_fen=1_000,
        merchant_fee_fen=30,
        merchant_subsidy_fen=200,
        net_fen=770,
        entry_id="ent_1",
    )
    shown, sign = line_view(row), 1 if adds else -1
    assert [shown[name] for name in ("id", "entry", "kind", "merchant_reference", "created_at")] == [
        "sln_1",
        "ent_1",
        kind,
        "order-1",
        datetime(2026, 11, 23, tzinfo=UTC),
    ]
    figures = [shown[name] for name in ("amount", "merchant_fee", "merchant_subsidy", "net")]
    assert figures == [sign * 1_000, -sign * 30, -sign * 200, sign * 770]
    about = {name: shown[name] for name in ("payment", "capture", "refund", "dispute", "payout")}
    named = {
        "refund": {"refund": "what"},
        "payout_returned": {"payout": "what:1"},
        "dispute": {"dispute": "what:1"},
        "dispute_won": {"dispute": "what:1"},
    }
    assert {name: value for name, value in about.items() if value} == {
        "payment": "pay_1",
        **named.get(kind, {}),
    }
