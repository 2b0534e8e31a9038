"""What each role may: every operation of the API with the token of every role, then with one scope at a time."""

from __future__ import annotations

import re
import secrets

import pytest

from gateway.core.roles import ROLE_SCOPES, ROLES
from gateway.core.scopes import ALL_SCOPES, PORTAL_SCOPES
from merchant_portal.people import MAY
from tests.one_database import database_url  # noqa: F401

EVERYBODY = {"owner", "finance", "operations", "developer", "viewer"}
MAY_USE = {
    "checkouts:write": {"owner", "operations"},
    "checkouts:read": EVERYBODY,
    "payments:write": {"owner", "operations"},
    "payments:read": EVERYBODY,
    "refunds:write": {"owner", "finance", "operations"},
    "settlements:read": {"owner", "finance", "operations", "viewer"},
    "reconciliations:write": {"owner", "finance"},
    "events:read": EVERYBODY,
    "webhooks:write": {"owner", "developer"},
    "scores:write": {"owner"},
    "portal": EVERYBODY,
}
"""The table of docs/people.md, written here a second time: a change of rights has to be meant twice."""


@pytest.fixture
def operations(app):
    return [operation for api in app.extensions["fenqi.apis"] for operation in api.operations]


@pytest.fixture
def attempt(call):
    """Try an operation on ids that do not exist; returns the code of the problem, empty where there was none."""

    def send(token, operation):
        path = re.sub(r"<[^>]+>", "x_none", operation.path)
        body = {} if operation.takes_body else None
        answer = call(token, operation.method, path, body, **{"Idempotency-Key": secrets.token_hex(8)})
        assert answer.status_code < 500, (operation.path, answer.text)
        return answer.json["code"] if answer.status_code >= 400 else ""

    return send


def may(role, operation):
    """Whether the table above lets the role in."""
    able = set().union(*(MAY_USE[scope] for scope in operation.scope)) if operation.scope else EVERYBODY
    return role in (able & set(operation.roles) if operation.roles else able)


@pytest.mark.parametrize("role", ROLES)
def test_a_role_opens_its_operations_and_no_other(make_portal, operations, attempt, role):
    token = make_portal(role).tokens()["access_token"]
    wrong = {}
    for operation in operations:
        code = attempt(token, operation)
        able = may(role, operation)
        # A person comes by the portal, whose client may have no more than its pages need.
        expected = able and (not operation.scope or bool({*PORTAL_SCOPES} & {*operation.scope}))
        if (code in ("insufficient_role", "insufficient_scope", "unauthenticated")) == expected:
            wrong[operation.method, operation.path] = code
        if not expected:
            assert code == ("insufficient_scope" if able else "insufficient_role"), (operation.path, code)
    assert len(operations) >= 40
    assert wrong == {}


def test_a_token_of_one_scope_opens_nothing_else(make_portal, operations, attempt):
    """A role holds for the person; the scope that was asked for narrows the token further."""
    owner = make_portal("owner")
    for scope in PORTAL_SCOPES:
        token = owner.tokens(scope=scope)["access_token"]
        for operation in operations:
            code = attempt(token, operation)
            expected = not operation.scope or scope in operation.scope
            assert (code != "insufficient_scope") == expected, (scope, operation.path, code)


def test_the_table_of_roles_is_the_one_written_here():
    assert set(MAY_USE) == set(ALL_SCOPES)
    assert {scope: {role for role in ROLES if scope in ROLE_SCOPES[role]} for scope in ALL_SCOPES} == MAY_USE


def test_the_matrix_that_the_portal_shows_is_the_gateways():
    scopes = {
        "read": "payments:read",
        "settlements": "settlements:read",
        "in_store": "checkouts:write",
        "capture": "payments:write",
        "refund": "refunds:write",
        "webhooks": "webhooks:write",
    }
    assert {what: set(roles) for what, roles in MAY.items() if what in scopes} == {
        what: MAY_USE[scope] for what, scope in scopes.items()
    }
    assert MAY["team"] == ("owner",)


def test_who_may_not_is_told_who_may(make_portal, call):
    token = make_portal("viewer").tokens()["access_token"]
    answer = call(token, "POST", "/v1/refunds", {"payment": "pay_x"}, **{"Idempotency-Key": "k"})
    assert answer.status_code == 403
    assert answer.json["roles"] == ["owner", "finance", "operations"]
    assert "viewer" in answer.json["detail"]
    answer = call(token, "POST", "/v1/team", {})
    assert (answer.status_code, answer.json["roles"]) == (403, ["owner"])


def test_a_merchants_server_has_no_account_and_no_team(api, operations):
    for operation in operations:
        if operation.scope == ("portal",):
            answer = api.call(operation.method, re.sub(r"<[^>]+>", "x", operation.path), {})
            assert (answer.status_code, answer.json["code"]) == (403, "insufficient_scope"), operation.path


def test_what_moves_money_back_or_gives_power_wants_a_recent_login(operations):
    """A new operation of this kind has to say so; a refund says it in its view, by amount."""
    wanted = [
        operation
        for operation in operations
        if operation.writes
        and (operation.roles or {"refunds:write", "webhooks:write"} & set(operation.scope))
    ]
    without = {(one.method, one.path) for one in wanted if one.step_up is not True}
    assert without == {
        ("POST", "/v1/refunds"),
        ("DELETE", "/v1/team/invitations/<invitation_id>"),
        ("POST", "/v1/payout_accounts/<account_id>/cancel"),
        ("PATCH", "/v1/voucher_accounts"),
        ("POST", "/v1/webhook_endpoints/<endpoint_id>/replay"),
        ("POST", "/v1/webhook_endpoints/<endpoint_id>/test"),
        ("POST", "/v1/webhook_deliveries/<delivery_id>/retry"),
    }
