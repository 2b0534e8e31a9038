"""What a merchant pays for a part is a difference of wholes: however a payment is split, the parts sum to it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.core import money
from gateway.payments import charges
from gateway.payments.charges import Charges

PRICE = {"merchant_fee_rate": "0.006", "merchant_subsidy_rate": "0.068"}
PARTS = st.lists(st.integers(1, 3_000_000), min_size=1, max_size=6)


def test_the_charges_of_a_phone_of_5999_yuan() -> None:
    whole = charges.of_capture(PRICE, before_fen=0, amount_fen=599_900)
    assert whole == Charges(fee_fen=3_599, vat_fen=204, subsidy_fen=40_793)
    assert (whole.net_fee_fen, whole.total_fen) == (3_395, 44_392)
    back = charges.returned(3_599, captured_fen=599_900, before_fen=0, amount_fen=100_000)
    assert back == Charges(fee_fen=600, vat_fen=34)


@given(PARTS)
def test_captures_in_parts_are_charged_like_one(parts: list[int]) -> None:
    each = [
        charges.of_capture(PRICE, before_fen=sum(parts[:number]), amount_fen=part)
        for number, part in enumerate(parts)
    ]
    assert sum(one.fee_fen for one in each) == money.share(sum(parts), "0.006")
    assert sum(one.subsidy_fen for one in each) == money.share(sum(parts), "0.068")
    assert all(one.vat_fen == charges.vat_in(one.fee_fen) for one in each)


@given(PARTS, st.integers(0, 100_000))
def test_what_comes_back_in_parts_is_the_fee_and_its_tax(parts: list[int], fee: int) -> None:
    each = [
        charges.returned(fee, captured_fen=sum(parts), before_fen=sum(parts[:number]), amount_fen=part)
        for number, part in enumerate(parts)
    ]
    assert sum(one.fee_fen for one in each) == fee
    assert sum(one.vat_fen for one in each) == charges.vat_in(fee)
    assert all(one.fee_fen >= 0 and one.subsidy_fen == 0 for one in each)
