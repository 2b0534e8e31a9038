"""What each role may do, over every operation of the API; and that pages, tokens and refusals tell the same."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.app import APIS
from gateway.core.roles import ROLE_SCOPES, ROLES
from merchant_portal.people import MAY

EVERYBODY = set(ROLES)
MONEY = {"owner", "finance", "operations", "viewer"}
EXAMPLES: dict[str, tuple[str, str, set[str]]] = {
    "read payments": ("GET", "/v1/payments", EVERYBODY),
    "read settlements": ("GET", "/v1/settlements", MONEY),
    "read the balance": ("GET", "/v1/balance", MONEY),
    "capture": ("POST", "/v1/payments/pay_x/capture", {"owner", "operations"}),
    "void": ("POST", "/v1/payments/pay_x/void", {"owner", "operations"}),
    "refund": ("POST", "/v1/refunds", {"owner", "finance", "operations"}),
    "create a checkout": ("POST", "/v1/checkouts", {"owner"}),
    "make a webhook endpoint": ("POST", "/v1/webhook_endpoints", {"owner", "developer"}),
    "see the team": ("GET", "/v1/team", EVERYBODY),
    "invite": ("POST", "/v1/team", {"owner"}),
    "see the invitations": ("GET", "/v1/team/invitations", {"owner"}),
    "change a role": ("PATCH", "/v1/team/mem_x", {"owner"}),
    "remove a colleague": ("DELETE", "/v1/team/mem_x", {"owner"}),
    "see oneself": ("GET", "/v1/account", EVERYBODY),
}


@pytest.fixture
def tokens(make_portal: Any) -> dict[str, str]:
    """An access token of one person of each role, fresh from the login."""
    return {role: make_portal(role, f"{role}@shop.example").tokens()["access_token"] for role in ROLE_SCOPES}


def test_each_role_may_what_the_table_says(call, tokens):
    for what, (method, path, able) in EXAMPLES.items():
        answers = {role: call(token, method, path, {}) for role, token in tokens.items()}
        assert {role for role, answer in answers.items() if answer.status_code != 403} == able, what
        for role in EVERYBODY - able:
            problem = answers[role].json
            assert problem["code"] == "insufficient_role"
            assert set(problem["roles"]) == able, what
            assert role in problem["detail"]


def test_no_operation_takes_a_role_without_its_scope(call, tokens):
    for api in APIS:
        for operation in api.operations:
            if not operation.scope:
                continue
            path = operation.path.replace("<", "").replace(">", "")
            able = {role for role, held in ROLE_SCOPES.items() if set(held) & set(operation.scope)}
            able &= set(operation.roles) or EVERYBODY
            refused = {
                role
                for role, token in tokens.items()
                if call(token, operation.method, path, {}).status_code == 403
            }
            assert refused == EVERYBODY - able, f"{operation.method} {operation.path}"


def test_a_token_that_asked_for_less_than_the_role_is_told_so(make_portal, call):
    token = make_portal().tokens(scope="portal payments:read")["access_token"]
    answer = call(token, "POST", "/v1/refunds", {})
    assert (answer.status_code, answer.json["code"]) == (403, "insufficient_scope")


def test_the_portals_matrix_is_the_gateways():
    scopes = {
        "read": "payments:read",
        "settlements": "settlements:read",
        "capture": "payments:write",
        "refund": "refunds:write",
        "webhooks": "webhooks:write",
    }
    for what, scope in scopes.items():
        assert set(MAY[what]) == {role for role, held in ROLE_SCOPES.items() if scope in held}, what
    assert MAY["team"] == ("owner",)
