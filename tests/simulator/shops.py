"""The shops' side: what each shop has asked for, what it was answered, and what it does not know yet."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from gateway.core.tenant import Tenant
from tests.simulator.faults import Killed
from tests.simulator.world import World

KEYS_KEPT = {"capture": timedelta(days=30), "refunds": timedelta(days=30)}
RATE_OR_BUSY = (429, 503)


class Unexpected(Exception):
    """The gateway answered what it may never answer."""


@dataclass
class Call:
    """One write of a shop under its key: sent again, it is the same."""

    shop: int
    method: str
    path: str
    body: dict[str, Any]
    key: str
    about: tuple[str, str]
    """What is asked for, such as ``capture``, and the order's name."""
    at: datetime
    status: int | None = None
    """None while the shop does not know what came of it."""
    answer: bytes = b""

    @property
    def json(self) -> Any:
        return json.loads(self.answer)

    @property
    def acknowledged(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    def kept_until(self) -> datetime:
        name = self.path.rsplit("/", 1)[-1]
        return self.at + KEYS_KEPT.get(name, timedelta(days=1))


@dataclass
class Order:
    """An order of a shop, by the name that the story gives it."""

    name: str
    shop: int
    amount: int
    lines: int
    checkout: str | None = None
    payment: str | None = None
    status: str = ""
    person: int | None = None
    loans: list[str] = field(default_factory=list)
    captures: dict[str, int] = field(default_factory=dict)
    refunds: dict[str, int] = field(default_factory=dict)
    disputes: list[str] = field(default_factory=list)
    stages: list[str] = field(default_factory=list)
    voided: int = 0
    released: bool = False
    """Whether somebody else than the shop may have released or refunded parts: time, or a lost dispute."""

    def seen(self, view: dict[str, Any]) -> None:
        """What the shop learns from a view of the payment."""
        for capture in view["captures"]:
            if capture["loan"] not in self.loans:
                self.loans.append(capture["loan"])


class Shops:
    """All shops with their servers; a call that stays unanswered is remembered, to be sent again."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.client = world.app.test_client()
        self.begin()

    def begin(self) -> None:
        self.tokens: dict[int, tuple[str, datetime]] = {}
        self.orders: dict[str, Order] = {}
        self.calls: dict[str, Call] = {}
        self.last_event: dict[int, str] = {}
        self.events: dict[int, list[dict[str, Any]]] = {}
        self.clocks: dict[int, str] = {}
        self.log: list[str] = []
        self.unsure: set[str] = set()
        """Orders about which a shop asked again too late, when its key was forgotten."""

    def tenant(self, shop: int) -> Tenant:
        return self.world.tenants[shop]

    def token(self, shop: int) -> str | None:
        """A token that is good for some minutes yet; None when there is none to be had."""
        known = self.tokens.get(shop)
        if known is not None and known[1] > self.world.clock.now:
            return known[0]
        pair = ":".join(self.world.credentials[shop]).encode()
        answer = self.client.post(
            "/oauth/token",
            data={"grant_type": "client_credentials"},
            headers={"Authorization": "Basic " + base64.b64encode(pair).decode()},
        )
        self._expected("POST", "/oauth/token", answer)
        if answer.status_code != 200:
            return None
        until = self.world.clock.now + timedelta(seconds=answer.json["expires_in"] - 60)
        self.tokens[shop] = (answer.json["access_token"], until)
        return self.tokens[shop][0]

    def get(self, shop: int, path: str) -> tuple[int, Any]:
        """What the shop reads, and its status; 503 when it has no token."""
        token = self.token(shop)
        if token is None:
            return 503, {}
        answer = self.client.get(path, headers={"Authorization": f"Bearer {token}"})
        self._expected("GET", path, answer)
        return answer.status_code, answer.json

    def write(self, call: Call, *, note: bool = True) -> Call:
        """Send a call, the first time or again. A death on the way leaves it unknown and goes on to the caller."""
        if call.status is None and self.world.clock.now > call.kept_until():
            self.unsure.add(call.about[1])
        call.status = None
        self.calls.setdefault(call.key, call)
        token = self.token(call.shop)
        if token is None:
            return call
        answer = self.client.open(
            call.path,
            method=call.method,
            json=call.body,
            headers={"Authorization": f"Bearer {token}", "Idempotency-Key": call.key},
        )
        self._expected(call.method, call.path, answer)
        if answer.status_code not in RATE_OR_BUSY:
            call.status, call.answer = answer.status_code, answer.data
        self.log.append(f"{call.key} {call.about[0]} {answer.status_code} {_code(answer)}")
        if note and call.acknowledged:
            self._learn(call)
        return call

    def act(
        self, shop: int, method: str, path: str, body: dict[str, Any], key: str, about: tuple[str, str]
    ) -> Call:
        """A new call of a shop."""
        return self.write(Call(shop, method, path, body, key, about, self.world.clock.now))

    def unknown(self) -> list[Call]:
        """Calls of which the shop does not know what came."""
        return [call for call in self.calls.values() if call.status is None]

    def _learn(self, call: Call) -> None:
        """What the shop now knows of its order; learning it twice changes nothing."""
        what, name = call.about
        order = self.orders.get(name)
        if order is None:
            return
        view = call.json
        if what == "order":
            order.checkout = view["id"]
        elif what == "capture":
            order.seen(view)
            newest = view["captures"][-1]
            order.captures[newest["id"]] = newest["amount"]
        elif what == "stage" and view["id"] not in order.stages:
            order.stages.append(view["id"])
        elif what == "refund":
            order.refunds[view["id"]] = view["amount"]

    def _expected(self, method: str, path: str, answer: Any) -> None:
        """No failure but a 503 while something is made to fail."""
        if answer.status_code >= 500 and not (answer.status_code == 503 and self.world.points.happened):
            raise Unexpected(f"{method} {path} was answered {answer.status_code}: {answer.text[:300]}")


def _code(answer: Any) -> str:
    if 200 <= answer.status_code < 300 or not answer.is_json:
        return ""
    return str((answer.json or {}).get("code", ""))


__all__ = ["Call", "Killed", "Order", "Shops", "Unexpected"]
