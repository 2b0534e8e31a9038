"""The network: monotone by construction, contributions that add up, the same answers from the stored arrays."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring import network
from scoring.metrics import area_under_curve
from scoring.network import Network

ROWS = 6_000
COLUMNS, DIRECTIONS = (0, 2, 3), (1, -1, 0)


@pytest.fixture(scope="module")
def world():
    random = np.random.default_rng(4)
    rows = random.gamma(2.0, 20.0, (ROWS, 4)).astype(np.float32)
    logit = -1 + 0.04 * rows[:, 0] - 0.5 * np.log1p(rows[:, 2]) + np.sin(rows[:, 3] / 15)
    bad = random.random(ROWS) < 1 / (1 + np.exp(-logit))
    rows[random.random((ROWS, 4)) < 0.1] = np.nan
    return rows, bad


@pytest.fixture(scope="module")
def fitted(world):
    return network.fit(*world, COLUMNS, DIRECTIONS, seed=3)  # type: ignore[call-arg]


def test_it_learns(world, fitted):
    rows, bad = world
    assert area_under_curve(bad, fitted.logits(rows)) > 0.70


@settings(max_examples=150)
@given(
    row=st.lists(st.none() | st.floats(0, 1e6, width=32), min_size=4, max_size=4),
    column=st.sampled_from((0, 2)),
    values=st.tuples(st.floats(0, 1e6, width=32), st.floats(0, 1e6, width=32)),
)
def test_the_answer_moves_only_in_the_stated_direction(fitted, row, column, values):
    low, high = (np.array([[np.nan if v is None else v for v in row]], dtype=np.float32) for _ in range(2))
    low[0, column], high[0, column] = sorted(values)
    direction = DIRECTIONS[COLUMNS.index(column)]
    assert direction * (fitted.logits(high)[0] - fitted.logits(low)[0]) >= -1e-9


def test_contributions_add_up_and_name_no_other_column(world, fitted):
    rows, _ = world
    for row in rows[:200]:
        found = fitted.contributions(row)
        assert found.logit == pytest.approx(fitted.logits(row[None])[0], abs=1e-6)
        assert found.values[1] == 0


def test_a_column_outside_the_model_does_not_move_it(world, fitted):
    rows = world[0][:100].copy()
    rows[:, 1] = 1e6
    np.testing.assert_array_equal(fitted.logits(rows), fitted.logits(world[0][:100]))


def test_stored_arrays_answer_alike_and_the_same_seed_learns_alike(world, fitted):
    rows, bad = world
    stored = Network.from_arrays(fitted.arrays())
    np.testing.assert_array_equal(stored.logits(rows), fitted.logits(rows))
    again = network.fit(rows, bad, COLUMNS, DIRECTIONS, seed=3)
    np.testing.assert_array_equal(again.logits(rows), fitted.logits(rows))
