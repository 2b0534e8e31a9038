from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring.calibration import (
    Isotonic,
    PercentScale,
    Platt,
    calibration_of,
    credit_score,
    fit_calibration,
    sigmoid,
)
from scoring.metrics import expected_calibration_error

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


def crooked(rows):
    """Logits whose chances no straight line gives: level, then steep."""
    random = np.random.default_rng(6)
    logits = random.normal(0, 2, rows)
    chance = np.where(logits < 0, 0.1, np.minimum(0.1 + logits / 4, 0.9))
    return logits, random.random(rows) < chance


def test_isotonic_regression_follows_a_shape_that_platt_scaling_cannot():
    logits, bad = crooked(40_000)
    unseen, outcome = crooked(80_001)
    found = {
        kind: expected_calibration_error(outcome, kind.fit(logits, bad).probabilities(unseen))
        for kind in (Isotonic, Platt)
    }
    assert found[Isotonic] < 0.012
    assert found[Platt] > 0.03


@settings(max_examples=100)
@given(st.lists(st.tuples(st.floats(-20, 20), st.booleans()), min_size=2, max_size=80), LOGITS, LOGITS)
def test_isotonic_chances_never_fall_and_are_never_certain(pairs, first, second):
    logits, bad = np.array([p[0] for p in pairs]), np.array([p[1] for p in pairs])
    fitted = Isotonic.fit(logits, bad)
    low, high = fitted.probabilities(np.array(sorted((first, second))))
    assert 0 <= low <= high <= 1


def test_few_bads_are_calibrated_by_two_numbers():
    logits, bad = crooked(2_000)
    assert isinstance(fit_calibration(logits, bad), Platt)
    logits, bad = crooked(20_000)
    fitted = fit_calibration(logits, bad)
    assert isinstance(fitted, Isotonic)
    np.testing.assert_array_equal(
        calibration_of(fitted.as_json()).probabilities(logits), fitted.probabilities(logits)
    )


@pytest.mark.parametrize("order", ["as drawn", "good first", "bad first"])
def test_isotonic_regression_gives_rows_of_one_logit_their_rate_in_whatever_order(order):
    logits = np.repeat([-3.0, -1.0], 20_000)
    bad = np.random.default_rng(3).random(40_000) < np.repeat([0.05, 0.20], 20_000)
    rows = np.arange(40_000) if order == "as drawn" else np.argsort(bad if order == "good first" else ~bad)
    fitted = Isotonic.fit(logits[rows], bad[rows])
    expected = [bad[:20_000].mean(), bad[20_000:].mean()]
    assert fitted.probabilities(np.array([-3.0, -1.0])) == pytest.approx(expected, abs=1e-4)
