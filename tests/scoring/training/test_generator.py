from __future__ import annotations

import numpy as np
import pytest

from scoring.training.generator import generate


def test_the_same_seed_gives_the_same_population():
    first, second, other = generate(500, seed=5), generate(500, seed=5), generate(500, seed=6)
    assert list(first.applications()) == list(second.applications())
    np.testing.assert_array_equal(first.fraud, second.fraud)
    np.testing.assert_array_equal(first.default, second.default)
    assert list(first.applications()) != list(other.applications())


def test_rates_are_of_the_stated_order(population):
    assert 0.008 < population.fraud.mean() < 0.012
    assert 0.034 < population.default[~population.fraud].mean() < 0.048
    assert not population.default[population.fraud].any()


def test_every_generated_row_is_a_valid_application(population):
    rows = [row for _, row in zip(range(3_000), population.applications(), strict=False)]
    assert len(rows) == 3_000
    assert {row.category for row in rows} == {"3c", "furnishing", "education", "other"}
    assert all(type(row.amount_fen) is int for row in rows)


def test_sources_are_missing_as_a_block(population):
    columns = population.columns
    np.testing.assert_array_equal(np.isnan(columns["bureau_lenders"]), np.isnan(columns["utilisation"]))
    assert 0.3 < np.isnan(columns["bureau_lenders"]).mean() < 0.5
    assert np.isnan(columns["prior_loans"]).mean() < 0.05


def test_a_population_needs_a_row():
    with pytest.raises(ValueError, match="rows"):
        generate(0, seed=1)
