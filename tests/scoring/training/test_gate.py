"""The gate: a blend that is proved passes, one that is not does not, and a challenger has no part in it."""

from __future__ import annotations

import numpy as np
import pytest

from scoring.training.gate import Gate, blend, judge, stratified


@pytest.fixture(scope="module")
def world():
    random = np.random.default_rng(8)
    truth = random.normal(0, 1, 8_000)
    bad = random.random(8_000) < 1 / (1 + np.exp(2 - 1.5 * truth))
    return truth, bad, stratified(bad, 5, 1), random


def test_two_learners_with_errors_of_their_own_are_better_together(world):
    truth, bad, fold, random = world
    noisy = {name: truth + random.normal(0, 1, 8_000) for name in ("trees", "network")}
    gate = judge(noisy, bad, fold)
    assert gate.passed
    assert gate.weights == gate.best
    assert 0.2 < gate.weights["network"] < 0.8
    assert sum(gate.weights.values()) == pytest.approx(1)


def test_a_learner_that_knows_nothing_more_is_left_out(world):
    truth, bad, fold, random = world
    gate = judge({"trees": truth, "network": random.normal(0, 1, 8_000)}, bad, fold)
    assert not gate.passed
    assert gate.weights == {"trees": 1.0, "network": 0.0}


def test_a_challenger_is_measured_and_never_served(world):
    truth, bad, fold, _ = world
    gate = judge(
        {"trees": np.zeros(8_000), "network": np.zeros(8_000), "logistic": truth},
        bad,
        fold,
        challenger="logistic",
    )
    assert gate.alone["logistic"] > 0.75
    assert set(gate.weights) == {"trees", "network"}


def test_a_gain_of_one_standard_error_is_not_more_than_one():
    alone = {"trees": 0.7, "network": 0.69}
    assert not Gate(alone, {"trees": 0.5, "network": 0.5}, gain=0.002, standard_error=0.002).passed


def test_folds_hold_the_bad_rows_evenly(world):
    _, bad, fold, _ = world
    shares = [bad[fold == number].mean() for number in range(5)]
    assert max(shares) - min(shares) < 0.001
    assert blend({"trees": 1.0, "network": 0.0}, {"trees": np.ones(3)}).tolist() == [1, 1, 1]
