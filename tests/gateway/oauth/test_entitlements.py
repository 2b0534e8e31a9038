"""What a token may do is what its client, the merchant's agreement and the person's role leave, at every grant."""

from __future__ import annotations

import argparse
import json

import pytest

from gateway.cli import merchants as verbs
from gateway.core.scopes import MERCHANT_SCOPES, PORTAL_SCOPES
from gateway.errors import InvalidRequest, NotFound, ValidationFailed
from gateway.merchants import commands
from gateway.merchants import service as merchants
from gateway.oauth import service
from gateway.team import service as team
from merchant_portal.tokens import SCOPES
from tests.one_database import database_url  # noqa: F401

SCORE = {"shopper": "x"}


@pytest.fixture
def gateway(app):
    return app.extensions["fenqi"]


@pytest.fixture
def merchant(api):
    return api.credentials["merchant"]


@pytest.fixture
def agree(gateway, merchant):
    return lambda **change: gateway.db.write(lambda tx: merchants.agree_scopes(tx, merchant, **change).scopes)


def ask(api, **more):
    named = {name: api.credentials[name] for name in ("client_id", "client_secret")}
    return api.client.post("/oauth/token", data={"grant_type": "client_credentials", **named, **more})


def test_the_portals_client_may_have_the_portals_scopes_and_no_other(portal, app, api):
    assert set(SCOPES.split()) == set(PORTAL_SCOPES), "it asks for what it may have"
    refused = portal.returned(portal.client.get(portal.address(scope="scores:write")))
    assert refused["error"] == "invalid_scope"
    tokens = portal.tokens()
    assert set(tokens["scope"].split()) == set(PORTAL_SCOPES)
    api.token = tokens["access_token"]
    assert api.post("/v1/scores", SCORE).json["code"] == "insufficient_scope"


def test_scores_need_an_agreement_and_end_with_it(api, agree, gateway, merchant):
    def create(scopes=("scores:write", "payments:read")):
        return gateway.db.write(
            lambda tx: service.create_client(
                tx, gateway.vault, merchant_id=merchant, mode="test", scopes=scopes
            )
        )

    with pytest.raises(ValidationFailed, match=rf"merchant grant {merchant} scores:write"):
        create()
    assert agree(give=["scores:write"]) == [*MERCHANT_SCOPES, "scores:write"]
    api.credentials["client_id"], api.credentials["client_secret"] = create()
    assert ask(api).json["scope"] == "payments:read scores:write"
    agree(take=["scores:write"])
    assert ask(api).json["scope"] == "payments:read"
    refused = ask(api, scope="scores:write")
    assert (refused.status_code, refused.json["error"]) == (400, "invalid_scope")
    assert "does not include scores:write" in refused.json["error_description"]
    agree(take=["payments:read"])
    assert ask(api).json["error"] == "invalid_scope"
    agree(give=["scores:write"])
    assert ask(api, scope="scores:write").status_code == 200


def test_a_refresh_brings_what_role_and_agreement_of_today_leave(portal, agree, gateway):
    tokens = portal.tokens()

    def refreshed():
        nonlocal tokens
        tokens = portal.refresh(tokens["refresh_token"]).json
        return set(tokens["scope"].split())

    def became(role):
        def work(tx):
            member = team.member_of_email(tx, portal.email)
            member.role = role
            tx.add(member)

        gateway.db.write(work)

    assert refreshed() == set(PORTAL_SCOPES)
    agree(take=["refunds:write"])
    assert refreshed() == {*PORTAL_SCOPES} - {"refunds:write"}
    became("developer")
    assert refreshed() == {"checkouts:read", "payments:read", "events:read", "webhooks:write", "portal"}
    became("owner")
    agree(give=["refunds:write"])
    assert refreshed() == set(PORTAL_SCOPES), "what comes back within a login is there again"


def test_a_code_is_exchanged_for_what_is_left_by_then(portal, agree):
    code = portal.code()
    agree(take=["webhooks:write"])
    assert "webhooks:write" not in portal.exchange(code).json["scope"]


def test_an_agreement_is_given_and_taken_by_the_command_line_and_audited(
    gateway, merchant, capsys, monkeypatch
):
    monkeypatch.setattr(verbs, "gateway_of", lambda options: gateway)
    options = argparse.Namespace(merchant=merchant, scope=["scores:write"])
    assert verbs._grant(options) == 0
    assert "scores:write" in capsys.readouterr().out
    assert commands.show(gateway.db, limit=10, as_json=True) == 0
    assert json.loads(capsys.readouterr().out)[0]["scopes"] == [*MERCHANT_SCOPES, "scores:write"]
    assert verbs._revoke(options) == 0
    assert "scores:write" not in capsys.readouterr().out
    with gateway.db.read() as tx:
        actions = [
            row.action
            for row in tx.connection().exec_driver_sql("SELECT action FROM audit_entry ORDER BY number")
        ]
    assert actions[-2:] == ["merchant.scopes", "merchant.scopes"]
    with pytest.raises(InvalidRequest, match="no scope 'root'"):
        verbs._grant(argparse.Namespace(merchant=merchant, scope=["root"]))
    with pytest.raises(NotFound):
        verbs._grant(argparse.Namespace(merchant="mer_none", scope=["scores:write"]))
