from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from scoring.application import Application
from scoring.features import feature_matrix
from scoring.reasons import Reason
from scoring.scorer import Scorer
from scoring.scores import ModelIdentity, Scores
from scoring.training.generator import Population, generate

NEW_SHOPPER: dict[str, Any] = {
    "amount_fen": 599_900,
    "term": 12,
    "category": "3c",
    "item_count": 1,
    "hour_of_day": 20,
    "merchant_age_days": 200,
    "declared_monthly_income_fen": 800_000,
    "minutes_since_phone_verified": 3,
    "checkout_seconds": 140,
    "prior_loans": 0,
    "prior_on_time_instalments": 0,
    "prior_late_instalments": 0,
    "max_delinquency_days": 0,
    "open_principal_fen": 0,
    "applications_on_device_24h": 1,
    "applications_on_phone_24h": 1,
}
"""An ordinary new shopper with a phone for 5,999 yuan, as a gateway without outside sources sees them."""


@pytest.fixture(scope="session")
def scorer() -> Scorer:
    """The packaged bundle."""
    return Scorer.load()


@pytest.fixture(scope="session")
def population() -> Population:
    """Applications no bundle was trained on."""
    return generate(40_000, seed=987_654)


@pytest.fixture(scope="session")
def some(population: Population) -> tuple[Application, ...]:
    """The first five hundred of them, as a gateway passes them."""
    return tuple(islice(population.applications(), 500))


@pytest.fixture(scope="session")
def matrix(population: Population) -> NDArray[np.float32]:
    """The features of the whole population."""
    return feature_matrix(population.applications())


@pytest.fixture
def an_application() -> Callable[..., Application]:
    """Build the ordinary new shopper with some fields changed."""
    return lambda **changes: Application(**(NEW_SHOPPER | changes))


@pytest.fixture
def some_scores() -> Callable[..., Scores]:
    """Build good scores with some fields changed."""

    def build(**changes: Any) -> Scores:
        good: dict[str, Any] = {
            "fraud_probability": 0.004,
            "fraud_score": 50.0,
            "default_probability": 0.03,
            "credit_score": 634,
            "fraud_reasons": (Reason("device_shared", "甲", "a", "fraud", False, 1.5),),
            "credit_reasons": (Reason("late_payments", "乙", "b", "credit", True, 0.7),),
            "model": ModelIdentity("fenqi", "test", "0" * 64),
            "latency_us": 30,
        }
        return Scores(**(good | changes))

    return build
