"""A gateway on a fresh database with a clock that the test moves, two merchants, and an API client for each."""

from __future__ import annotations

import base64
import itertools
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from gateway.app import create_app
from gateway.config import Settings
from gateway.process.onboarding import onboard
from tests.gateway import first_merchant
from tests.gateway.books import Books
from tests.gateway.first_merchant import START
from tests.gateway.scorer import loaded_scorer


class TestClock:
    """Time that stands still until the test moves it."""

    __test__ = False

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **by: float) -> None:
        """Move ahead, by days, hours or seconds."""
        self.now += timedelta(**by)


@dataclass
class Api:
    """A merchant's server as the tests see it: JSON in, JSON out, with its token."""

    client: FlaskClient
    credentials: dict[str, Any]
    token: str = ""
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def login(self) -> None:
        """Fetch an access token by client credentials."""
        pair = f"{self.credentials['client_id']}:{self.credentials['client_secret']}".encode()
        answer = self.client.post(
            "/oauth/token",
            data={"grant_type": "client_credentials"},
            headers={"Authorization": "Basic " + base64.b64encode(pair).decode()},
        )
        assert answer.status_code == 200, answer.text
        self.token = answer.json["access_token"]

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> TestResponse:
        """One request with the token; ``headers`` with underscores for dashes."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.open(
            path,
            method=method,
            json=body if not isinstance(body, bytes) else None,
            data=body if isinstance(body, bytes) else None,
            headers={"Authorization": f"Bearer {self.token}", **named},
        )

    def get(self, path: str, **headers: str) -> TestResponse:
        return self.call("GET", path, **headers)

    def post(self, path: str, body: Any = None, key: str | None = None, **headers: str) -> TestResponse:
        """POST with an Idempotency-Key: ``key``, or a fresh one."""
        headers["Idempotency_Key"] = key or f"test-{next(self._numbers)}"
        return self.call("POST", path, {} if body is None else body, **headers)

    def order(self, **changes: Any) -> dict[str, Any]:
        """The body of a checkout for one phone of 5,999.00 yuan."""
        amount = changes.get("amount", 599_900)
        body: dict[str, Any] = {
            "amount": amount,
            "merchant_reference": f"order-{next(self._numbers)}",
            "items": [{"name": "Phone", "quantity": 1, "unit_price": amount}],
            "category": "3c",
            "return_url": "https://shop.example/return",
            "cancel_url": "https://shop.example/cart",
        }
        return {**body, **changes}

    def checkout(self, **changes: Any) -> dict[str, Any]:
        """A new open checkout."""
        answer = self.post("/v1/checkouts", self.order(**changes))
        assert answer.status_code == 201, answer.text
        return answer.json  # type: ignore[return-value]

    def approved(self, term: int = 12, **changes: Any) -> dict[str, Any]:
        """A new checkout, played to its approval; returns the payment."""
        checkout = self.checkout(**changes)
        done = self.post(
            f"/v1/test_helpers/checkouts/{checkout['id']}/complete", {"term": term, "phone": "13800000001"}
        )
        assert done.json["status"] == "approved", done.text
        return self.get(f"/v1/payments/{done.json['payment']}").json  # type: ignore[return-value]

    def captured(self, term: int = 12, **changes: Any) -> dict[str, Any]:
        """A payment captured in full."""
        payment = self.approved(term, **changes)
        answer = self.post(f"/v1/payments/{payment['id']}/capture")
        assert answer.status_code == 200, answer.text
        return answer.json  # type: ignore[return-value]


@pytest.fixture
def clock() -> TestClock:
    return TestClock()


@pytest.fixture
def app(database_url: str, tmp_path: Path, clock: TestClock) -> Flask:
    """The whole gateway on a migrated database; time and chance are the test's."""
    first_merchant.lay_keys(tmp_path / "data")
    settings = Settings(
        database_url=database_url,
        data_dir=tmp_path / "data",
        public_url="http://gateway.test",
        worker_in_process=False,
        webhook_local=True,
    )
    chance = random.Random(first_merchant.SEED)
    app = create_app(settings, clock=clock, random_bits=chance.getrandbits, ports={"scorer": loaded_scorer()})
    app.extensions["tests.chance"] = chance
    return app


@pytest.fixture
def new_merchant(app: Flask, clock: TestClock) -> Callable[..., Api]:
    """Make merchants, each with a logged-in API client."""

    def make(category: str = "3c", mode: str = "test", webhook_url: str | None = None) -> Api:
        number = next(counter)
        usual = (number, category, mode, webhook_url, clock.now) == (1, "3c", "test", None, START)
        chance = app.extensions.get("tests.chance") if usual else None
        bring = partial(bring_on_board, number, category, mode, webhook_url)
        return first_merchant.brought(app, chance, bring, Api) if chance else bring()

    def bring_on_board(number: int, category: str, mode: str, webhook_url: str | None) -> Api:
        credentials = onboard(
            app.extensions["fenqi"],
            name=f"商户{number}",
            name_en=f"Merchant {number}",
            category=category,
            mode="live" if mode == "live" else "test",
            email=f"owner{number}@shop.example",
            webhook_url=webhook_url,
        )
        api = Api(app.test_client(), credentials)
        api.login()
        return api

    counter = itertools.count(1)
    return make


@pytest.fixture
def api(new_merchant: Callable[..., Api]) -> Api:
    """The API client of a phone shop in test mode."""
    return new_merchant()


@pytest.fixture
def books(app: Flask, api: Api, clock: TestClock) -> Books:
    """The books behind ``api``, and its days."""
    return Books(app, api, clock)


def problem(answer: TestResponse) -> dict[str, Any]:
    """The problem document of an answer, after checking that it is one."""
    assert answer.content_type == "application/problem+json", answer.text
    body: dict[str, Any] = answer.json  # type: ignore[assignment]
    assert body["status"] == answer.status_code
    assert body["request_id"] == answer.headers["X-Request-Id"]
    assert body["detail"]
    return body
