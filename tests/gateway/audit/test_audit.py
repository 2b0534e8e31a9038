"""The audit log: what is recorded, that it cannot be changed, and that a change by force is named."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from gateway import cli
from gateway.audit import chain, commands, service
from gateway.audit.models import AuditEntry
from gateway.audit.service import Actor
from gateway.audit.verify import Report, verify
from gateway.merchants import commands as merchant_commands
from gateway.process.daily import sweep
from tests import older_release
from tests.one_database import database_url, on_both  # noqa: F401

ME = Actor("operator", "ming")
TRIGGERS = (
    "SELECT name, sql FROM sqlite_master"
    " WHERE (name LIKE 'audit_%' OR name LIKE 'signed_%') AND type = 'trigger'"
)


@pytest.fixture
def gateway(app: Any) -> Any:
    return app.extensions["fenqi"]


@pytest.fixture
def logged(gateway: Any, api: Any, clock: Any) -> Any:
    """A merchant's first days: created, a reserve, two accounts; a signed root after each day."""
    merchant = api.credentials["merchant"]
    merchant_commands.reserve(gateway.db, ME, merchant, rate="0.05", days=30)
    clock.advance(days=1)
    sweep(gateway)
    for account in ("acct_1", "acct_2"):
        gateway.db.write(lambda tx, account=account: older_release.name_payout_account(tx, merchant, account))
    clock.advance(days=1)
    sweep(gateway)
    return gateway


def entries(gateway: Any) -> list[AuditEntry]:
    with gateway.db.read() as tx:
        return list(tx.exec(service.select(AuditEntry).order_by(AuditEntry.number)))


def checked(gateway: Any) -> Report:
    with gateway.db.read() as tx:
        return verify(tx, gateway.ports.signing_authority)


def by_force(gateway: Any, sql: str) -> None:
    """Run SQL as somebody who can switch the triggers off."""
    if gateway.db.engine.dialect.name == "postgresql":
        with gateway.db.engine.begin() as connection:
            connection.execute(text("SET session_replication_role = replica"))
            connection.execute(text(sql))
            connection.execute(text("SET session_replication_role = origin"))
        return
    raw = gateway.db.engine.raw_connection()
    raw.execute("PRAGMA foreign_keys = OFF")
    triggers = raw.execute(TRIGGERS).fetchall()
    for name, _ in triggers:
        raw.execute(f"DROP TRIGGER {name}")
    raw.execute(sql)
    for _, statement in triggers:
        raw.execute(statement)
    raw.execute("PRAGMA foreign_keys = ON")
    raw.close()


def rehash(gateway: Any, first: int) -> None:
    """Change every entry from ``first`` on and make the chain of hashes right again, as its owner could."""
    previous = None
    for entry in entries(gateway):
        row = entry.model_dump()
        if entry.number >= first:
            row["actor_id"], row["previous_hash"] = "somebody", previous or row["previous_hash"]
            row["hash"] = chain.entry_hash(row)
            by_force(
                gateway,
                f"UPDATE audit_entry SET actor_id = 'somebody', previous_hash = '{row['previous_hash']}',"
                f" hash = '{row['hash']}' WHERE number = {entry.number}",
            )
        previous = row["hash"]


def test_what_operators_do_is_recorded_with_hashes_of_before_and_after(logged: Any, api: Any) -> None:
    found = entries(logged)
    assert [entry.action for entry in found] == [
        "merchant.create",
        "merchant.reserve",
        "merchant.payout_account",
        "merchant.payout_account",
    ]
    assert {entry.about for entry in found} == {api.credentials["merchant"]}
    assert [entry.number for entry in found] == [1, 2, 3, 4]
    first, second = found[2:]
    assert (first.before_sha256, first.after_sha256) == (chain.digest(""), chain.digest("acct_1"))
    assert second.before_sha256 == first.after_sha256
    assert (second.actor_kind, second.actor_id) == ("operator", "ming")
    assert checked(logged).ok


def test_a_refused_action_leaves_no_entry(logged: Any, api: Any) -> None:
    with pytest.raises(Exception, match="at most"):
        merchant_commands.reserve(logged.db, ME, api.credentials["merchant"], rate="0.9", days=30)
    assert len(entries(logged)) == 4


def test_what_people_write_by_the_api_is_recorded_and_what_they_read_is_not(
    api: Any, gateway: Any, person: Any
) -> None:
    payment = api.captured()
    before = len(entries(gateway))
    person.get("/v1/payments")
    refund = {"payment": payment["id"], "amount": 10_000, "kind": "return", "reason": "sent back"}
    answer = person.post("/v1/refunds", refund, key="refund-1")
    assert answer.status_code == 201, answer.text
    assert person.post("/v1/refunds", refund, key="refund-1").headers["Idempotent-Replayed"] == "true"
    (entry,) = entries(gateway)[before:]
    assert (entry.actor_kind, entry.action, entry.about) == ("member", "create_refund", answer.json["id"])
    listed = person.get("/v1/audit_entries?action=create_refund").json["data"]
    assert [row["number"] for row in listed] == [entry.number]
    assert listed[0]["hash"] == entry.hash


@on_both
def test_the_list_has_pages_and_knows_its_own_cursors(api: Any, logged: Any, person: Any) -> None:
    first = person.get("/v1/audit_entries?limit=4").json
    assert first["data"][0]["action"] == "login"
    assert [row["number"] for row in first["data"]] == [5, 4, 3, 2]
    rest = person.get(f"/v1/audit_entries?limit=4&cursor={first['next_cursor']}").json
    assert [row["number"] for row in rest["data"]] == [1]
    assert person.get("/v1/audit_entries?cursor=YWJj").status_code == 400
    assert api.get("/v1/audit_entries").json["code"] == "insufficient_scope"


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE audit_entry SET actor_id = 'somebody' WHERE number = 2",
        "DELETE FROM audit_entry WHERE number = 4",
        "UPDATE signed_root SET number = 1",
        "DELETE FROM signed_root",
        "INSERT INTO audit_entry SELECT 9, at, actor_kind, actor_id, action, about, merchant_id, mode, facts,"
        " before_sha256, after_sha256, previous_hash, '{}' FROM audit_entry WHERE number = 4".format(
            "f" * 64
        ),
    ],
)
@on_both
def test_the_database_refuses(logged: Any, sql: str) -> None:
    with pytest.raises(DBAPIError, match=r"audit:|roots:"), logged.db.engine.begin() as connection:
        connection.execute(text(sql))
    assert checked(logged).ok


@pytest.mark.parametrize(
    ("sql", "number", "what"),
    [
        ("UPDATE audit_entry SET actor_id = 'somebody' WHERE number = 2", 2, "entry"),
        ('UPDATE audit_entry SET facts = \'{"rate": "0.01"}\' WHERE number = 2', 2, "entry"),
        ("DELETE FROM audit_entry WHERE number = 3", 4, "gap"),
        ("UPDATE signed_root SET hash = '{}'".format("f" * 64), 2, "root"),
        ("UPDATE signed_root SET signature = 'AAAA' WHERE number = 4", 4, "root"),
    ],
)
def test_what_was_changed_by_force_is_named(logged: Any, sql: str, number: int, what: str) -> None:
    by_force(logged, sql)
    report = checked(logged)
    assert not report.ok
    assert (report.problems[0].number, report.problems[0].what) == (number, what)


def test_a_log_rewritten_from_one_entry_on_no_longer_meets_its_signed_root(logged: Any) -> None:
    rehash(logged, 2)
    report = checked(logged)
    assert [(problem.number, problem.what) for problem in report.problems] == [(2, "rewritten")]


def test_a_cut_off_end_is_missed_by_the_signed_root(logged: Any) -> None:
    by_force(logged, "DELETE FROM audit_entry WHERE number = 4")
    assert [problem.detail for problem in checked(logged).problems] == [
        "the audit log is cut off after entry 3, and entry 4 was signed at 2026-11-25T04:00:00.000000+00:00"
    ]


def test_the_commands_tell_and_their_exit_code_says_so(logged: Any, capsys: Any) -> None:
    authority = logged.ports.signing_authority
    assert commands.verify(logged.db, authority, as_json=False) == 0
    assert "Entries checked: 4, signed roots: 2." in capsys.readouterr().out
    assert commands.roots(logged.db) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(row["chain"], row["number"]) for row in rows] == [("audit", 2), ("audit", 4)]
    by_force(logged, "UPDATE audit_entry SET about = 'mer_x' WHERE number = 1")
    assert commands.verify(logged.db, authority, as_json=True) == 1
    assert json.loads(capsys.readouterr().out)["first"] == 1


@on_both
def test_parallel_actions_queue_in_the_chain(gateway: Any, api: Any) -> None:
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415

    merchant = api.credentials["merchant"]
    with ThreadPoolExecutor(8) as pool:
        list(
            pool.map(
                lambda number: gateway.db.write(
                    lambda tx: service.record(tx, ME, "tried", about=f"thing_{number}", merchant_id=merchant)
                ),
                range(24),
            )
        )
    assert [entry.number for entry in entries(gateway)] == list(range(1, 26))
    assert checked(gateway).ok


def test_the_command_line_records_who_ran_it(tmp_path: Any, monkeypatch: Any, capsys: Any) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    data = ["--data", str(tmp_path)]
    assert cli.main(["migrate", *data]) == 0
    create = [
        "merchant",
        "create",
        "--name",
        "灯塔",
        "--name-en",
        "Lighthouse",
        "--category",
        "3c",
        "--email",
        "a@b.example",
    ]
    assert cli.main([*create, *data]) == 0
    merchant = json.loads(capsys.readouterr().out.partition("\n")[2])["merchant"]
    assert cli.main(["merchant", "payout-account", merchant, "acct_1", "--reason", "contract", *data]) == 0
    assert cli.main(["audit", "verify", *data]) == 0
    assert "Entries checked: 2" in capsys.readouterr().out
