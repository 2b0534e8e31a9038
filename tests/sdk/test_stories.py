"""The stories on the fake gateway."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from stories import CATEGORIES, STORIES, STORIES_OF_A_TERM, TERMS, Story

from fenqi.testing import FakeGateway

each_story = pytest.mark.parametrize("tell", STORIES, ids=lambda story: story.__name__)


def player(gateway: FakeGateway) -> Callable[..., None]:
    def shopper(checkout: str, *, outcome: str = "approve", term: int | None = None) -> None:
        person = gateway.shopper(checkout)
        if term is not None:
            person.choose(term)
        {"approve": person.approve, "decline": person.decline, "review": person.review}[outcome]()  # type: ignore[operator]

    return shopper


@each_story
def test_fake_gateway_tells(tell: Story, gateway: FakeGateway) -> None:
    tell(gateway.client(), player(gateway))
    assert gateway.ledger_balanced()


@each_story
def test_story_is_the_same_when_every_first_answer_is_lost(
    tell: Story, gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The repeat of a POST carries its key, so nothing happens twice."""
    answer = gateway._answer

    def losing_every_other(sent: Any, received: Any) -> Any:
        if received.path != "/oauth/token" and len(gateway.requests) % 2:
            gateway.lose_answer()
        return answer(sent, received)

    monkeypatch.setattr(gateway, "_answer", losing_every_other)
    tell(gateway.client(), player(gateway))
    assert gateway.ledger_balanced()
    for first, repeat in zip(gateway.requests[::2], gateway.requests[1::2], strict=True):
        assert (first.method, first.path, first.json) == (repeat.method, repeat.path, repeat.json)
        assert first.idempotency_key == repeat.idempotency_key


@pytest.mark.parametrize("category", CATEGORIES)
def test_fake_gateway_tells_of_every_term_and_category(category: str) -> None:
    for term in TERMS:
        for tell in STORIES_OF_A_TERM:
            with FakeGateway(category=category) as gateway:
                tell(gateway.client(), player(gateway), term)
                assert gateway.ledger_balanced()


@pytest.mark.parametrize(
    ("category", "term", "instalment"),
    [("3c", 9, 71_408), ("3c", 12, 54_999), ("furnishing", 12, 58_990), ("education", 12, 53_740)],
)
def test_prices_of_the_fake_are_those_of_the_gateway(category: str, term: int, instalment: int) -> None:
    with FakeGateway(category=category) as gateway:
        plan = next(plan for plan in gateway.client().plans.list(amount=599_900) if plan.term == term)
        assert plan.installment.first == instalment
