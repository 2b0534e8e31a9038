"""Whose objects one reaches: two merchants and two modes, every route of the API, every object, nothing found."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from gateway.core.roles import ROLES
from gateway.core.scopes import PORTAL_SCOPES, entitled
from gateway.core.tenant import Tenant
from gateway.merchants import service as merchants
from gateway.oauth import service as oauth
from gateway.process.worker import drain
from gateway.team.models import LoginSession, TeamMember
from gateway.web.operations import Operation
from gateway.webhooks import service as events
from gateway.webhooks.schemas import EVENT_TYPES
from tests.gateway.conftest import Api
from tests.gateway.web.conftest import (
    IDENTIFIER,
    OF_BOTH_MODES,
    PARAMETER,
    World,
    allow_everything,
    for_people,
    name,
    operations,
    token_of_person,
)
from tests.gateway.webhooks.conftest import Sink, listening
from tests.one_database import database_url  # noqa: F401

BODIES: dict[str, dict[str, Any]] = {
    "POST /v1/payments/<payment_id>/void": {"reason": "out of stock"},
    "POST /v1/payments/<payment_id>/acknowledge": {"merchant_order_id": "A-1"},
    "POST /v1/payments/<payment_id>/milestones": {"kind": "lesson", "amount": 100},
    "POST /v1/payments/<payment_id>/milestones/<milestone_id>/respond": {"text": "It was taught"},
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
    "POST /v1/reconciliations/<reconciliation_id>/confirm": {"columns": {"amount": "amount"}},
    "POST /v1/reconciliations/<reconciliation_id>/items/<item_id>/resolve": {"note": "checked"},
    "POST /v1/reconciliations/<reconciliation_id>/resolve": {"items": ["rei_1"], "note": "checked"},
    "POST /v1/payout_accounts": {
        "kind": "bank_account",
        "number": "1109 0123 4567 890",
        "holder": "灯塔",
        "bank": "招商银行",
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


SHARED = ("opr_", "rcd_")
"""What begins so is of both modes, also in the audit log."""
NOBODYS = {"month"}
"""Parameters that name no object: whoever asks gets its own."""


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
    if stranger_id == world.api.credentials["merchant"]:
        known = {one for one in known if not one.startswith(SHARED)}
    for operation in operations():
        named = [one for one in PARAMETER.findall(operation.path) if one not in NOBODYS]
        if operation.path.startswith(OF_BOTH_MODES) and stranger_id == world.api.credentials["merchant"]:
            continue
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
        for parameter in set(PARAMETER.findall(operation.path)) - NOBODYS:
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


MONEY = {"settlement.closed", "payout.paid", "payout.failed"}
ENDPOINTS = {"webhook_endpoint.disabled"}
FILES = {"reconciliation.completed", "reconciliation.failed"}
EVENTS_OF = {
    "owner": {*EVENT_TYPES},
    "finance": {*EVENT_TYPES} - ENDPOINTS,
    "operations": {*EVENT_TYPES} - FILES - ENDPOINTS,
    "developer": {*EVENT_TYPES} - FILES - MONEY,
    "viewer": {*EVENT_TYPES} - FILES - ENDPOINTS,
    "server": {*EVENT_TYPES},
    "server for payments": ENDPOINTS
    | {
        one
        for one in EVENT_TYPES
        if one.startswith(("payment.", "loan.", "refund.", "dispute.", "milestone."))
    },
}
"""Which events each may read, written here a second time: a change has to be meant twice."""
SETS_UP = ("owner", "developer", "server", "server for payments")


class Matrix:
    """One merchant with a caller of every kind, and one event of every type."""

    def __init__(self, app: Flask, api: Api) -> None:
        self.gateway, self.api = app.extensions["fenqi"], api
        self.tenant = Tenant(api.credentials["merchant"], "test")
        merchant, made = api.credentials["merchant"], {}
        self.people: dict[str, str] = {}
        for role in ROLES:
            scopes = entitled(
                PORTAL_SCOPES, self.gateway.db.write(lambda tx: merchants.agreement(tx, merchant)), role
            )
            token, session = token_of_person(app, api, role, scopes)
            made[role] = replace(api, token=token)
            with self.gateway.db.read() as tx:
                self.people[role] = tx.get_one(LoginSession, session).member_id
        for_payments = ("payments:read", "events:read", "webhooks:write")
        client_id, secret = self.gateway.db.write(
            lambda tx: oauth.create_client(
                tx, self.gateway.vault, merchant_id=merchant, mode="test", scopes=for_payments
            )
        )
        made["server"] = api
        made["server for payments"] = replace(
            api, credentials={**api.credentials, "client_id": client_id, "client_secret": secret}
        )
        made["server for payments"].login()
        self.callers = made
        self.ids = self.happen()

    def happen(self) -> dict[str, str]:
        """An event of each type; returns their identifiers."""

        def record(tx: Any) -> dict[str, str]:
            return {
                kind: events.record(tx, self.tenant, kind, object_id=f"obj_{number}", data={})
                for number, kind in enumerate(EVENT_TYPES)
            }

        ids: dict[str, str] = self.gateway.db.write(record)
        return ids

    def became(self, who: str, /, **changes: Any) -> None:
        """Change somebody, as an owner would."""

        def change(tx: Any) -> None:
            for field, value in changes.items():
                setattr(tx.get_one(TeamMember, self.people[who]), field, value)

        self.gateway.db.write(change)

    def told(self, sink: Sink) -> dict[str, set[str]]:
        """What the sink got, by the path of the endpoint."""
        while drain(self.gateway):
            pass
        got: dict[str, set[str]] = {}
        for one in sink.take():
            got.setdefault(one.path.rpartition("/")[2].replace("-", " "), set()).add(
                json.loads(one.body)["type"]
            )
        return got


@pytest.fixture
def matrix(app: Flask, api: Api) -> Matrix:
    return Matrix(app, api)


def test_each_caller_reads_the_events_of_what_it_may_read_and_no_other(matrix: Matrix) -> None:
    first = matrix.ids["checkout.approved"]
    for who, may in EVENTS_OF.items():
        api = matrix.callers[who]
        listed = {event["type"] for event in api.get("/v1/events?limit=100").json["data"]}
        assert listed == may, who
        after = {event["type"] for event in api.get(f"/v1/events?limit=100&after={first}").json["data"]}
        assert after == may - {"checkout.approved"}, who
        for kind, event_id in matrix.ids.items():
            told = api.get(f"/v1/events/{event_id}").status_code
            assert told == (200 if kind in may else 404), (who, kind)
            found = api.get(f"/v1/events?type={kind}").json["data"]
            assert [event["id"] for event in found] == ([event_id] if kind in may else []), (who, kind)


def test_an_endpoint_is_told_what_who_set_it_up_may_read_at_that_moment(matrix: Matrix) -> None:
    with listening() as sink:
        endpoints = {}
        for who, api in matrix.callers.items():
            body = {"url": f"{sink.url}/{who.replace(' ', '-')}"}
            made = api.post("/v1/webhook_endpoints", body)
            assert made.status_code == (201 if who in SETS_UP else 403), made.text
            if who in SETS_UP:
                endpoints[who] = made.json["id"]
                assert set(made.json["withheld_events"]) == {*EVENT_TYPES} - EVENTS_OF[who]
                for kind in EVENT_TYPES:
                    named = api.call(
                        "PATCH", f"/v1/webhook_endpoints/{made.json['id']}", {"enabled_events": [kind]}
                    )
                    assert named.status_code == (200 if kind in EVENTS_OF[who] else 403), named.text
                    assert named.status_code == 200 or kind in named.json["detail"]
                api.call("PATCH", f"/v1/webhook_endpoints/{made.json['id']}", {"enabled_events": ["*"]})
        matrix.happen()
        assert matrix.told(sink) == {who: EVENTS_OF[who] for who in SETS_UP}

        developer, money = matrix.callers["developer"], matrix.ids["payout.paid"]
        for who, endpoint in endpoints.items():
            path = f"/v1/webhook_endpoints/{endpoint}"
            shown = developer.get(f"{path}/deliveries?limit=100")
            assert not {row["type"] for row in shown.json["data"]} & MONEY
            assert money not in shown.text
            all_of_today = {"from": "2026-11-23T00:00:00Z", "to": "2026-11-24T00:00:00Z"}
            assert (
                developer.post(f"{path}/replay", {**all_of_today, "types": ["payout.paid"]}).status_code
                == 403
            )
            again = developer.post(f"{path}/replay", all_of_today)
            assert again.json["queued"] == 2 * len(EVENTS_OF["developer"] & EVENTS_OF[who])
            sample = developer.post(f"{path}/test", {"type": "payout.paid"})
            assert (sample.status_code, sample.json["param"]) == (403, "type"), "as the field is called here"
            assert developer.post(f"{path}/test").status_code == 200
        assert not matrix.told(sink)["developer"] & MONEY
        (delivery,) = [
            row["id"]
            for row in matrix.api.get(
                f"/v1/webhook_endpoints/{endpoints['owner']}/deliveries?limit=100"
            ).json["data"]
            if row["type"] == "payout.paid"
        ]
        assert developer.post(f"/v1/webhook_deliveries/{delivery}/retry").status_code == 404

        matrix.happen()
        matrix.became("owner", role="developer")
        matrix.became("developer", removed_at=matrix.gateway.clock())
        matrix.gateway.db.write(
            lambda tx: merchants.agree_scopes(tx, matrix.tenant.merchant_id, take=["settlements:read"])
        )
        told = matrix.told(sink)
        assert told == {
            "owner": EVENTS_OF["developer"],
            "server": {*EVENT_TYPES} - MONEY,
            "server for payments": EVENTS_OF["server for payments"],
        }
        assert matrix.api.get(f"/v1/webhook_endpoints/{endpoints['developer']}").json["withheld_events"] == [
            *EVENT_TYPES
        ]


def test_whoever_moves_an_endpoint_brings_their_own_rights(matrix: Matrix) -> None:
    owner, developer = matrix.callers["owner"], matrix.callers["developer"]
    with listening() as sink:
        named = {"url": sink.url, "enabled_events": ["payout.paid", "payment.captured"]}
        path = f"/v1/webhook_endpoints/{owner.post('/v1/webhook_endpoints', named).json['id']}"
        assert developer.call("PATCH", path, {"description": "books"}).json["withheld_events"] == []
        moved = developer.call("PATCH", path, {"url": f"{sink.url}/mine"})
        assert (moved.status_code, moved.json["code"]) == (403, "insufficient_role")
        assert "payout.paid" in moved.json["detail"]
        assert owner.call("PATCH", path, {"enabled_events": ["*"]}).json["withheld_events"] == []
        moved = developer.call("PATCH", path, {"url": f"{sink.url}/mine"})
        assert set(moved.json["withheld_events"]) == MONEY | FILES
        matrix.happen()
        assert matrix.told(sink) == {"mine": EVENTS_OF["developer"]}
        assert owner.call("PATCH", path, {"url": sink.url}).json["withheld_events"] == []
