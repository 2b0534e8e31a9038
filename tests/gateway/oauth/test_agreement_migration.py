"""Older data comes along: who could ask for scores still may, and an endpoint has the rights of who made it."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import create_engine, text

from gateway.core.scopes import MERCHANT_SCOPES
from gateway.db.engine import canonical_url
from gateway.db.migrate import upgrade

AT = "2026-11-23T04:00:00.000000Z"


def fill(connection, table, **values):
    names = ", ".join(values)
    places = ", ".join(f":{name}" for name in values)
    connection.execute(text(f"INSERT INTO {table} ({names}) VALUES ({places})"), values)


@pytest.fixture
def migrated(tmp_path):
    url = f"sqlite:///{tmp_path / 'old.sqlite'}"
    upgrade(url, "0024")
    engine = create_engine(canonical_url(url))
    with engine.begin() as connection:
        connection.execute(text("PRAGMA foreign_keys = OFF"))
        for merchant, scopes in (("mer_1", [*MERCHANT_SCOPES]), ("mer_2", ["scores:write"])):
            fill(
                connection, "merchant", id=merchant, name="商", name_en="M", category="3c",
                allowed_origins="[]", created_at=AT,
            )  # fmt: skip
            fill(
                connection, "oauth_client", id=f"ci_test_{merchant}", kind="server", merchant_id=merchant,
                mode="test", scopes=json.dumps(scopes), redirect_uris="[]", created_at=AT,
            )  # fmt: skip
        for number, (kind, who) in enumerate([("member", "mem_1"), ("client", "ci_test_mer_1"), ("", "")], 1):
            fill(
                connection, "webhook_endpoint", id=f"we_{number}", merchant_id="mer_1", mode="test",
                url="https://shop.example/", enabled=1, created_at=AT,
            )  # fmt: skip
            if kind:
                before = f"{number - 1:064x}"
                fill(
                    connection, "audit_entry", number=number, at=AT, actor_kind=kind, actor_id=who,
                    action="create_webhook_endpoint", about=f"we_{number}", merchant_id="mer_1", mode="test",
                    facts="{}", previous_hash=before, hash=f"{number:064x}",
                )  # fmt: skip
    upgrade(url)
    with engine.begin() as connection:
        yield connection
    engine.dispose()


def test_agreements_and_makers_of_endpoints_are_taken_from_what_is_known(migrated):
    agreed = {
        row.id: json.loads(row.scopes) for row in migrated.execute(text("SELECT id, scopes FROM merchant"))
    }
    assert agreed == {"mer_1": [*MERCHANT_SCOPES], "mer_2": [*MERCHANT_SCOPES, "scores:write"]}
    rows = migrated.execute(text("SELECT id, client_id, member_id FROM webhook_endpoint ORDER BY id")).all()
    assert [tuple(row) for row in rows] == [
        ("we_1", "ci_test_portal", "mem_1"),
        ("we_2", "ci_test_mer_1", None),
        ("we_3", None, None),
    ]
