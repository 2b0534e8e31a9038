"""The index: nought for the same, the same for any order, more for more, silent with few cases."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring.governance.psi import FEWEST, Reference


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), gaps=st.floats(0, 0.5), levels=st.sampled_from((2, 5, 1_000)))
def test_the_same_values_have_not_moved_in_whatever_order(seed, gaps, levels):
    random = np.random.default_rng(seed)
    values = np.floor(random.random(800) * levels)
    values[random.random(800) < gaps] = np.nan
    reference = Reference.of(values)
    assert reference.index(values).psi == pytest.approx(0, abs=1e-12)
    other = random.permutation(np.floor(random.random(900) ** 2 * levels))
    assert reference.index(other).psi == pytest.approx(reference.index(other[::-1]).psi)
    assert reference.index(other).psi >= 0  # type: ignore[operator]


def test_the_index_is_the_sum_of_its_definition():
    then = np.repeat([1.0, 2.0], [500, 500])
    now = np.repeat([1.0, 2.0], [800, 200])
    expected = 0.3 * math.log(0.8 / 0.5) - 0.3 * math.log(0.2 / 0.5)
    assert Reference.of(then).index(now).psi == pytest.approx(expected)


def test_a_normal_score_that_moves_is_watched_and_then_an_alarm():
    random = np.random.default_rng(5)
    reference = Reference.of(random.normal(0, 1, 20_000))
    found = {shift: reference.index(random.normal(shift, 1, 5_000)) for shift in (0.0, 0.4, 0.8)}
    assert [found[shift].status for shift in (0.0, 0.4, 0.8)] == ["ok", "watch", "alarm"]


def test_missing_values_have_a_bin_of_their_own():
    random = np.random.default_rng(6)
    values = random.normal(0, 1, 4_000)
    half_missing = np.where(random.random(4_000) < 0.5, np.nan, values)
    assert Reference.of(values).index(half_missing).status == "alarm"
    assert Reference.of(np.full(1_000, np.nan)).index(np.full(1_000, np.nan)).psi == 0


def test_without_change_chance_alone_stays_below_the_watch_line():
    random = np.random.default_rng(7)

    def drawn():
        return random.normal(0, 1, FEWEST)

    found = np.array([Reference.of(drawn()).index(drawn()).psi for _ in range(400)])
    assert found.mean() == pytest.approx(9 * 2 / FEWEST, rel=0.25)
    assert (found >= 0.10).mean() < 0.02


def test_too_few_cases_are_said_to_be_too_few():
    values = np.arange(FEWEST - 1, dtype=float)
    drift = Reference.of(values).index(values + 1_000)
    assert (drift.psi, drift.status) == (None, "too few")
    with pytest.raises(ValueError, match="at least one"):
        Reference.of(np.array([]))


def test_a_frequent_value_has_its_own_bin_also_at_the_top():
    then = np.repeat([3.0, 12.0], [50, 950])
    now = np.repeat([3.0, 12.0], [700, 300])
    expected = 0.65 * math.log(0.70 / 0.05) - 0.65 * math.log(0.30 / 0.95)
    assert Reference.of(then).index(now).psi == pytest.approx(expected)


@pytest.mark.parametrize(("then", "now"), [(1.0, 0.0), (0.0, 1.0), (-1.0, -1e9), (1.0, math.nan)])
def test_a_constant_that_moves_is_an_alarm_in_whichever_direction(then, now):
    found = Reference.of(np.full(1_200, then)).index(np.full(1_200, now))
    assert found.status == "alarm"


def test_a_part_that_falls_below_everything_known_is_seen():
    random = np.random.default_rng(8)
    then = random.random(5_000)
    now = np.where(random.random(5_000) < 0.08, -3.0, random.random(5_000))
    assert Reference.of(then).index(now).status == "alarm"
    assert Reference.of(then).index(random.random(5_000)).status == "ok"
