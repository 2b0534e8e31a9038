"""Prices: from 15.3 % for the best to 18.0 %, monotone, the same for the same features."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from scoring.application import Application
from scoring.policy import DEFAULT_POLICY
from scoring.pricing import break_even_bp, price

ORDER = Application(amount_fen=599_900, term=12, category="3c")


def test_the_tiers_run_from_153_to_180_tenths_of_a_percent(some_scores):
    found = {
        score: price(ORDER, some_scores(credit_score=score, default_probability=0.005)).annual_rate_bp
        for score in (720, 680, 640, 600, 599)
    }
    assert found == {720: 1_530, 680: 1_602, 640: 1_674, 600: 1_746, 599: 1_800}


@settings(max_examples=200)
@given(
    scores=st.tuples(st.integers(300, 850), st.integers(300, 850)),
    chances=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    term=st.integers(1, 36),
    on_time=st.none() | st.integers(0, 40),
    late=st.none() | st.integers(0, 5),
)
def test_a_better_score_and_a_better_record_never_cost_more(scores, chances, term, on_time, late):
    order = replace(ORDER, term=term, prior_on_time_instalments=on_time, prior_late_instalments=late)
    (low, high), (less, more) = sorted(scores), sorted(chances)
    better = price(order, with_scores(high, less)).annual_rate_bp
    assert 1_530 <= better <= price(order, with_scores(low, more)).annual_rate_bp <= 1_800
    returning = replace(order, prior_on_time_instalments=(on_time or 0) + 6, prior_late_instalments=0)
    assert price(returning, with_scores(high, less)).annual_rate_bp <= better


def test_lifetime_value_lowers_by_one_tier_and_no_further(some_scores):
    loyal = replace(ORDER, prior_on_time_instalments=24, prior_late_instalments=0)
    scores = some_scores(credit_score=650, default_probability=0.005)
    assert (price(ORDER, scores).tier, price(loyal, scores).tier) == ("C", "B")
    best = some_scores(credit_score=800, default_probability=0.002)
    assert price(loyal, best) == price(ORDER, best)
    assert price(replace(loyal, prior_late_instalments=1), scores).tier == "C"


def test_nothing_but_scores_term_and_record_moves_the_price(some_scores):
    other = replace(
        ORDER, amount_fen=99_900, category="education", hour_of_day=3, declared_monthly_income_fen=5_000_000,
        energy_grade=1, phone_age_months=2, listed="trusted",
    )  # fmt: skip
    assert price(other, some_scores()) == price(ORDER, some_scores())


def test_no_price_is_below_what_the_loan_costs(some_scores):
    """Three instalments are owed for two months on average, so a loss weighs six times as much as over a year."""
    risky = some_scores(credit_score=800, default_probability=0.07)
    assert float(break_even_bp(0.07, 3)) == 700 + 0.07 * 0.36 * 6 * 10_000
    assert price(replace(ORDER, term=3), risky).annual_rate_bp == 1_800
    assert price(ORDER, risky).annual_rate_bp == 1_530


def with_scores(credit_score, default_probability):
    from scoring.scores import ModelIdentity, Scores  # noqa: PLC0415

    identity = ModelIdentity("fenqi", "test", "0" * 64)
    return Scores(0.01, 50.0, default_probability, credit_score, (), (), identity, 0)


def test_the_base_rate_is_below_the_ceilings_of_every_funder():
    assert DEFAULT_POLICY.base_rate_bp <= 2_000
