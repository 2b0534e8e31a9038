"""Whose objects one reaches: two merchants and two modes, every route of the API, every object, nothing found."""

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
from gateway.oauth import service as oauth
from gateway.web.operations import Operation
from tests.gateway.books import Books
from tests.gateway.conftest import Api

IDENTIFIER = re.compile(r"\b[a-z]{2,4}_[0-9A-HJKMNP-TV-Z]{26}\b")
PARAMETER = re.compile(r"<(\w+)>")

BODIES: dict[str, dict[str, Any]] = {
    "POST /v1/payments/<payment_id>/void": {"reason": "out of stock"},
    "POST /v1/payments/<payment_id>/acknowledge": {"merchant_order_id": "A-1"},
    "POST /v1/disputes/<dispute_id>/respond": {"evidence": "signed on delivery"},
    "POST /v1/test_helpers/checkouts/<checkout_id>/complete": {"term": 12, "phone": "13800000001"},
    "POST /v1/test_helpers/checkouts/<checkout_id>/resolve": {"outcome": "approve"},
    "POST /v1/test_helpers/loans/<loan_id>/repay": {"amount": 100, "reference": "transfer-1"},
    "POST /v1/test_helpers/loans/<loan_id>/miss": {"instalments": 1},
    "POST /v1/test_helpers/payouts/<payout_id>/return": {"reason": "account_closed"},
    "POST /v1/test_helpers/disputes/<dispute_id>/resolve": {"outcome": "won"},
    "POST /v1/test_clocks/<clock_id>/advance": {"days": 1},
    "POST /v1/refunds": {"payment": "payment_id", "kind": "return", "reason": "sent back"},
    "POST /v1/test_helpers/disputes": {
        "payment": "payment_id",
        "capture": "capture_id",
        "reason": "not_received",
    },
}
"""A valid body for each route that needs one and names an object; an object is named by the parameter of its kind."""


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


@pytest.fixture
def world(books: Books) -> World:
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
    ids["dispute_id"] = made(api.post("/v1/test_helpers/disputes", contested))
    for noun in ("settlement", "payout", "event"):
        ids[f"{noun}_id"] = api.get(f"/v1/{noun}s").json["data"][0]["id"]
    ids["checkout_id"] = api.checkout()["id"]
    ids["clock_id"] = made(api.post("/v1/test_clocks", {"name": "autumn"}))
    return World(api, ids)


def made(answer: TestResponse) -> str:
    assert answer.status_code == 201, answer.text
    return str(answer.json["id"])


@pytest.fixture(params=["another merchant", "another merchant, live", "the same merchant, live"])
def stranger(request: Any, app: Flask, world: World, new_merchant: Any) -> Api:
    """Who has a token, but none for the world's objects."""
    if request.param != "the same merchant, live":
        return new_merchant(mode="live" if "live" in request.param else "test")
    here, merchant = app.extensions["fenqi"], world.api.credentials["merchant"]
    client_id, secret = here.db.write(
        lambda tx: oauth.create_client(tx, here.vault, merchant_id=merchant, mode="live")
    )
    api = Api(app.test_client(), {"merchant": merchant, "client_id": client_id, "client_secret": secret})
    api.login()
    return api


def call(api: Api, operation: Operation, path: str, ids: dict[str, str]) -> TestResponse:
    """The operation with a body that it would take; an object that the body names is the one of ``ids``."""
    if operation.method == "GET":
        return api.get(path)
    body = {field: ids.get(str(value), value) for field, value in BODIES.get(name(operation), {}).items()}
    answer = api.call(operation.method, path, body, Idempotency_Key=f"access-{next(api._numbers)}")
    assert answer.status_code != 422, f"give {name(operation)} a valid body in BODIES: {answer.text}"
    return answer


def test_a_stranger_finds_no_object_by_any_route_and_changes_none(world: World, stranger: Api) -> None:
    before, known = world.seen(), world.identifiers()
    assert len(known) > 15
    for operation in operations():
        named = PARAMETER.findall(operation.path)
        told_in_body = {str(value) for value in BODIES.get(name(operation), {}).values()} & world.ids.keys()
        if not named and not told_in_body and operation.method != "GET":
            continue
        path = PARAMETER.sub(lambda match: world.ids[match[1]], operation.path)
        path += "?amount=599900" if operation.path == "/v1/plans" else ""
        answer = call(stranger, operation, path, world.ids)
        assert answer.status_code == (404 if named or told_in_body else 200), f"{path}: {answer.text}"
        shown = set(IDENTIFIER.findall(answer.text)) - set(IDENTIFIER.findall(path))
        assert not shown & known - set(world.ids.values() if told_in_body else ()), path
    assert world.seen() == before


def test_no_route_takes_an_object_of_another_kind(world: World) -> None:
    for operation in operations():
        for parameter in PARAMETER.findall(operation.path):
            for kind, id in world.ids.items():
                if kind != parameter:
                    path = operation.path.replace(f"<{parameter}>", id)
                    assert call(world.api, operation, path, world.ids).status_code == 404, path


def test_what_a_list_is_asked_for_by_name_stays_the_callers(world: World, stranger: Api) -> None:
    reference = world.seen()["/v1/payments/<payment_id>"]["merchant_reference"]
    for path in (
        f"/v1/payments?merchant_reference={reference}",
        f"/v1/checkouts?merchant_reference={reference}",
        f"/v1/balance_entries?payment={world.ids['payment_id']}",
        f"/v1/refunds?payment={world.ids['payment_id']}",
        f"/v1/events?after={world.ids['event_id']}",
    ):
        assert stranger.get(path).json.get("data", []) == [], path
