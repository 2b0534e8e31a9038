from __future__ import annotations

import numpy as np
import pytest

from scoring import metrics

BAD = np.array([False, False, True, False, True])
SCORE = np.array([0.1, 0.4, 0.35, 0.2, 0.8])


def test_area_under_curve_counts_ordered_pairs_and_halves_ties():
    assert metrics.area_under_curve(BAD, SCORE) == pytest.approx(5 / 6)
    assert metrics.area_under_curve(BAD, np.ones(5)) == pytest.approx(0.5)


def test_average_precision_by_hand():
    assert metrics.average_precision(BAD, SCORE) == pytest.approx((1 / 1 + 2 / 3) / 2)


def test_kolmogorov_smirnov_by_hand():
    assert metrics.kolmogorov_smirnov(BAD, SCORE) == pytest.approx(2 / 3)


def test_recall_at_a_false_positive_rate():
    good = np.linspace(0, 1, 101)
    score = np.concatenate([good, [0.995, 0.5]])
    bad = np.concatenate([np.zeros(101, dtype=bool), [True, True]])
    assert metrics.recall_at(bad, score, 0.01) == pytest.approx(0.5)


def test_calibration_error_and_brier_by_hand():
    bad = np.array([True, False, True, True])
    probability = np.array([0.2, 0.2, 0.9, 0.9])
    assert metrics.expected_calibration_error(bad, probability, bins=2) == pytest.approx((0.3 + 0.1) / 2)
    assert metrics.brier(bad, probability) == pytest.approx((0.64 + 0.04 + 0.01 + 0.01) / 4)


def test_the_calibration_error_of_true_probabilities_is_foretold():
    rng = np.random.default_rng(7)
    probability = rng.beta(1, 4, 2_000)
    drawn = [
        metrics.expected_calibration_error(rng.random(2_000) < probability, probability) for _ in range(200)
    ]
    assert metrics.calibration_error_by_chance(probability) == pytest.approx(np.mean(drawn), rel=0.05)


def test_bad_rate_ratio_compares_with_approving_everybody():
    assert metrics.bad_rate_ratio(BAD, SCORE, 0.6) == pytest.approx((1 / 3) / (2 / 5))


def test_metrics_agree_with_scikit_learn():
    sklearn_metrics = pytest.importorskip("sklearn.metrics", reason="scikit-learn is the second opinion")
    rng = np.random.default_rng(3)
    bad = rng.random(500) < 0.2
    score = np.round(rng.random(500) + 0.3 * bad, 2)
    assert metrics.area_under_curve(bad, score) == pytest.approx(sklearn_metrics.roc_auc_score(bad, score))
    assert metrics.average_precision(bad, score) == pytest.approx(
        sklearn_metrics.average_precision_score(bad, score)
    )


def test_which_of_equal_probabilities_comes_first_makes_no_difference():
    probability = np.full(1_000, 0.2)
    for bad in (np.arange(1_000) < 200, np.arange(1_000) >= 800):
        assert metrics.expected_calibration_error(bad, probability) == pytest.approx(0, abs=1e-12)
        assert metrics.bad_rate_ratio(bad, probability, 0.7) == pytest.approx(1)
