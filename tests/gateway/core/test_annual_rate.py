"""The yearly cost: the worked example, the residual, and ceilings decided on the unrounded rate."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core import annual_rate, cost_ceiling
from gateway.core.schedule import Terms, build

DAY = date(2026, 11, 23)
LOANS = st.tuples(st.integers(10_000, 10_000_000), st.integers(3, 12), st.integers(1, 3600))


def payments(principal: int, periods: int, points: int) -> list[int]:
    terms = Terms("equal_installment", periods, annual_rate=f"{points / 10_000:.4f}")
    return build(principal, terms, DAY).payments


def worth(rows: list[int], monthly: Fraction) -> Fraction:
    return sum((Fraction(row) / (1 + monthly) ** k for k, row in enumerate(rows, 1)), Fraction(0))


def test_phone_of_5999_yuan_at_18_percent() -> None:
    cost = annual_rate.of(599_900, [54_999] * 12)
    assert (cost.monthly, cost.nominal, cost.effective) == ("0.0150005028", "0.1800060335", "0.1956252786")
    assert (cost.nominal_percent, cost.effective_percent) == ("18.00", "19.56")


def test_a_flat_fee_of_7_5_percent_is_not_7_5_percent_a_year() -> None:
    cost = annual_rate.of(599_900, [53_740] * 11 + [53_753])
    assert (cost.nominal_percent, cost.effective_percent) == ("13.57", "14.44")


def test_principal_alone_costs_nothing() -> None:
    cost = annual_rate.of(100_001, [33_333, 33_333, 33_335])
    assert (cost.monthly, cost.nominal, cost.effective) == ("0.0000000000",) * 3
    assert cost.within("0", "effective")


def test_an_exact_rate_on_a_rounding_boundary_goes_up() -> None:
    # 2049 / 2048 - 1 = 0.00048828125 exactly
    assert annual_rate.of(2048, [2049]).monthly == "0.0004882813"


@given(LOANS)
@settings(max_examples=60)
def test_the_payments_are_worth_the_principal_at_the_rate(loan: tuple[int, int, int]) -> None:
    principal, rows = loan[0], payments(*loan)
    monthly = Fraction(annual_rate.of(principal, rows).exact_monthly)
    assert abs(worth(rows, monthly) - principal) < Fraction(1, 10**9)


@given(LOANS)
@settings(max_examples=40)
def test_the_texts_are_the_exact_rate_rounded_half_up(loan: tuple[int, int, int]) -> None:
    principal, rows = loan[0], payments(*loan)
    shown, half = Fraction(Decimal(annual_rate.of(principal, rows).monthly)), Fraction(1, 2 * 10**10)
    assert worth(rows, shown - half) >= principal > worth(rows, shown + half)


@given(LOANS, st.integers(0, 4000))
@settings(max_examples=60)
def test_a_nominal_ceiling_is_decided_as_the_exact_present_value_decides(
    loan: tuple[int, int, int], points: int
) -> None:
    principal, rows = loan[0], payments(*loan)
    ceiling = Fraction(points, 10_000)
    expected = worth(rows, ceiling / 12) <= principal
    assert annual_rate.of(principal, rows).within(ceiling, "nominal") is expected


def test_a_rate_equal_to_the_ceiling_is_within_it() -> None:
    assert annual_rate.of(100, [102]).within("0.24", "nominal")
    assert annual_rate.of(100, [0] * 11 + [124]).within("0.24", "effective")
    assert not annual_rate.of(10**7, [0] * 11 + [12_400_001]).within("0.24", "effective")


def test_payments_that_do_not_return_the_principal_have_no_rate() -> None:
    for principal, rows in ((100, [50, 49]), (0, [1]), (-1, [1]), (100, []), (100, [-1, 200])):
        with pytest.raises(ValueError, match=r"principal"):
            annual_rate.of(principal, rows)


def test_fen_rounding_can_push_a_contract_rate_of_24_percent_over_the_ceiling() -> None:
    rows = build(10_000, Terms("equal_installment", 3, annual_rate="0.24"), DAY).payments
    verdict = cost_ceiling.check(10_000, rows, funder_type="bank", on=DAY)
    assert not verdict.allowed
    assert verdict.rate.nominal_percent == "24.02"


def test_both_bases_must_pass_unless_the_funder_says_otherwise() -> None:
    rows = build(1_000_000, Terms("flat_fee", 12, fee_rate_total="0.125", fee_timing="spread"), DAY).payments
    assert not cost_ceiling.check(1_000_000, rows, funder_type="bank", on=DAY).allowed
    assert cost_ceiling.check(1_000_000, rows, funder_type="bank", on=DAY, bases=("nominal",)).allowed


@pytest.mark.parametrize(
    ("funder_type", "on", "allowed"),
    [
        ("bank", DAY, True),
        ("consumer_finance", DAY, False),
        ("small_loan", DAY, True),
        ("small_loan", date(2027, 12, 30), True),
        ("small_loan", date(2027, 12, 31), False),
    ],
)
def test_the_ceiling_depends_on_lender_and_date(funder_type: str, on: date, allowed: bool) -> None:
    rows = build(599_900, Terms("equal_installment", 12, annual_rate="0.19"), DAY).payments
    assert cost_ceiling.check(599_900, rows, funder_type=funder_type, on=on).allowed is allowed


@pytest.mark.parametrize(("funder_type", "on"), [("pawnshop", DAY), ("bank", date(2025, 9, 30))])
def test_without_a_known_ceiling_nothing_is_lent(funder_type: str, on: date) -> None:
    with pytest.raises(LookupError, match="no cost ceiling"):
        cost_ceiling.check(100, [102], funder_type=funder_type, on=on)
