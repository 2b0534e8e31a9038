"""A gateway of this process on PostgreSQL with one merchant or more, who sell, ship, refund and are settled."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Flask

from bench.checkout import order
from gateway.app import create_app
from gateway.config import Settings
from gateway.core.tenant import Tenant
from gateway.process.daily import sweep
from gateway.process.onboarding import onboard
from gateway.process.worker import drain
from gateway.web.context import Gateway

PRICE_FEN = 120_000
ITEMS = [{"name": "Phone", "quantity": 1, "unit_price": PRICE_FEN}]
TOKEN_MINUTES = 10
BEGIN = datetime(2026, 9, 5, 4, tzinfo=UTC)


class Clock:
    """Business time, moved by hand."""

    def __init__(self) -> None:
        self.now = BEGIN

    def __call__(self) -> datetime:
        """The time of the business."""
        return self.now

    def next_month(self) -> None:
        """Noon of the same day, a month later: the day on which what was bought falls due."""
        month = self.now.replace(day=28) + timedelta(days=7)
        self.now = month.replace(day=BEGIN.day)


class Shop:
    """A merchant of test mode, by its API; requests answer at the clock's time."""

    def __init__(self, app: Flask, clock: Clock, name: str) -> None:
        self.app = app
        self.gateway: Gateway = app.extensions["fenqi"]
        self.clock = clock
        credentials = onboard(
            self.gateway,
            name="量尺",
            name_en=name,
            category="3c",
            mode="test",
            email=f"{name.lower()}@fenqi.example",
            webhook_url=None,
        )
        self.tenant = Tenant(credentials["merchant"], "test")
        self._client, self._pair = app.test_client(), (credentials["client_id"], credentials["client_secret"])
        self._keys, self._until, self._bearer = itertools.count(), clock.now, ""
        self.name = name

    def order(self, number: int) -> dict[str, Any]:
        """The body of a checkout."""
        return {
            **order(number),
            "merchant_reference": f"{self.name}-{number}",
            "amount": PRICE_FEN,
            "items": ITEMS,
        }

    def approved(self, number: int, *, phone: str, term: int = 3) -> str:
        """An order, bought; returns the payment."""
        checkout = self.post("/v1/checkouts", self.order(number))["id"]
        return self.completed(checkout, phone=phone, term=term)

    def completed(self, checkout: str, *, phone: str, term: int = 3) -> str:
        """A checkout, played by a shopper who takes it; returns the payment."""
        path = f"/v1/test_helpers/checkouts/{checkout}"
        done = self.post(f"{path}/complete", {"term": term, "phone": phone})
        if done["status"] == "under_review":
            done = self.post(f"{path}/resolve", {"outcome": "approve"})
        return str(done["payment"])

    def post(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """A request with a key of its own."""
        return self._ask("POST", path, body or {}, {"Idempotency-Key": f"{self.name}-{next(self._keys)}"})

    def get(self, path: str) -> Any:
        """A request that only reads."""
        return self._ask("GET", path, None, {})

    def renew(self) -> None:
        """Fetch a token, if the old one may be over."""
        if self._bearer and self.clock.now < self._until:
            return
        answer: Any = self._client.post(
            "/oauth/token", data={"grant_type": "client_credentials"}, auth=self._pair
        )
        self._bearer = f"Bearer {answer.json['access_token']}"
        self._until = self.clock.now + timedelta(minutes=TOKEN_MINUTES)

    def _ask(self, method: str, path: str, body: Any, headers: dict[str, str]) -> Any:
        self.renew()
        answer: Any = self._client.open(
            path, method=method, json=body, headers={"Authorization": self._bearer, **headers}
        )
        if answer.status_code >= 400:
            raise RuntimeError(f"{path}: {answer.text}")
        return answer.json


def gateway_at(settings: Settings, clock: Clock, **ports: Any) -> Flask:
    """The application on a migrated database."""
    return create_app(settings, clock=clock, ports=ports)


def history(shops: list[Shop], months: int) -> int:
    """So many months of purchases: captured, refunded, voided, abandoned, repaid on the day; returns the payments.

    The first shop has one in each month, the second in every third, the third one alone; the last months' loans are
    open. Afterwards nothing waits.
    """
    clock, number = shops[0].clock, 0
    for month in range(months):
        for shop, every in zip(shops, (1, 3, months), strict=False):
            if month % every == 0:
                _sell(shop, number, phone=f"1390000{number % 7:04}")
                number += 1
        clock.now += timedelta(days=3)
        settle_down(shops[0].gateway)
        clock.next_month()
        settle_down(shops[0].gateway)
    clock.now += timedelta(days=3)
    settle_down(shops[0].gateway)
    return number


def _sell(shop: Shop, number: int, phone: str) -> None:
    """One purchase; now and then with a refund, a payment that is given up, or a checkout that nobody completes."""
    payment = shop.approved(number, phone=phone, term=(3, 6, 12)[number % 3])
    if number % 7 == 5:
        shop.post(f"/v1/payments/{payment}/void", {"reason": "sold out"})
        return
    shop.post(f"/v1/payments/{payment}/capture")
    if number % 7 == 3:
        shop.post("/v1/refunds", {"payment": payment, "amount": PRICE_FEN // 4, "reason": "scratch"})
    if number % 2:
        shop.post("/v1/checkouts", shop.order(number + 10_000))


def settle_down(gateway: Gateway) -> None:
    """Do everything that is due."""
    while drain(gateway) or sweep(gateway):
        pass
