"""Turn an ``Application`` into the row of numbers both models read.

Pure and scalar: training rows and live requests pass through the same function, so they cannot drift apart.
A source that is not known becomes NaN, and the trees learned which way to send it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from scoring.application import Application

NAN: Final = float("nan")
NIGHT_HOURS: Final = range(6)
"""00:00 to 05:59 Shanghai, outside the two-peak shopping day."""


@dataclass(frozen=True, slots=True)
class Feature:
    """One column: its name (unit last) and the direction each model must keep.

    ``fraud`` and ``credit`` are +1 (risk never falls as the value rises), -1 (never rises), 0 (free) or None
    (not in the model).
    """

    name: str
    fraud: int | None
    credit: int | None


FEATURES: Final[tuple[Feature, ...]] = (
    Feature("financed_yuan", +1, +1),
    Feature("down_payment_share", -1, -1),
    Feature("term", 0, +1),
    Feature("category_3c", 0, 0),
    Feature("category_furnishing", 0, 0),
    Feature("category_tuition", 0, 0),
    Feature("item_count", +1, None),
    Feature("instalment_to_income", None, +1),
    Feature("obligations_to_income", None, +1),
    Feature("declared_monthly_income_yuan", None, -1),
    Feature("at_night", +1, None),
    Feature("checkout_seconds", -1, None),
    Feature("merchant_age_days", -1, None),
    Feature("phone_age_months", -1, -1),
    Feature("minutes_since_phone_verified", -1, None),
    Feature("shipping_matches_known_region", -1, None),
    Feature("prior_on_time_instalments", -1, -1),
    Feature("prior_late_instalments", None, +1),
    Feature("late_share", None, +1),
    Feature("max_delinquency_days", None, +1),
    Feature("open_principal_yuan", None, +1),
    Feature("bureau_queries_3m", +1, +1),
    Feature("bureau_lenders", None, +1),
    Feature("utilisation", None, +1),
    Feature("applications_on_device_24h", +1, None),
    Feature("applications_on_phone_24h", +1, None),
    Feature("applications_on_address_30d", +1, None),
    Feature("new_applicants_on_device_24h", +1, None),
    Feature("applicants_on_device_30d", +1, None),
    Feature("applicants_on_card_30d", +1, None),
    Feature("linked_known_bad_share", +1, None),
    Feature("linked_component_size", +1, None),
)
FEATURE_NAMES: Final[tuple[str, ...]] = tuple(feature.name for feature in FEATURES)
Model = Literal["fraud", "credit"]
MODELS: Final[tuple[Model, ...]] = ("fraud", "credit")


def model_columns(model: Model) -> tuple[int, ...]:
    """Positions in the full row of the features that ``model`` ('fraud' or 'credit') may split on."""
    return tuple(index for index, feature in enumerate(FEATURES) if getattr(feature, model) is not None)


def monotone_constraints(model: Model) -> tuple[int, ...]:
    """Directions of ``model``'s own columns, in the order of ``model_columns``."""
    return tuple(getattr(FEATURES[index], model) for index in model_columns(model))


def feature_row(application: Application) -> tuple[float, ...]:
    """The features of one application in the order of ``FEATURE_NAMES``.

    Money in yuan, shares as 0..1, NaN for unknown.
    """
    a = application
    income = None if a.declared_monthly_income_fen is None else max(100, a.declared_monthly_income_fen)
    on_time, late = a.prior_on_time_instalments, a.prior_late_instalments
    return (
        a.financed_fen / 100,
        a.down_payment_fen / a.amount_fen,
        float(a.term),
        float(a.category == "3c"),
        float(a.category == "furnishing"),
        float(a.category == "education"),
        _number(a.item_count),
        NAN if income is None else a.largest_instalment_fen / income,
        NAN if income is None or a.monthly_obligations_fen is None else a.monthly_obligations_fen / income,
        NAN if a.declared_monthly_income_fen is None else a.declared_monthly_income_fen / 100,
        NAN if a.hour_of_day is None else float(a.hour_of_day in NIGHT_HOURS),
        _number(a.checkout_seconds),
        _number(a.merchant_age_days),
        _number(a.phone_age_months),
        _number(a.minutes_since_phone_verified),
        _number(a.shipping_matches_known_region),
        _number(on_time),
        _number(late),
        NAN if on_time is None or late is None else late / max(1, on_time + late),
        _number(a.max_delinquency_days),
        NAN if a.open_principal_fen is None else a.open_principal_fen / 100,
        _number(a.bureau_queries_3m),
        _number(a.bureau_lenders),
        _number(a.utilisation),
        _number(a.applications_on_device_24h),
        _number(a.applications_on_phone_24h),
        _number(a.applications_on_address_30d),
        _number(a.new_applicants_on_device_24h),
        _number(a.applicants_on_device_30d),
        _number(a.applicants_on_card_30d),
        _number(a.linked_known_bad_share),
        _number(a.linked_component_size),
    )


def feature_vector(application: Application) -> NDArray[np.float32]:
    """One application as a float32 array of shape (1, features), ready for a model session."""
    return np.array([feature_row(application)], dtype=np.float32)


def feature_matrix(applications: Iterable[Application]) -> NDArray[np.float32]:
    """Many applications as a float32 array of shape (applications, features)."""
    rows = [feature_row(application) for application in applications]
    return np.array(rows, dtype=np.float32).reshape(len(rows), len(FEATURES))


def _number(value: float | None) -> float:
    return NAN if value is None else float(value)
