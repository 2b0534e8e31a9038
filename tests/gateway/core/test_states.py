"""Tables of moves, and the status that a payment's amounts decide."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.payment_status import payment_status
from gateway.core.transitions import Transitions

TABLE = Transitions({"open": {"approved", "expired"}, "approved": {"closed"}})


def status(authorised: int, captured: int = 0, voided: int = 0, expired: int = 0, refunded: int = 0) -> str:
    return payment_status(
        authorised_fen=authorised,
        captured_fen=captured,
        voided_fen=voided,
        expired_fen=expired,
        refunded_fen=refunded,
    )


def test_only_named_moves_are_allowed() -> None:
    assert TABLE.allows("open", "approved")
    assert not TABLE.allows("approved", "open")
    assert not TABLE.allows("open", "open")
    assert not TABLE.allows("closed", "open")


def test_a_state_without_moves_is_final() -> None:
    assert {state for state in TABLE.states if TABLE.is_final(state)} == {"expired", "closed"}


@pytest.mark.parametrize("move", [("open", "opened"), ("opened", "open")])
def test_an_unknown_state_is_named(move: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match="opened"):
        TABLE.allows(*move)


@pytest.mark.parametrize(
    ("amounts", "expected"),
    [
        ((100,), "authorized"),
        ((100, 0, 40), "authorized"),
        ((100, 40), "partially_captured"),
        ((100, 40, 0, 0, 40), "partially_captured"),
        ((100, 0, 100), "voided"),
        ((100, 0, 0, 100), "expired"),
        ((100, 0, 60, 40), "expired"),
        ((100, 100), "captured"),
        ((100, 60, 40), "captured"),
        ((100, 60, 40, 0, 1), "partially_refunded"),
        ((100, 60, 0, 40, 60), "refunded"),
    ],
)
def test_the_amounts_decide_the_status(amounts: tuple[int, ...], expected: str) -> None:
    assert status(*amounts) == expected


@given(st.lists(st.integers(0, 50), min_size=5, max_size=5))
@settings(max_examples=200)
def test_every_possible_payment_has_a_status_and_no_impossible_one(parts: list[int]) -> None:
    still_open, captured, voided, expired, refunded = parts
    authorised = still_open + captured + voided + expired
    if refunded > captured:
        with pytest.raises(ValueError, match="parts of a payment"):
            status(authorised, captured, voided, expired, refunded)
        return
    found = status(authorised, captured, voided, expired, refunded)
    assert (found in ("authorized", "partially_captured")) == (still_open > 0)
    with pytest.raises(ValueError, match="parts of a payment"):
        status(authorised - still_open - 1, captured, voided, expired, refunded)
