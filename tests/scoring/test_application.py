from __future__ import annotations

import pytest

from scoring.application import PROTECTED_ATTRIBUTES, Application
from scoring.errors import InvalidApplication


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("amount_fen", 0),
        ("amount_fen", 5999.0),
        ("amount_fen", True),
        ("amount_fen", None),
        ("term", 0),
        ("term", 37),
        ("category", ""),
        ("down_payment_fen", 599_900),
        ("down_payment_fen", -1),
        ("hour_of_day", 24),
        ("prior_late_instalments", -1),
        ("utilisation", float("nan")),
        ("utilisation", -0.1),
        ("applications_on_device_24h", 0),
        ("shipping_matches_known_region", 1),
    ],
)
def test_a_value_outside_its_range_is_refused_by_name(an_application, field, value):
    with pytest.raises(InvalidApplication) as refused:
        an_application(**{field: value})
    assert refused.value.field == field
    assert field in str(refused.value)


def test_only_the_order_is_mandatory():
    application = Application(amount_fen=599_900, term=3, category="other")
    assert application.prior_loans is None
    assert application.financed_fen == 599_900


def test_largest_instalment_is_rounded_up_when_no_plan_is_given(an_application):
    assert an_application(amount_fen=100_000, term=3).largest_instalment_fen == 33_334
    assert an_application(amount_fen=100_000, term=3, instalment_fen=35_000).largest_instalment_fen == 35_000


def test_the_down_payment_is_not_financed(an_application):
    assert an_application(amount_fen=500_000, down_payment_fen=100_000).financed_fen == 400_000


def test_no_field_holds_a_protected_attribute():
    fields = set(Application.__dataclass_fields__)
    assert not fields & PROTECTED_ATTRIBUTES
    assert not [f for f in fields if f.startswith(("applicant_", "shopper_", "person_", "id_", "birth_"))]
