"""Whose objects one reaches: two merchants and two modes, every route of the API, every object, nothing found."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from gateway.oauth import service as oauth
from gateway.web.operations import Operation
from tests.gateway.conftest import Api
from tests.gateway.web.conftest import (
    IDENTIFIER,
    PARAMETER,
    PEOPLES,
    World,
    allow_everything,
    for_people,
    name,
    operations,
)

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
    "PATCH /v1/webhook_endpoints/<endpoint_id>": {"description": "mine now"},
    "POST /v1/webhook_endpoints/<endpoint_id>/revoke_secret": {"secret": "whs_unknown"},
    "POST /v1/webhook_endpoints/<endpoint_id>/replay": {
        "from": "2026-11-23T00:00:00Z",
        "to": "2026-11-24T00:00:00Z",
    },
    "POST /v1/team": {"email": "new@shop.example", "name": "新人", "role": "viewer"},
    "PATCH /v1/team/<member_id>": {"role": "finance"},
    "POST /v1/refunds": {"payment": "payment_id", "kind": "return", "reason": "sent back"},
    "POST /v1/test_helpers/disputes": {
        "payment": "payment_id",
        "capture": "capture_id",
        "reason": "not_received",
    },
}
"""A valid body for each route that needs one and names an object; an object is named by the parameter of its kind."""


@pytest.fixture(params=["another merchant", "another merchant, live", "the same merchant, live"])
def stranger(request: Any, app: Flask, world: World, new_merchant: Any) -> Api:
    """Who has a token, but none for the world's objects."""
    if request.param == "the same merchant, live":
        here, merchant = app.extensions["fenqi"], world.api.credentials["merchant"]
        client_id, secret = here.db.write(
            lambda tx: oauth.create_client(tx, here.vault, merchant_id=merchant, mode="live")
        )
        credentials = {"merchant": merchant, "client_id": client_id, "client_secret": secret}
        api = Api(app.test_client(), credentials)
        api.login()
    else:
        api = new_merchant(mode="live" if "live" in request.param else "test")
    allow_everything(app, api)
    return api


def call(api: Api, operation: Operation, path: str, ids: dict[str, str]) -> TestResponse:
    """The operation with a body that it would take; an object that the body names is the one of ``ids``."""
    api = for_people(api, path)
    if operation.method == "GET":
        return api.get(path)
    body = {field: ids.get(str(value), value) for field, value in BODIES.get(name(operation), {}).items()}
    answer = api.call(operation.method, path, body, Idempotency_Key=f"access-{next(api._numbers)}")
    assert answer.status_code != 422, f"give {name(operation)} a valid body in BODIES: {answer.text}"
    return answer


def test_a_stranger_finds_no_object_by_any_route_and_changes_none(world: World, stranger: Api) -> None:
    before, known = world.seen(), world.identifiers()
    stranger_id = stranger.credentials["merchant"]
    assert len(known) > 15
    for operation in operations():
        named = PARAMETER.findall(operation.path)
        if operation.path.startswith(PEOPLES) and stranger_id == world.api.credentials["merchant"]:
            continue  # A team is the merchant's in both modes.
        told_in_body = {str(value) for value in BODIES.get(name(operation), {}).values()} & world.ids.keys()
        if not named and not told_in_body and operation.method != "GET":
            continue
        path = PARAMETER.sub(lambda match: world.ids[match[1]], operation.path)
        path += "?amount=599900" if operation.path == "/v1/plans" else ""
        answer = call(stranger, operation, path, world.ids)
        assert answer.status_code == (404 if named or told_in_body else 200), f"{path}: {answer.text}"
        shown = set(IDENTIFIER.findall(answer.text)) - set(IDENTIFIER.findall(path)) - {stranger_id}
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
