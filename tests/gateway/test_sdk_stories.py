"""The SDK's stories, told to the real gateway in process: the fake gateway of the SDK cannot drift from it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import fenqi
from fenqi.testing.wsgi import wsgi_session

sys.path.append(str(Path(__file__).parents[1] / "sdk"))
from stories import STORIES

from tests.one_database import database_url  # noqa: F401

PHONES = {"approve": "13800000001", "decline": "13800000002", "review": "13800000003"}


@pytest.mark.parametrize("tell", STORIES, ids=lambda story: story.__name__)
def test_the_gateway_tells(tell, app, api):
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

    tell(client, shopper)
