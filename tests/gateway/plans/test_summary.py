"""One plan is summed up alike by the gateway, the portal and the snippet: one file of cases holds all three."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.plans import summary
from merchant_portal.wording import plan_summary

CASES = Path(__file__).parents[3] / "sdk/js-snippet/test/plan-summaries.json"


@pytest.mark.parametrize("case", json.loads(CASES.read_text("utf-8")), ids=lambda case: case["name"])
def test_golden_cases(case: dict[str, Any]) -> None:
    found = summary.of_payments(case["payments"])
    assert asdict(found) | {"even": found.even} == case["summary"]
    assert plan_summary({"schedule": [{"payment": fen} for fen in case["payments"]]}) == case["summary"]


@given(st.lists(st.integers(1, 10**7), min_size=3, max_size=12))
def test_term_times_payment_is_said_only_where_it_is_the_total(payments: list[int]) -> None:
    found = summary.of_payments(payments)
    assert found.even == (len(set(payments)) == 1)
    if found.even:
        assert found.term * found.low == found.total == sum(payments)
    for fen in payments[1:-1]:
        assert found.low <= fen <= found.high
