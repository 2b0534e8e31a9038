"""Clients, secrets and people: what is created, what is refused, and what the tables themselves forbid."""

from __future__ import annotations

import base64
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from gateway.core.scopes import SERVER_SCOPES
from gateway.core.tenant import Tenant
from gateway.errors import Conflict, NotFound, TooManySecrets, ValidationFailed
from gateway.oauth import service
from gateway.oauth.clients.machine_secrets import is_well_formed, new_secret
from gateway.oauth.tokens import replay_guard
from gateway.team import passwords
from gateway.team import service as team
from tests.one_database import database_url, on_both  # noqa: F401


def works(api, secret: str) -> bool:
    pair = f"{api.credentials['client_id']}:{secret}".encode()
    headers = {"Authorization": "Basic " + base64.b64encode(pair).decode()}
    answer = api.client.post("/oauth/token", data={"grant_type": "client_credentials"}, headers=headers)
    return answer.status_code == 200


@pytest.fixture
def write(app):
    return app.extensions["fenqi"].db.write


@pytest.fixture
def rotate(app, api):
    """Rotates the secret of the merchant's client."""

    def work(overlap: timedelta) -> str:
        here, named = app.extensions["fenqi"], api.credentials
        tenant = Tenant(named["merchant"], "test")
        return here.db.write(
            lambda tx: service.rotate_secret(
                tx, here.vault, tenant, client_id=named["client_id"], overlap=overlap
            )
        )

    return work


def test_two_secrets_are_valid_while_one_replaces_the_other(api, rotate, clock):
    old = api.credentials["client_secret"]
    new = rotate(timedelta(hours=24))
    assert (works(api, old), works(api, new)) == (True, True)
    clock.advance(hours=23, minutes=59, seconds=59)
    assert works(api, old)
    clock.advance(seconds=1)
    assert (works(api, old), works(api, new)) == (False, True)


def test_a_further_rotation_does_not_lengthen_an_old_secrets_life(api, rotate, clock):
    rotate(timedelta(hours=1))
    rotate(timedelta(hours=24))
    clock.advance(hours=1)
    assert not works(api, api.credentials["client_secret"])


def test_a_further_rotation_ends_no_secret_early(api, rotate, clock):
    first = api.credentials["client_secret"]
    second = rotate(timedelta(hours=24))
    clock.advance(minutes=1)
    third = rotate(timedelta(hours=24))
    assert [works(api, secret) for secret in (first, second, third)] == [True, True, True]
    clock.advance(hours=23, minutes=59)
    assert [works(api, secret) for secret in (first, second, third)] == [False, True, True]
    clock.advance(minutes=1)
    assert [works(api, secret) for secret in (first, second, third)] == [False, False, True]


def test_a_client_has_five_valid_secrets_at_most(app, api, rotate, clock):
    made = [api.credentials["client_secret"], *(rotate(timedelta(hours=24)) for _ in range(4))]
    with pytest.raises(TooManySecrets, match="revoke one"):
        rotate(timedelta(hours=24))
    assert all(works(api, secret) for secret in made)
    assert works(api, rotate(timedelta())), "without an overlap the number stays five"
    assert [works(api, secret) for secret in made] == [True] * 4 + [False]
    clock.advance(hours=25)
    app.extensions["fenqi"].db.write(replay_guard.forget_expired)
    with app.extensions["fenqi"].db.read() as tx:
        kept = tx.execute(text("SELECT count(*), count(expires_at) FROM client_secret")).one()
    assert tuple(kept) == (1, 0)
    assert works(api, rotate(timedelta(hours=1)))


def test_a_rotation_without_overlap_ends_the_old_secret_at_once(api, rotate):
    new = rotate(timedelta())
    assert (works(api, api.credentials["client_secret"]), works(api, new)) == (False, True)


def test_another_merchants_or_modes_client_is_not_found(app, api, new_merchant):
    here, other = app.extensions["fenqi"], new_merchant()
    for tenant in (
        Tenant(other.credentials["merchant"], "test"),
        Tenant(api.credentials["merchant"], "live"),
    ):
        with pytest.raises(NotFound):
            here.db.write(
                lambda tx, tenant=tenant: service.rotate_secret(
                    tx, here.vault, tenant, client_id=api.credentials["client_id"]
                )
            )
    assert works(api, api.credentials["client_secret"])


def test_a_client_may_have_fewer_scopes(app, api):
    here = app.extensions["fenqi"]
    client_id, secret = here.db.write(
        lambda tx: service.create_client(
            tx, here.vault, merchant_id=api.credentials["merchant"], mode="live", scopes=("payments:read",)
        )
    )
    assert client_id.startswith("ci_live_")
    assert secret.startswith("sk_live_")
    body = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret}
    assert api.client.post("/oauth/token", data=body).json["scope"] == "payments:read"


@pytest.mark.parametrize("scopes", [("portal",), ("root",), (), ("payments:read", "portal")])
def test_a_server_never_gets_the_portals_scope(app, api, scopes):
    here = app.extensions["fenqi"]
    with pytest.raises(ValidationFailed):
        here.db.write(
            lambda tx: service.create_client(
                tx, here.vault, merchant_id=api.credentials["merchant"], mode="test", scopes=scopes
            )
        )


def test_a_client_needs_a_merchant(app):
    here = app.extensions["fenqi"]
    with pytest.raises(NotFound):
        here.db.write(lambda tx: service.create_client(tx, here.vault, merchant_id="mer_nobody", mode="test"))


def test_the_portals_client_is_made_once_and_follows_its_address(write):
    first = write(lambda tx: service.portal_client(tx, redirect_uris=["http://a.test/cb"], mode="test"))
    second = write(lambda tx: service.portal_client(tx, redirect_uris=["http://b.test/cb"], mode="test"))
    live = write(lambda tx: service.portal_client(tx, redirect_uris=["https://b.test/cb"], mode="live"))
    assert first.client_id == second.client_id == "ci_test_portal"
    assert live.client_id == "ci_live_portal"
    assert second.redirect_uris == ["http://b.test/cb"]


@pytest.mark.parametrize(
    ("address", "mode"),
    [
        ("http://shop.example/cb", "live"),
        ("javascript:alert(1)", "test"),
        ("https://user@shop.example/cb", "test"),
        ("https://shop.example/cb#x", "test"),
        ("/cb", "test"),
        ("https://", "test"),
        ("http://[x/cb", "test"),
        ("", "test"),
    ],
)
def test_no_code_is_sent_to_a_bad_address(write, address, mode):
    with pytest.raises(ValidationFailed):
        write(lambda tx: service.portal_client(tx, redirect_uris=[address], mode=mode))


MEMBER = {"email": "a@shop.example", "name": "王", "password": "long enough 1", "role": "viewer"}


@pytest.mark.parametrize(
    ("param", "value"),
    [
        ("email", "nobody"),
        ("email", "@shop.example"),
        ("email", "a b@shop.example"),
        ("email", "a\0@shop.example"),
        ("email", "x" * 250 + "@shop.example"),
        ("name", " "),
        ("name", "a\nb"),
        ("password", "short"),
        ("password", "x" * 129),
        ("role", "admin"),
    ],
)
def test_a_bad_field_of_a_person_is_named(write, api, param, value):
    with pytest.raises(ValidationFailed) as refused:
        write(
            lambda tx: team.create_team_member(
                tx, merchant_id=api.credentials["merchant"], **{**MEMBER, param: value}
            )
        )
    assert refused.value.param == param


@on_both
def test_an_address_has_one_login(write, api):
    merchant = api.credentials["merchant"]
    made = write(lambda tx: team.create_team_member(tx, merchant_id=merchant, **MEMBER))
    with pytest.raises(Conflict):
        write(
            lambda tx: team.create_team_member(
                tx, merchant_id=merchant, **{**MEMBER, "email": "A@Shop.Example"}
            )
        )
    assert write(lambda tx: team.member(tx, made.id)).name == "王"
    with pytest.raises(NotFound):
        write(lambda tx: team.member(tx, "mem_nobody"))


def test_the_same_password_is_kept_differently_for_two_people(write, api):
    merchant = api.credentials["merchant"]
    one = write(lambda tx: team.create_team_member(tx, merchant_id=merchant, **MEMBER))
    two = write(
        lambda tx: team.create_team_member(tx, merchant_id=merchant, **{**MEMBER, "email": "b@shop.example"})
    )
    assert one.password != two.password
    assert one.password.startswith("$argon2id$v=19$")
    assert (passwords.PASSES, passwords.MEMORY_KIB, passwords.LANES) == (2, 19_456, 1)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE oauth_client SET mode = 'live' WHERE kind = 'server'",
        "UPDATE oauth_client SET id = 'ci_live_x', mode = 'test' WHERE kind = 'server'",
        "UPDATE oauth_client SET merchant_id = NULL WHERE kind = 'server'",
        "UPDATE oauth_client SET kind = 'portal' WHERE kind = 'server'",
        "UPDATE refresh_token SET mode = 'live'",
        "UPDATE authorization_code SET mode = 'live'",
        "UPDATE authorization_code SET code_challenge = 'plain'",
        "UPDATE team_member SET password = 'correct horse battery'",
        "UPDATE team_member SET role = 'admin'",
        "UPDATE client_secret SET secret_lookup = 'sk_test_1'",
    ],
)
@on_both
def test_the_tables_refuse_what_the_code_never_does(write, api, portal, statement):
    portal.tokens()
    with pytest.raises(IntegrityError):
        write(lambda tx: tx.execute(text(statement)))
    assert works(api, api.credentials["client_secret"])


def test_a_secret_has_256_bits_a_prefix_and_a_checksum():
    found = {new_secret("sk_test") for _ in range(200)}
    assert len(found) == 200
    for secret in found:
        prefix, mode, body = secret.split("_")
        assert (prefix, mode, len(body)) == ("sk", "test", 49)
        assert body.isalnum()
        assert is_well_formed(secret)
        assert not is_well_formed(secret[:-1] + ("0" if secret[-1] != "0" else "1"))
        assert not is_well_formed(secret.replace("test", "live"))
    for wrong in ("", "sk_test_", "sk_test_x", "_" * 60, "sk_test_" + "é" * 49):
        assert not is_well_formed(wrong)


def test_the_scopes_are_those_of_the_contract(api):
    found = api.client.get("/.well-known/oauth-authorization-server").json["scopes_supported"]
    assert " ".join(found) == (
        "checkouts:write checkouts:read payments:write payments:read refunds:write settlements:read "
        "reconciliations:write events:read webhooks:write scores:write portal"
    )
    assert "portal" not in SERVER_SCOPES
