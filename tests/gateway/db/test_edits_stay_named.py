"""What somebody edited in the database stays named, whatever the gateway changes in the same row afterwards."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

from gateway.db import witness
from tests.gateway.conftest import Api
from tests.one_database import database_url, on_both

__all__ = ["database_url"]


@pytest.fixture
def unlike(app: Flask) -> Any:
    """The rows that are not what was written, as table and what is wrong."""

    def asked() -> set[tuple[str, str]]:
        with app.extensions["fenqi"].db.read() as tx:
            return {(table, why) for table, _, why in witness.unlike(tx.connection(), tx.row_keys())}

    return asked


EDITS = {
    "checkout": "return_url = 'https://evil.example/x'",
    "webhook_endpoint": "url = 'http://127.0.0.1:9/evil'",
    "payment": "merchant_reference = 'another'",
}


def edit(app: Flask, *tables: str) -> None:
    """As the owner of the tables does, who can switch the triggers off."""
    engine = app.extensions["fenqi"].db.engine
    for table in tables:
        with engine.begin() as connection:
            if engine.name == "postgresql":
                connection.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))
            else:
                named = f"SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = '{table}'"
                for name in connection.execute(text(named)).scalars().all():
                    connection.execute(text(f"DROP TRIGGER {name}"))
            connection.execute(text(f"UPDATE {table} SET {EDITS[table]}"))


@on_both
def test_an_edit_stays_named_after_the_gateway_changed_the_row(app: Flask, api: Api, unlike: Any) -> None:
    hook = api.post("/v1/webhook_endpoints", {"url": "http://127.0.0.1:9/hook"}).json["id"]
    checkout = api.checkout()
    edit(app, "checkout", "webhook_endpoint")
    assert api.call("PATCH", f"/v1/webhook_endpoints/{hook}", {"description": "new"}).status_code == 200
    played = {"term": 12, "phone": "13800000001"}
    done = api.post(f"/v1/test_helpers/checkouts/{checkout['id']}/complete", played)
    assert done.json["status"] == "approved"
    edit(app, "payment")
    acknowledged = api.post(f"/v1/payments/{done.json['payment']}/acknowledge", {"merchant_order_id": "o-1"})
    assert acknowledged.status_code == 200, acknowledged.text
    assert unlike() == {
        (table, "it is not what the gateway wrote last") for table in ("checkout", "webhook_endpoint")
    } | {("payment", "it was never written by the gateway")}


def test_rows_that_nobody_edited_are_written_down_at_each_change(app: Flask, api: Api, unlike: Any) -> None:
    hook = api.post("/v1/webhook_endpoints", {"url": "http://127.0.0.1:9/hook"}).json["id"]
    for description in ("one", "two"):
        api.call("PATCH", f"/v1/webhook_endpoints/{hook}", {"description": description})
    payment = api.captured()
    api.call("PATCH", f"/v1/payments/{payment['id']}", {"merchant_reference": "renamed"})
    api.post(f"/v1/payments/{payment['id']}/acknowledge", {"merchant_order_id": "o-1"})
    assert unlike() == set()
