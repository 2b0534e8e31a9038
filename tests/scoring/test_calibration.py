from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring.calibration import PercentScale, Platt, credit_score, sigmoid

LOGITS = st.floats(-40, 40)
PROBABILITIES = st.floats(0, 1)
SCALE = PercentScale.fit(np.random.default_rng(1).beta(1, 80, 20_000))


def test_600_is_20_to_1_and_50_points_double_the_odds():
    assert credit_score(-math.log(20)) == 600
    assert credit_score(-math.log(40)) == 650
    assert credit_score(-math.log(10)) == 550


@settings(max_examples=200)
@given(LOGITS, LOGITS)
def test_credit_score_never_rises_with_the_risk_and_stays_in_range(first, second):
    low, high = sorted((first, second))
    assert 300 <= credit_score(high) <= credit_score(low) <= 850


@settings(max_examples=200)
@given(PROBABILITIES, PROBABILITIES)
def test_fraud_score_never_falls_with_the_probability(first, second):
    low, high = sorted((first, second))
    assert 0 <= SCALE.score(low) <= SCALE.score(high) <= 100


def test_fraud_score_is_a_percentile_of_the_reference():
    reference = np.random.default_rng(1).beta(1, 80, 20_000)
    assert SCALE.score(float(np.quantile(reference, 0.9))) == pytest.approx(90, abs=0.1)
    assert (SCALE.score(0.0), SCALE.score(1.0)) == (0, 100)


def test_platt_recovers_the_line_that_made_the_labels():
    rng = np.random.default_rng(2)
    logits = rng.normal(-2, 1.5, 200_000)
    bad = rng.random(200_000) < 1 / (1 + np.exp(-(0.7 * logits - 0.4)))
    fitted = Platt.fit(logits, bad)
    assert fitted.slope == pytest.approx(0.7, abs=0.03)
    assert fitted.intercept == pytest.approx(-0.4, abs=0.05)


def test_scores_that_fall_with_the_bad_rate_are_refused():
    rng = np.random.default_rng(2)
    logits = rng.normal(0, 1, 5_000)
    with pytest.raises(ValueError, match="not usable"):
        Platt.fit(logits, rng.random(5_000) < 1 / (1 + np.exp(logits)))


def test_sigmoid_does_not_overflow():
    assert sigmoid(-1_000) == 0
    assert sigmoid(1_000) == 1
    assert sigmoid(0) == 0.5
