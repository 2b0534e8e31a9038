"""The commands ``client`` and ``keys``: what they make works, and a secret is shown once and never again."""

from __future__ import annotations

import json
import shutil

import pytest
from joserfc.jwk import ECKey
from sqlmodel import select

from gateway.app import gateway_of
from gateway.audit.models import AuditEntry
from gateway.cli import main
from gateway.config import from_environment


@pytest.fixture
def run(tmp_path, sqlite_template, monkeypatch, capsys):
    """The command on a data folder of its own."""
    shutil.copy(sqlite_template, tmp_path / "fenqi.sqlite")
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.delenv("FENQI_DATA_DIR", raising=False)

    def command(*arguments: str, code: int = 0):
        assert main([*arguments, "--data", str(tmp_path)]) == code
        found = capsys.readouterr()
        return json.loads(found.out) if found.out.startswith(("{", "[")) else found.out + found.err

    return command


@pytest.fixture
def merchant(run) -> dict:
    return run(
        "merchant", "create", "--name", "商户", "--name-en", "Shop", "--category", "3c", "--email", "a@b.example"
    )  # fmt: skip


def test_a_client_with_a_secret_is_made_rotated_and_ended(run, merchant):
    made = run("client", "create", merchant["merchant"], "--scope", "payments:read")
    assert made["client_secret"].startswith("sk_test_")
    assert made["scopes"] == ["payments:read"]
    rotated = run("client", "rotate-secret", made["client_id"], "--overlap", "2")
    assert len(rotated["secrets"]) == 2
    assert sorted(row["expires_at"] is None for row in rotated["secrets"]) == [False, True]
    again = run("client", "rotate-secret", made["client_id"])
    assert len(again["secrets"]) == 3
    assert again["secrets"][0] == rotated["secrets"][0], "its end stays"
    for wrong in ("-1", "721"):
        assert "0 to 720 hours" in run(
            "client", "rotate-secret", made["client_id"], "--overlap", wrong, code=1
        )
    first = again["secrets"][0]["id"]
    assert first in run("client", "revoke-secret", made["client_id"], first)
    assert first in run("client", "revoke-secret", made["client_id"], first, code=1)
    listed = run("client", "list", merchant["merchant"], "--json")
    assert [len(row["secrets"]) for row in listed] == [1, 2]
    assert made["client_secret"] not in json.dumps(listed)


def test_live_secrets_say_so(run, merchant):
    assert run("client", "create", merchant["merchant"], "--mode", "live")["client_secret"].startswith(
        "sk_live_"
    )


def test_a_client_with_keys_has_no_secret(run, merchant, tmp_path):
    file = tmp_path / "jwks.json"
    file.write_text(json.dumps({"keys": [ECKey.generate_key("P-256").as_dict(private=False)]}))
    made = run("client", "create", merchant["merchant"], "--jwks", str(file), "--require-dpop")
    assert (made["token_endpoint_auth_method"], made["assertion_alg"]) == ("private_key_jwt", "ES256")
    assert (made["secrets"], made["dpop_bound_access_tokens"]) == ([], True)
    run("client", "rotate-secret", made["client_id"], code=1)
    required = run("client", "require", made["client_id"], "--no-dpop", "--par")
    assert (required["dpop_bound_access_tokens"], required["require_pushed_authorization_requests"]) == (
        False,
        True,
    )
    file.write_text("{")
    run("client", "set-keys", made["client_id"], "--jwks", str(file), code=1)
    run("client", "create", "mer_nobody", code=1)


def test_keys_are_rotated_and_listed(run, merchant):
    assert [row["state"] for row in run("keys", "list", "--json")] == ["signs", "waits"]
    assert [row["state"] for row in run("keys", "rotate")] == ["verifies", "signs", "waits"]
    run("keys", "rotate")
    assert "in progress" in run("keys", "rotate", code=1)


def test_every_change_stands_in_the_audit_log_without_the_secret(run, merchant, tmp_path):
    made = run("client", "create", merchant["merchant"])
    rotated = run("client", "rotate-secret", made["client_id"])
    run("client", "revoke-secret", made["client_id"], rotated["secrets"][0]["id"])
    run("client", "require", made["client_id"], "--dpop")
    run("keys", "rotate")
    with gateway_of(from_environment(data_dir=str(tmp_path))).db.read() as tx:
        entries = list(tx.exec(select(AuditEntry).order_by(AuditEntry.number)))
    assert [entry.action for entry in entries] == [
        "merchant.create",
        "client.create",
        "client.rotate_secret",
        "client.revoke_secret",
        "client.require",
        "keys.rotate",
    ]
    assert {entry.actor_kind for entry in entries} == {"operator"}
    assert [entry.about for entry in entries[1:5]] == [made["client_id"]] * 4
    written = json.dumps([entry.facts for entry in entries])
    assert made["client_secret"] not in written
    assert rotated["client_secret"] not in written
