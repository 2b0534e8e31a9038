"""Allocation of repayments: the order of claims, and that paying in parts pays what paying at once pays."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.allocation import DEFAULT_ORDER, PARTS, TIMINGS, Claim, allocate

CLAIMS = st.lists(
    st.tuples(
        st.integers(1, 12), st.sampled_from(TIMINGS), st.sampled_from(PARTS), st.integers(0, 100_000)
    ).map(lambda row: Claim(*row)),
    max_size=20,
    unique_by=lambda claim: (claim.period, claim.part),
)


def test_what_is_past_due_comes_first_and_late_interest_before_all() -> None:
    claims = [
        Claim(2, "due", "principal", 100),
        Claim(2, "due", "late_interest", 5),
        Claim(1, "past_due", "principal", 90),
        Claim(1, "past_due", "interest", 10),
        Claim(1, "past_due", "late_interest", 7),
        Claim(1, "past_due", "fee", 3),
    ]
    paid, left = allocate(118, claims)
    assert [(part.period, part.part, part.amount_fen) for part in paid] == [
        (1, "late_interest", 7),
        (1, "fee", 3),
        (1, "interest", 10),
        (1, "principal", 90),
        (2, "late_interest", 5),
        (2, "principal", 3),
    ]
    assert left == 0


def test_the_oldest_period_of_a_cell_comes_first() -> None:
    paid, _ = allocate(15, [Claim(3, "past_due", "fee", 10), Claim(2, "past_due", "fee", 10)])
    assert [(part.period, part.amount_fen) for part in paid] == [(2, 10), (3, 5)]


def test_a_contract_may_name_another_order() -> None:
    order = tuple(sorted(DEFAULT_ORDER, key=lambda cell: (cell[1] != "principal", DEFAULT_ORDER.index(cell))))
    paid, _ = allocate(10, [Claim(1, "past_due", "interest", 10), Claim(1, "due", "principal", 10)], order)
    assert [part.part for part in paid] == ["principal"]


@pytest.mark.parametrize("order", [DEFAULT_ORDER[1:], (*DEFAULT_ORDER, DEFAULT_ORDER[0])])
def test_an_order_names_every_cell_once(order: tuple) -> None:
    with pytest.raises(ValueError, match="twelve cells"):
        allocate(1, [], order)


@given(st.integers(0, 500_000), CLAIMS)
def test_every_fen_is_paid_once_and_nothing_above_a_claim(amount: int, claims: list[Claim]) -> None:
    paid, left = allocate(amount, claims)
    assert sum(part.amount_fen for part in paid) + left == amount
    owed = {(claim.period, claim.part): claim.owed_fen for claim in claims}
    assert all(0 < part.amount_fen <= owed[part.period, part.part] for part in paid)
    assert left == max(0, amount - sum(owed.values()))


@given(st.integers(0, 300_000), st.integers(0, 300_000), CLAIMS)
def test_paying_in_parts_pays_the_same_claims_as_paying_at_once(
    first: int, second: int, claims: list[Claim]
) -> None:
    def pay(amount: int, claims: list[Claim]) -> tuple[Counter, list[Claim]]:
        paid, _ = allocate(amount, claims)
        by = Counter({(part.period, part.part): part.amount_fen for part in paid})
        rest = [Claim(c.period, c.timing, c.part, c.owed_fen - by[c.period, c.part]) for c in claims]
        return by, rest

    once, _ = pay(first + second, claims)
    part_one, rest = pay(first, claims)
    part_two, _ = pay(second, rest)
    assert part_one + part_two == once
