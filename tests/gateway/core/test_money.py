"""Whole fen, exact rates, one half upwards."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core import money

AMOUNTS = st.integers(0, money.MAX_AMOUNT_FEN)


@pytest.mark.parametrize(
    ("value", "rounded"),
    [
        (Fraction(1, 2), 1),
        (Fraction(3, 2), 2),
        (Fraction(5, 2), 3),
        (Decimal("2.4999999999999999999999999999"), 2),
        (Decimal("0.5"), 1),
        (7, 7),
        (Fraction(0), 0),
    ],
)
def test_half_a_fen_goes_up(value: Any, rounded: int) -> None:
    assert money.half_up(value) == rounded


@given(st.fractions(0, 10**9))
@settings(max_examples=100)
def test_rounding_is_never_more_than_half_away_and_ties_go_up(value: Fraction) -> None:
    assert -Fraction(1, 2) < money.half_up(value) - value <= Fraction(1, 2)


@pytest.mark.parametrize("value", [0.5, True, "1", None])
def test_only_exact_values_are_rounded(value: Any) -> None:
    with pytest.raises(TypeError, match="exact"):
        money.half_up(value)


@pytest.mark.parametrize("value", [Fraction(-1, 2), -1, Decimal("NaN"), Decimal("Infinity")])
def test_negative_and_infinite_values_are_not_rounded(value: Any) -> None:
    with pytest.raises(money.AmountError):
        money.half_up(value)


@given(AMOUNTS, st.integers(1, 60))
@settings(max_examples=100)
def test_equal_parts_sum_and_only_the_last_differs(amount: int, parts: int) -> None:
    split = money.equal_split(amount, parts)
    assert sum(split) == amount
    assert len(split) == parts
    assert set(split[:-1]) <= {amount // parts}
    assert 0 <= split[-1] - amount // parts < parts


@given(AMOUNTS, st.lists(st.integers(0, 10**6), min_size=1, max_size=12).filter(any))
@settings(max_examples=100)
def test_parts_by_largest_remainder_sum_and_stay_within_a_fen(total: int, weights: list[int]) -> None:
    parts = money.split_by_largest_remainder(total, weights)
    assert sum(parts) == total
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part - Fraction(total * weight, sum(weights))) < 1


def test_largest_remainders_come_first_and_ties_go_to_the_earlier_part() -> None:
    assert money.split_by_largest_remainder(100, [1, 1, 1]) == [34, 33, 33]
    assert money.split_by_largest_remainder(10, [3, 3, 4]) == [3, 3, 4]
    assert money.split_by_largest_remainder(3, [10, 0, 25]) == [1, 0, 2]


def test_a_split_without_weight_is_refused() -> None:
    with pytest.raises(money.AmountError, match="above 0"):
        money.split_by_largest_remainder(100, [0, 0])


@pytest.mark.parametrize(
    ("amount", "at_rate", "part"),
    [
        (599_900, "0.006", 3599),
        (599_900, "0.068", 40_793),
        (599_900, Decimal("0.075"), 44_993),
        (50, "0.01", 1),
    ],
)
def test_a_share_is_rounded_half_up(amount: int, at_rate: Any, part: int) -> None:
    assert money.share(amount, at_rate) == part


@pytest.mark.parametrize("amount", [1.0, math.nan, True, "1", None, Decimal(1)])
def test_money_of_another_type_is_refused(amount: Any) -> None:
    for use in (
        money.fen,
        money.yuan,
        lambda value: money.share(value, "0.1"),
        lambda value: money.equal_split(value, 3),
    ):
        with pytest.raises(TypeError, match="fen"):
            use(amount)


def test_negative_money_and_no_parts_are_refused() -> None:
    for use in (lambda: money.fen(-1), lambda: money.equal_split(-1, 3), lambda: money.equal_split(1, 0)):
        with pytest.raises(money.AmountError):
            use()


@pytest.mark.parametrize("given_rate", ["0.18", Decimal("0.18"), Fraction(9, 50), "0.180"])
def test_a_rate_is_exact_however_it_is_given(given_rate: Any) -> None:
    assert money.parse_rate(given_rate) == Fraction(9, 50)


@pytest.mark.parametrize("given_rate", [0.18, 0, 1, True, None])
def test_a_rate_is_never_a_float_or_a_bare_int(given_rate: Any) -> None:
    money.parse_rate(Fraction(0)), money.parse_rate("1")  # equal values must not open the door for floats
    with pytest.raises(TypeError, match="not"):
        money.parse_rate(given_rate)


@pytest.mark.parametrize(
    "text",
    ["", "18%", "-0.1", "+0.1", "1e-2", "NaN", "inf", " 0.1", "0.1\n", ".5", "5.", "١", "1/3", "18", "7.5"],
)
def test_text_that_is_no_rate_is_refused(text: str) -> None:
    with pytest.raises(money.RateError):
        money.parse_rate(text)


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-0.01", "1E-99999", "1E+9"])
def test_decimals_that_are_no_rate_are_refused(value: str) -> None:
    with pytest.raises(money.RateError):
        money.parse_rate(Decimal(value))


@pytest.mark.parametrize(
    ("amount", "text"),
    [(0, "0.00"), (5, "0.05"), (599_900, "5,999.00"), (-123, "-1.23"), (10**9, "10,000,000.00")],
)
def test_fen_are_shown_as_yuan(amount: int, text: str) -> None:
    assert money.yuan(amount) == text
