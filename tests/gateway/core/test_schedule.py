"""Schedules: the worked example, and what holds for every one of them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core import schedule
from gateway.core.capture_schedule import difference
from gateway.core.schedule import Schedule, Terms, build, due_date

DAY = date(2026, 11, 23)
FIGURES = ("principal", "interest", "fee", "payment", "balance")
PRINCIPALS = st.integers(1, 10_000_000)


def figures(rows: Schedule) -> list[tuple[int, ...]]:
    return [tuple(getattr(row, name) for name in FIGURES) for row in rows.rows]


@st.composite
def any_terms(draw: st.DrawFn) -> Terms:
    method, periods = draw(st.sampled_from(schedule.METHODS)), draw(st.integers(1, 12))
    rate = f"{draw(st.integers(0, 3600)) / 10_000:.4f}"
    if method in ("equal_installment", "equal_principal"):
        return Terms(method, periods, annual_rate=rate)
    if method == "interest_free":
        return Terms(method, periods)
    if draw(st.booleans()):
        return Terms(method, periods, fee_rate_per_period=rate)
    return Terms(method, periods, fee_rate_total=rate, fee_timing=draw(st.sampled_from(schedule.FEE_TIMINGS)))


def test_phone_of_5999_yuan_over_12_periods_at_18_percent() -> None:
    rows = build(599_900, Terms("equal_installment", 12, annual_rate="0.18"), DAY)
    assert figures(rows)[0] == (46_000, 8_999, 0, 54_999, 553_900)
    assert figures(rows)[1] == (46_690, 8_309, 0, 54_999, 507_210)
    assert figures(rows)[2] == (47_391, 7_608, 0, 54_999, 459_819)
    assert figures(rows)[10] == (53_385, 1_614, 0, 54_999, 54_186)
    assert figures(rows)[11] == (54_186, 813, 0, 54_999, 0)
    assert (rows.total_payment, rows.total_interest, rows.total_fee) == (659_988, 60_088, 0)
    assert [row.due_date.isoformat() for row in rows.rows[:2]] == ["2026-12-23", "2027-01-23"]
    assert rows.rows[-1].due_date == date(2027, 11, 23)


def test_the_same_phone_at_a_flat_fee_of_7_5_percent() -> None:
    rows = build(599_900, Terms("flat_fee", 12, fee_rate_total="0.075", fee_timing="spread"), DAY)
    assert rows.payments == [53_740] * 11 + [53_753]
    assert (rows.total_fee, rows.total_interest) == (44_993, 0)


def test_a_fee_in_the_first_period_or_in_every_period() -> None:
    first = build(200_000, Terms("flat_fee", 3, fee_rate_total="0.023", fee_timing="first_period"), DAY)
    assert [row.fee for row in first.rows] == [4_600, 0, 0]
    every = build(350_000, Terms("flat_fee", 3, fee_rate_per_period="0.0065"), DAY)
    assert [row.fee for row in every.rows] == [2_275] * 3


def test_equal_principal_leaves_the_rest_to_the_last_period() -> None:
    rows = build(100_000, Terms("equal_principal", 3, annual_rate="0.12"), DAY)
    assert figures(rows) == [
        (33_333, 1_000, 0, 34_333, 66_667),
        (33_333, 667, 0, 34_000, 33_334),
        (33_334, 333, 0, 33_667, 0),
    ]


@given(PRINCIPALS, any_terms())
@settings(max_examples=300)
def test_principals_sum_the_last_balance_is_0_and_nothing_is_negative(principal: int, terms: Terms) -> None:
    rows = build(principal, terms, DAY)
    assert rows.principal == principal
    assert rows.rows[-1].balance == 0
    assert rows.total_payment == principal + rows.total_interest + rows.total_fee
    assert [row.period for row in rows.rows] == list(range(1, terms.periods + 1))
    balance = principal
    for row in rows.rows:
        balance -= row.principal
        assert (row.balance, row.payment) == (balance, row.principal + row.interest + row.fee)
        assert min(getattr(row, name) for name in FIGURES) >= 0


def test_six_fen_over_twelve_periods_are_never_repaid_twice() -> None:
    rows = build(6, Terms("equal_installment", 12, annual_rate="0.18"), DAY)
    assert [row.principal for row in rows.rows] == [1] * 6 + [0] * 6


@given(st.integers(100_000, 10_000_000), any_terms())
@settings(max_examples=100)
def test_from_1000_yuan_every_payment_is_positive(principal: int, terms: Terms) -> None:
    assert min(build(principal, terms, DAY).payments) > 0


@given(PRINCIPALS, st.integers(2, 12), st.integers(1, 3600))
@settings(max_examples=150)
def test_interest_and_annuity_are_the_exact_formulas_rounded_half_up(
    principal: int, periods: int, points: int
) -> None:
    monthly = Fraction(points, 120_000)
    rows = build(
        principal, Terms("equal_installment", periods, annual_rate=f"{points / 10_000:.4f}"), DAY
    ).rows
    exact = principal * monthly * (1 + monthly) ** periods / ((1 + monthly) ** periods - 1)
    if rows[-2].balance > 0:
        assert {row.payment for row in rows[:-1]} == {int(exact + Fraction(1, 2))}
    balances = [principal, *(row.balance for row in rows)]
    for row, before in zip(rows, balances, strict=False):
        assert row.interest == int(before * monthly + Fraction(1, 2))


@given(
    st.lists(st.integers(1, 3_000_000), min_size=2, max_size=6),
    any_terms(),
)
@settings(max_examples=150)
def test_any_split_of_captures_sums_exactly_to_the_disclosed_schedule(
    captures: list[int], terms: Terms
) -> None:
    loans, captured = [], 0
    for amount in captures:
        before, captured = captured, captured + amount
        whole = build(captured, terms, DAY)
        loans.append(difference(whole, build(before, terms, DAY)) if before else whole)
        assert loans[-1].principal == amount
        assert loans[-1].rows[-1].balance == 0
    disclosed = figures(build(sum(captures), terms, DAY))
    summed = [tuple(map(sum, zip(*rows, strict=True))) for rows in zip(*map(figures, loans), strict=True)]
    assert summed == disclosed


@given(st.integers(1, 9_000_000), st.integers(100_000, 1_000_000), st.integers(3, 12), st.integers(0, 3600))
@settings(max_examples=200)
def test_a_capture_of_1000_yuan_has_no_negative_figure(
    before: int, amount: int, periods: int, points: int
) -> None:
    for method in ("equal_installment", "equal_principal"):
        terms = Terms(method, periods, annual_rate=f"{points / 10_000:.4f}")
        rows = difference(build(before + amount, terms, DAY), build(before, terms, DAY))
        assert min(min(row) for row in figures(rows)) >= 0


def test_a_capture_takes_the_due_dates_of_its_own_contract_date() -> None:
    terms = Terms("equal_installment", 3, annual_rate="0.18")
    later = difference(build(300_000, terms, date(2026, 12, 1)), build(100_000, terms, DAY))
    assert [row.due_date for row in later.rows] == [date(2027, 1, 1), date(2027, 2, 1), date(2027, 3, 1)]


def test_schedules_of_different_periods_have_no_difference() -> None:
    three, six = (build(100_000, Terms("interest_free", periods), DAY) for periods in (3, 6))
    with pytest.raises(schedule.TermsError, match="same periods"):
        difference(six, three)


@given(st.integers(1, 10_000_000), any_terms(), st.data())
@settings(max_examples=100)
def test_rebuilding_what_is_left_keeps_dates_and_repays_it(
    balance: int, terms: Terms, data: st.DataObject
) -> None:
    first = data.draw(st.integers(1, terms.periods))
    fee = data.draw(st.integers(0, 100_000))
    rows = schedule.rebuild(balance, terms, DAY, first_period=first, fee_fen=fee)
    assert (rows.principal, rows.total_fee, rows.rows[-1].balance) == (balance, fee, 0)
    assert [(row.period, row.due_date) for row in rows.rows] == [
        (period, due_date(DAY, period)) for period in range(first, terms.periods + 1)
    ]


def test_due_dates_are_anchored_on_the_contract_date() -> None:
    found = [due_date(date(2026, 8, 31), period).isoformat() for period in range(7)]
    assert found == [
        "2026-08-31",
        "2026-09-30",
        "2026-10-31",
        "2026-11-30",
        "2026-12-31",
        "2027-01-31",
        "2027-02-28",
    ]
    assert due_date(date(2027, 11, 30), 3) == date(2028, 2, 29)


@given(st.dates(date(2020, 1, 1), date(2090, 1, 1)), st.integers(1, 60))
@settings(max_examples=100)
def test_due_dates_rise_and_never_pass_the_contract_day(contract_date: date, periods: int) -> None:
    days = schedule.due_dates(contract_date, periods)
    assert all(earlier < later for earlier, later in pairwise(days))
    assert all(day.day <= contract_date.day for day in days)


@pytest.mark.parametrize("principal", [1.0, True, "599900", None])
def test_a_principal_of_another_type_is_refused(principal: Any) -> None:
    with pytest.raises(TypeError, match="principal"):
        build(principal, Terms("interest_free", 3), DAY)


@pytest.mark.parametrize("principal", [0, -1])
def test_a_principal_below_1_fen_is_refused(principal: int) -> None:
    with pytest.raises(ValueError, match="principal must be at least 1"):
        build(principal, Terms("interest_free", 3), DAY)
    with pytest.raises(ValueError, match="balance must be at least 0"):
        schedule.repayment_split(-1, Terms("interest_free", 3), 3)


@pytest.mark.parametrize("day", ["2026-11-23", datetime(2026, 11, 23, tzinfo=UTC), None])
def test_a_contract_date_is_a_plain_date(day: Any) -> None:
    with pytest.raises(TypeError, match="contract date"):
        build(100_000, Terms("interest_free", 3), day)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"method": "balloon"}, "method"),
        ({"periods": 0}, "periods"),
        ({"periods": -3}, "periods"),
        ({"periods": 61}, "periods"),
        ({"annual_rate": None}, "requires annual_rate"),
        ({"annual_rate": "NaN"}, "annual_rate"),
        ({"annual_rate": "-0.18"}, "annual_rate"),
        ({"annual_rate": "18"}, "annual_rate"),
        ({"fee_rate_total": "0.01", "fee_timing": "spread"}, "fee"),
        ({"method": "interest_free"}, "does not allow"),
        ({"method": "flat_fee", "annual_rate": None}, "exactly one"),
        ({"method": "flat_fee", "annual_rate": None, "fee_rate_total": "0.01"}, "fee_timing"),
        (
            {
                "method": "flat_fee",
                "annual_rate": None,
                "fee_rate_per_period": "0.01",
                "fee_timing": "spread",
            },
            "cannot be combined",
        ),
    ],
)
def test_terms_that_contradict_themselves_are_refused(given: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Terms(**{"method": "equal_installment", "periods": 12, "annual_rate": "0.18", **given})


@pytest.mark.parametrize("given", [{"annual_rate": 0.18}, {"periods": 12.0}, {"periods": True}])
def test_terms_take_no_floats_and_no_bools(given: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        Terms(**{"method": "equal_installment", "periods": 12, "annual_rate": "0.18", **given})
