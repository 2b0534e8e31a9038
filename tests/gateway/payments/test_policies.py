"""The tables that are policy, written here a second time: a change has to be meant twice."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta

from gateway.institution import stripe_wire
from gateway.payments import capture, changes, charges, deliveries, moments
from gateway.payments.collections import service as collections
from gateway.payments.collections import shopper_returns
from gateway.payments.disputes import service as disputes
from gateway.payments.refunds import kinds
from gateway.sandbox import schemas as test_schemas


def test_days_on_which_something_is_tried_again_or_is_over() -> None:
    assert collections.TRY_AGAIN_AFTER_DAYS == (1, 3, 7, 14, 30)
    assert shopper_returns.TRY_AGAIN_AFTER_DAYS == (1, 3, 7, 14, 30)
    assert deliveries.RETURN_WINDOW == disputes.TIME_TO_RESPOND == timedelta(days=7)
    assert timedelta(days=28) == moments.AUTHORIZATION_LIFE
    assert [
        (timedelta(days=1), timedelta(days=3)),
        (timedelta(days=7), timedelta(days=2)),
    ] == [moments.REMINDERS, moments.WARNINGS]


def test_bounds_of_captures_and_the_tax_in_a_fee() -> None:
    assert (capture.SMALLEST_PARTIAL_FEN, capture.MOST_CAPTURES) == (100_000, 10)
    assert (changes.MOST_METADATA, charges.VAT_RATE) == (50, "0.06")


def test_what_leaves_the_outcome_of_a_request_in_doubt() -> None:
    assert sorted(stripe_wire.LEAVES_IN_DOUBT) == [401, 403, 408, 409, 424, 425, 429]


def test_states_of_disputes() -> None:
    moves = {
        state: {other for other in disputes.STATES.states if disputes.STATES.allows(state, other)}
        for state in disputes.STATES.states
    }
    assert moves == {
        "needs_response": {"under_review", "won", "lost", "accepted", "canceled"},
        "under_review": {"won", "lost", "canceled"},
        **{end: set() for end in ("won", "lost", "accepted", "canceled")},
    }
    assert set(disputes.OPEN) == {"needs_response", "under_review"}


def test_what_comes_back_with_each_kind_of_refund() -> None:
    """The fee, the merchant's subsidy, the trade-in subsidy, late interest."""
    found = {kind: tuple(asdict(back).values()) for kind, back in kinds.COMES_BACK.items()}
    assert found == {
        "return": (True, True, True, True),
        "price_adjustment": (True, True, False, False),
        "unused_lessons": (True, True, False, True),
        "goodwill": (False, False, False, False),
        "unwind": (True, True, True, True),
    }


def test_what_a_test_helper_cannot_do_without() -> None:
    """They are not in the public document, whose listing names what its requests need."""
    needed = {
        f"{name}.{field}"
        for name, schema in vars(test_schemas).items()
        if isinstance(schema, type) and schema.__module__ == test_schemas.__name__
        for field, kind in schema().fields.items()
        if kind.required
    }
    assert needed == {"DisputePlayed.payment", "DisputeResolved.outcome"}
