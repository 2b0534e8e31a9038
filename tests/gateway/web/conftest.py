"""A merchant that has at least one of everything, for tests that call every route."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from gateway.app import APIS
from gateway.web.operations import Operation
from tests.gateway.books import Books
from tests.gateway.conftest import Api

IDENTIFIER = re.compile(r"\b[a-z]{2,4}_[0-9A-HJKMNP-TV-Z]{26}\b")
PARAMETER = re.compile(r"<(\w+)>")


@dataclass
class World:
    """A merchant with one object of each kind; ``ids`` by path parameter."""

    api: Api
    ids: dict[str, str]

    def seen(self) -> dict[str, Any]:
        """What the merchant's own lists and objects say, except who it is and its clock, which goes on by itself."""
        shown = {}
        for path in (operation.path for operation in operations() if operation.method == "GET"):
            if path not in ("/v1/plans", "/v1/me", "/v1/test_clocks/<clock_id>"):
                answer = self.api.get(PARAMETER.sub(lambda match: self.ids[match[1]], path))
                assert answer.status_code == 200, answer.text
                shown[path] = answer.json
        return shown

    def identifiers(self) -> set[str]:
        """Every identifier in what the merchant sees."""
        return set(IDENTIFIER.findall(json.dumps(self.seen()))) | set(self.ids.values())


def operations() -> Iterator[Operation]:
    for api in APIS:
        yield from api.operations


def name(operation: Operation) -> str:
    return f"{operation.method} {operation.path}"


def allow_everything(app: Flask, api: Api) -> None:
    """Give the caller's token every scope there is, the portal's too: what is asked here is whose the objects are."""
    keys = app.extensions["fenqi"].ports["signing_keys"]
    _, claims = keys.verified(api.token)
    scopes = sorted({scope for operation in operations() for scope in operation.scope})
    api.token = keys.sign({**claims, "scope": " ".join(scopes)})


@pytest.fixture
def world(app: Flask, books: Books) -> World:
    """A merchant that has at least one of everything, and a test clock."""
    api = books.api
    phone = {"name": "Phone", "quantity": 1, "unit_price": 599_900, "subsidy_category": "phone"}
    programme = {"programme": "trade_in_2026", "amount": 50_000}
    payment = api.captured(amount=549_900, items=[phone], government_subsidy=programme)
    capture = payment["captures"][0]
    refund = {"payment": payment["id"], "amount": 10_000, "kind": "price_adjustment", "reason": "scratch"}
    contested = {"payment": payment["id"], "capture": capture["id"], "reason": "not_received"}
    ids = {
        "payment_id": payment["id"],
        "capture_id": capture["id"],
        "loan_id": capture["loan"],
        "claim_id": capture["government_subsidy"]["id"],
        "refund_id": made(api.post("/v1/refunds", refund)),
    }
    books.pass_days(3)
    api.login()
    allow_everything(app, api)
    ids["dispute_id"] = made(api.post("/v1/test_helpers/disputes", contested))
    for noun in ("settlement", "payout", "event"):
        ids[f"{noun}_id"] = api.get(f"/v1/{noun}s").json["data"][0]["id"]
    ids["checkout_id"] = api.checkout()["id"]
    hook = {"url": "http://127.0.0.1:9/hook"}
    ids["endpoint_id"] = made(api.post("/v1/webhook_endpoints", hook))
    ids["delivery_id"] = api.post(f"/v1/webhook_endpoints/{ids['endpoint_id']}/test").json["id"]
    ids["clock_id"] = made(api.post("/v1/test_clocks", {"name": "autumn"}))
    return World(api, ids)


def made(answer: TestResponse) -> str:
    assert answer.status_code == 201, answer.text
    return str(answer.json["id"])
