"""A loan moves as the table says and in no other way; delinquency has its buckets."""

from __future__ import annotations

import pytest

from gateway.loans.states import LOAN, NON_PERFORMING_DAYS, OPEN, bucket

ENDS = {"settled", "refunded", "unwound", "written_off"}


def test_an_open_loan_ends_in_any_way_and_one_that_ended_well_can_only_be_unwound() -> None:
    moves = {state: {other for other in LOAN.states if LOAN.allows(state, other)} for state in LOAN.states}
    assert moves == {
        "active": {"overdue", *ENDS},
        "overdue": {"active", *ENDS},
        "settled": {"unwound"},
        "refunded": {"unwound"},
        "unwound": set(),
        "written_off": set(),
    }
    assert set(OPEN) == LOAN.states - ENDS


@pytest.mark.parametrize(
    ("days", "name"),
    [(0, None), (1, "M1"), (30, "M1"), (31, "M2"), (60, "M2"), (61, "M3+"), (NON_PERFORMING_DAYS + 1, "M3+")],
)
def test_days_overdue_have_a_bucket(days: int, name: str | None) -> None:
    assert bucket(days) == name
    assert NON_PERFORMING_DAYS == 90
