"""The dated tables of ceilings: which rule and which LPR hold on a day."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from gateway.core import cost_ceiling
from gateway.core.cost_ceiling import BASES, NoRule, Rule, prime_rate, rule_for


@pytest.mark.parametrize(
    ("funder_type", "on", "ceiling"),
    [
        ("bank", date(2025, 10, 1), "0.24"),
        ("bank", date(2029, 1, 1), "0.24"),
        ("consumer_finance", date(2026, 11, 23), "0.20"),
        ("small_loan", date(2027, 12, 30), "0.24"),
        ("small_loan", date(2027, 12, 31), "0.12"),
    ],
)
def test_the_ceiling_of_a_day(funder_type: str, on: date, ceiling: str) -> None:
    assert rule_for(funder_type, on).ceiling(on) == Decimal(ceiling)


def test_a_multiple_of_the_prime_rate_follows_the_prime_rate() -> None:
    rule = Rule("small_loan", date(2024, 1, 1), "test", lpr_multiple=4)
    assert rule.ceiling(date(2025, 5, 19)) == Decimal("0.124")
    assert rule.ceiling(date(2025, 5, 20)) == Decimal("0.12")


def test_before_the_first_known_prime_rate_nothing_is_lent() -> None:
    assert prime_rate(date(2024, 10, 21)) == Decimal("0.031")
    with pytest.raises(NoRule, match="no one-year LPR is known on 2024-10-20"):
        prime_rate(date(2024, 10, 20))


def test_the_tables_are_in_order_and_each_rule_has_one_kind_of_ceiling() -> None:
    days = [rate.since for rate in cost_ceiling.PRIME_RATES]
    assert days == sorted(set(days))
    for rule in cost_ceiling.RULES:
        assert (rule.fixed is None) != (rule.lpr_multiple is None)
        assert rule.source


def test_a_schedule_is_tested_on_the_bases_the_lender_names() -> None:
    """12.5 % flat over 12 months is 22.3 % nominal and 24.7 % effective."""
    payments = [93_750] * 12
    found = {
        name: cost_ceiling.check(
            1_000_000, payments, funder_type="bank", on=date(2026, 11, 23), bases=bases
        ).allowed
        for name, bases in BASES.items()
    }
    assert found == {"nominal": True, "effective": False, "both": False}
