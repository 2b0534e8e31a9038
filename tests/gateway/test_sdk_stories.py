"""The SDK's stories, told to the real gateway in process: the fake gateway of the SDK cannot drift from it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import fenqi
from fenqi.testing import FakeGateway
from fenqi.testing._state import standard_products
from fenqi.wsgi import wsgi_session
from gateway.process.onboarding import standard_prices

sys.path.append(str(Path(__file__).parents[1] / "sdk"))
from stories import CATEGORIES, STORIES, STORIES_OF_A_TERM, TERMS

from tests.one_database import database_url  # noqa: F401

PHONES = {"approve": "13800000001", "decline": "13800000002", "review": "13800000003"}


def connected(app, api):
    """A client of the merchant, and its shoppers."""
    client = fenqi.Fenqi(
        api.credentials["client_id"],
        api.credentials["client_secret"],
        base_url="http://gateway.test",
        session=wsgi_session(app, "http://gateway.test"),
        max_retries=0,
    )

    def shopper(checkout: str, *, outcome: str = "approve", term: int | None = None) -> None:
        body = {"phone": PHONES[outcome], **({"term": term} if term else {})}
        answer = api.post(f"/v1/test_helpers/checkouts/{checkout}/complete", body)
        assert answer.status_code == 200, answer.text

    return client, shopper


@pytest.mark.parametrize("tell", STORIES, ids=lambda story: story.__name__)
def test_the_gateway_tells(tell, app, api):
    tell(*connected(app, api))


@pytest.mark.parametrize("category", CATEGORIES)
def test_the_gateway_tells_of_terms_of_every_category(category, app, new_merchant):
    """Every second term of a category, every term of some: what each is quoted is compared for all below."""
    client, shopper = connected(app, new_merchant(category))
    for term in TERMS[CATEGORIES.index(category) % 2 :: 2]:
        for tell in STORIES_OF_A_TERM:
            tell(client, shopper, term)


@pytest.mark.parametrize("category", CATEGORIES)
def test_the_fake_quotes_what_the_gateway_quotes(category, app, new_merchant):
    client, _ = connected(app, new_merchant(category))
    for amount in (9_999, 10_000, 123_457, 599_900, 10_000_000):
        with FakeGateway(category=category) as fake:
            played = fake.client().plans.list(amount=amount)
            real = client.plans.list(amount=amount)
        assert [comparable(plan) for plan in played] == [comparable(plan) for plan in real]
        assert [row.to_dict() for row in played.unavailable] == [row.to_dict() for row in real.unavailable]


@pytest.mark.parametrize("category", CATEGORIES)
def test_the_fakes_catalogue_is_the_standard_one(category):
    played = {
        term: (one.method, one.merchant_fee_rate, one.merchant_subsidy_rate, one.min_amount, one.max_amount)
        for term, one in standard_products(category).items()
    }
    assert played == {
        one.term: (
            one.method,
            one.merchant_fee_rate,
            one.merchant_subsidy_rate,
            one.min_amount_fen,
            one.max_amount_fen,
        )
        for one in standard_prices(category)
    }


def comparable(plan):
    """A plan without what only the real gateway knows: the words of the disclosure, and the hash of them."""
    return {name: value for name, value in plan.to_dict().items() if name not in ("disclosure", "quote_hash")}
