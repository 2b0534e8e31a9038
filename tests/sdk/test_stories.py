"""The stories on the fake gateway."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from stories import STORIES, Story

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
