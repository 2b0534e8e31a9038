from __future__ import annotations

import math

import numpy as np
import pytest

from scoring.application import PROTECTED_ATTRIBUTES, Application
from scoring.features import (
    FEATURE_NAMES,
    FEATURES,
    MODELS,
    feature_matrix,
    feature_row,
    feature_vector,
    model_columns,
    monotone_constraints,
)

REVIEWED = {
    "financed_yuan", "down_payment_share", "term", "category_3c", "category_furnishing", "category_tuition",
    "item_count", "instalment_to_income", "obligations_to_income", "declared_monthly_income_yuan", "at_night",
    "checkout_seconds", "merchant_age_days", "phone_age_months", "minutes_since_phone_verified",
    "shipping_matches_known_region", "prior_on_time_instalments", "prior_late_instalments", "late_share",
    "max_delinquency_days", "open_principal_yuan", "bureau_queries_3m", "bureau_lenders", "utilisation",
    "applications_on_device_24h", "applications_on_phone_24h", "applications_on_address_30d",
    "new_applicants_on_device_24h", "applicants_on_device_30d", "applicants_on_card_30d", "linked_known_bad_share",
    "linked_component_size",
}  # fmt: skip
"""Looked at one by one for what they say about sex, age, origin or health; a new one joins after a look."""


def named(application: Application) -> dict[str, float]:
    return dict(zip(FEATURE_NAMES, feature_row(application), strict=True))


def test_every_feature_was_reviewed_and_none_is_protected():
    assert set(FEATURE_NAMES) == REVIEWED
    assert not REVIEWED & PROTECTED_ATTRIBUTES
    assert len(set(FEATURE_NAMES)) == len(FEATURE_NAMES)


def test_units_and_ratios(an_application):
    row = named(
        an_application(
            amount_fen=1_000_000,
            down_payment_fen=200_000,
            term=4,
            monthly_obligations_fen=160_000,
            prior_on_time_instalments=3,
            prior_late_instalments=1,
            shipping_matches_known_region=False,
        )
    )
    assert row["financed_yuan"] == 8_000
    assert row["down_payment_share"] == pytest.approx(0.2)
    assert row["instalment_to_income"] == pytest.approx(0.25)
    assert row["obligations_to_income"] == pytest.approx(0.2)
    assert row["late_share"] == pytest.approx(0.25)
    assert row["shipping_matches_known_region"] == 0
    assert (row["category_3c"], row["category_tuition"]) == (1, 0)


def test_unknown_is_missing_and_never_zero():
    row = named(Application(amount_fen=100_000, term=3, category="other"))
    known = {
        "financed_yuan",
        "down_payment_share",
        "term",
        "category_3c",
        "category_furnishing",
        "category_tuition",
    }
    assert {name for name, value in row.items() if not math.isnan(value)} == known


@pytest.mark.parametrize(("hour", "night"), [(0, 1), (5, 1), (6, 0), (23, 0)])
def test_night_is_midnight_to_six_in_shanghai(an_application, hour, night):
    assert named(an_application(hour_of_day=hour))["at_night"] == night


def test_a_declared_income_of_zero_is_the_heaviest_burden_not_an_unknown(an_application):
    ratio = named(an_application(declared_monthly_income_fen=0))["instalment_to_income"]
    assert ratio >= named(an_application(declared_monthly_income_fen=100))["instalment_to_income"]


def test_one_row_and_many_rows_agree(some):
    matrix = feature_matrix(some[:50])
    assert matrix.dtype == np.float32
    for index, application in enumerate(some[:50]):
        np.testing.assert_array_equal(feature_vector(application)[0], matrix[index])


@pytest.mark.parametrize("model", MODELS)
def test_each_model_states_a_direction_for_each_of_its_columns(model):
    columns = model_columns(model)
    assert len(columns) == len(monotone_constraints(model)) > 10
    assert all(getattr(FEATURES[column], model) in (-1, 0, 1) for column in columns)
