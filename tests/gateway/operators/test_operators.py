"""The commands ``operators``: who vouches for whom, and what a name and a code are worth."""

from __future__ import annotations

import json

from sqlmodel import select

from gateway.app import gateway_of
from gateway.audit.models import AuditEntry
from gateway.config import from_environment
from gateway.operators.models import Operator


def test_operators_vouch_for_one_another_and_a_name_is_given_once(shell):
    shell.operator("li.na")
    assert "must vouch" in shell("operators", "add", "wang.wei", code=1)
    shell.operator("wang.wei", by="li.na")
    again = shell("operators", "add", "WANG.WEI", "--by", "li.na", types=shell.app("li.na"), code=1)
    assert "already given" in again
    other = shell("operators", "add", "李", "--by", "wang.wei", types=shell.app("wang.wei"), code=1)
    assert "cannot be an operator's name" in other
    assert "Another operator must vouch" in shell("operators", "reset", "li.na", "--by", "li.na", code=1)
    assert "must vouch" in shell("operators", "reset", "li.na", code=1)
    made = shell("operators", "reset", "li.na", "--by", "wang.wei", types=shell.app("wang.wei"))
    assert made["secret"] != shell.secrets["li.na"]
    listed = shell("operators", "list", "--json")
    assert [(row["name"], row["confirmed_at"] is None) for row in listed] == [
        ("wang.wei", False),
        ("li.na", True),
    ]
    assert made["secret"] not in json.dumps(listed)


def test_a_removed_operator_proves_nothing_and_keeps_the_name(shell):
    shell.operator("li.na")
    shell.operator("wang.wei", by="li.na")
    assert "is removed" in shell(
        "operators", "remove", "li.na", "--by", "wang.wei", types=shell.app("wang.wei")
    )
    assert "no operator" in shell(
        "operators", "remove", "wang.wei", "--by", "li.na", types=shell.app("li.na"), code=1
    )
    assert "must vouch" in shell("operators", "add", "li.na", code=1)
    rows = shell("operators", "list", "--json")
    assert [row["removed_at"] is not None for row in rows] == [False, True]


def test_who_vouched_is_in_the_audit_log_and_secrets_outlive_a_new_master_key(shell):
    first = shell.operator("li.na")
    shell.operator("wang.wei", by="li.na")
    shell("privacy", "rotate-keys")
    assert "is removed" in shell(
        "operators", "remove", "li.na", "--by", "wang.wei", types=shell.app("wang.wei")
    )
    gateway = gateway_of(from_environment(data_dir=str(shell.folder)))
    with gateway.db.read() as tx:
        entries = [entry for entry in tx.exec(select(AuditEntry)) if entry.action == "operator.add"]
        assert [entry.facts["name"] for entry in entries] == ["li.na", "wang.wei"]
        assert entries[1].actor_id == first
        assert all(gateway.vault.is_current(row.secret) for row in tx.exec(select(Operator)))


def test_nobody_is_added_without_a_voucher_before_the_first_one_confirms(shell):
    first = shell("operators", "add", "li.na")
    told = shell("operators", "add", "wang.wei", code=1)
    assert "li.na was added and has not confirmed yet: run fenqi-gateway operators confirm li.na" in told
    again = shell("operators", "reset", "li.na")
    assert again["secret"] != first["secret"]
    shell.secrets["li.na"] = again["secret"]
    shell("operators", "confirm", "li.na", types=shell.app("li.na"))
    assert "must vouch" in shell("operators", "add", "wang.wei", code=1)
    shell.operator("wang.wei", by="li.na")


def test_an_operator_chooses_a_password_with_a_code_of_the_app(shell):
    shell.operator("li.na")
    refused = shell("operators", "password", "li.na", types=f"{shell.app('li.na')}password1234\n", code=1)
    assert "too common" in refused
    short = shell("operators", "password", "li.na", types=f"{shell.app('li.na')}short\n", code=1)
    assert "12 to 128" in short
    chosen = "four unrelated words here"
    assert "not the current code" in shell(
        "operators", "password", "li.na", types=f"000000\n{chosen}\n", code=1
    )
    done = shell("operators", "password", "li.na", types=f"{shell.app('li.na')}{chosen}\n")
    assert "may log in" in done
    assert chosen not in done
    gateway = gateway_of(from_environment(data_dir=str(shell.folder)))
    with gateway.db.read() as tx:
        assert [row.password.startswith("$argon2id$") for row in tx.exec(select(Operator))] == [True]
        assert "operator.password" in {entry.action for entry in tx.exec(select(AuditEntry))}
