"""What each role may do, written here a second time: a change has to be meant twice."""

from __future__ import annotations

from gateway.core.roles import ROLE_SCOPES, holders
from gateway.core.scopes import ALL_SCOPES, MERCHANT_SCOPES, PORTAL_SCOPES, SERVER_SCOPES, entitled, in_order

READ = {"checkouts:read", "payments:read", "events:read", "portal"}
WRITE = {"checkouts:write", "payments:write", "refunds:write", "reconciliations:write", "webhooks:write"}
MAY = {
    "owner": READ | WRITE | {"settlements:read", "scores:write"},
    "finance": READ | {"settlements:read", "refunds:write", "reconciliations:write"},
    "operations": READ | {"checkouts:write", "settlements:read", "payments:write", "refunds:write"},
    "developer": READ | {"webhooks:write"},
    "viewer": READ | {"settlements:read"},
}


def test_roles_have_their_scopes_and_no_other() -> None:
    assert {role: set(scopes) for role, scopes in ROLE_SCOPES.items()} == MAY
    assert holders(["payments:write"]) == ["owner", "operations"]
    assert holders(["settlements:read", "webhooks:write"]) == list(MAY)


def test_only_a_partner_institution_scores_and_no_server_enters_the_portal() -> None:
    assert set(SERVER_SCOPES) == MAY["owner"] - {"portal"}
    assert set(MERCHANT_SCOPES) == MAY["owner"] - {"portal", "scores:write"}
    assert set(ALL_SCOPES) == MAY["owner"]
    assert MAY["owner"] - set(PORTAL_SCOPES) == {"scores:write"}


def test_a_token_has_what_client_agreement_and_person_have_in_common() -> None:
    agreed = ["payments:read", "refunds:write", "events:read"]
    assert entitled(["payments:read", "scores:write"], agreed, None) == {"payments:read"}
    assert entitled(PORTAL_SCOPES, agreed, "developer") == {"payments:read", "events:read", "portal"}
    assert in_order(["refunds:write", "nobody:knows", "checkouts:read", "refunds:write"]) == [
        "checkouts:read",
        "refunds:write",
    ]
