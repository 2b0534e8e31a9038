"""Nothing that a request or a job asks may walk over all rows of a table that grows.

Each statement of a purchase, of the lists and of the jobs of the day is explained by SQLite.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine, event

from gateway.checkout import reviewing
from gateway.decision import reviews
from gateway.exports.kinds import KINDS as EXPORTED
from gateway.process.daily import sweep
from gateway.process.worker import drain
from tests.gateway.conftest import START
from tests.gateway.shopper import enter, go_on_by_code
from tests.one_database import database_url  # noqa: F401

SMALL = {
    "alembic_version",
    "audit_root",
    "export",
    "ledger_head",
    "merchant",
    "merchant_invoice",
    "message_progress",
    "milestone_stop",
    "oauth_client",
    "plan_price",
    "reconciliation",
    "settlement_terms",
    "test_clock",
    "webhook_endpoint",
}
"""Tables with a row for each merchant, or a few; of files one for each that somebody wants."""
TENANT = {"merchant_id", "mode"}
BACKWARDS = ("ORDER BY audit_entry.number DESC", "ORDER BY ledger_block.number DESC")
"""The newest entry before today, the newest block of ten minutes ago: a walk back, which the first older one stops."""
LAST = "SEARCH event USING COVERING INDEX event_in_order (merchant_id=? AND mode=?)"
"""The last position of a merchant's events, at the end of the index."""
LABELS = "SCAN applicant_link USING INDEX applicant_link_labels"
"""Everybody whose default was ever marked, by an index of these rows alone."""

IN_REVIEW = "SCAN checkout USING INDEX checkout_in_review"
"""What waits for a person, by an index of these rows alone."""
STAGES = (
    "SCAN milestone USING INDEX milestone_to_release",
    "SCAN milestone USING INDEX milestone_overdue",
    "SCAN milestone USING INDEX milestone_contested",
    "SEARCH milestone USING INDEX milestone_contested (merchant_id=? AND mode=?)",
)
"""Stages that wait for somebody or for their day, by indexes of these rows alone."""
LEFT = "SCAN destroyed_key USING INDEX destroyed_key_left"
"""Erasures that are not finished in the files, by an index of these rows alone."""


class Plans:
    """How SQLite would answer each statement that was sent, and which of them walk."""

    def __init__(self) -> None:
        self.walks: dict[str, list[str]] = {}
        self.seen: set[str] = set()

    def explain(self, connection: Any, statement: str, parameters: Any, many: bool) -> None:
        """Note a statement; the first time it is explained."""
        words = statement.split(None, 1)
        if many or statement in self.seen or words[0] not in ("SELECT", "UPDATE", "DELETE", "WITH"):
            return
        self.seen.add(statement)
        cursor = connection.connection.driver_connection.execute(
            f"EXPLAIN QUERY PLAN {statement}", parameters
        )
        steps = [row[3] for row in cursor]
        if found := [step for step in steps if walks(statement, step, steps)]:
            self.walks[statement] = found


def walks(statement: str, step: str, steps: list[str]) -> bool:
    """Whether a step of a plan reads rows in proportion to all rows of a table or of a merchant."""
    if step == LAST and "max(event.position)" in statement:
        return False
    if step in STAGES:
        return False
    in_order = "LIMIT" in statement and not any("TEMP B-TREE" in each for each in steps)
    asked = statement.partition("WHERE")[2].partition("ORDER BY")[0].partition("LIMIT")[0].count("?")
    if step.startswith("SCAN") and step not in (LABELS, IN_REVIEW, LEFT):
        table = step.split()[1]
        stored = table.islower() and not table.startswith(("anon_", "("))
        stopped = in_order and (not asked or any(end in statement for end in BACKWARDS))
        return stored and table not in SMALL and not stopped
    by = re.search(r"\(([^()]*)\)$", step)
    columns = set(re.findall(r"(\w+)[=<>]", by[1])) if by else set()
    return bool(columns) and columns <= TENANT and step.split()[1] not in SMALL and asked > len(columns)


@pytest.fixture
def plans(app: Flask) -> Iterator[Plans]:
    engine: Engine = app.extensions["fenqi"].db.engine
    found = Plans()

    def sent(connection: Any, cursor: Any, statement: str, parameters: Any, context: Any, many: bool) -> None:
        found.explain(connection, statement, parameters, many)

    event.listen(engine, "before_cursor_execute", sent)
    yield found
    event.remove(engine, "before_cursor_execute", sent)


def test_no_statement_of_the_day_walks_over_a_table(api: Any, app: Flask, clock: Any, plans: Plans) -> None:
    for _ in range(2):
        payment = api.captured(3)
    reference = payment["merchant_reference"]
    api.post("/v1/refunds", {"payment": payment["id"], "amount": 10_000, "reason": "scratch"})
    api.post("/v1/test_helpers/disputes", {"payment": payment["id"]})
    asked = (
        f"/v1/checkouts?merchant_reference={reference}",
        "/v1/checkouts",
        "/v1/checkouts?store=A2",
        "/v1/payments?store=A2",
        f"/v1/payments?merchant_reference={reference}",
        f"/v1/payments/{payment['id']}",
        f"/v1/loans/{payment['captures'][0]['loan']}",
        f"/v1/refunds?payment={payment['id']}",
        f"/v1/disputes?payment={payment['id']}",
        f"/v1/balance_entries?payment={payment['id']}",
        "/v1/balance",
        "/v1/events?type=payment.captured",
        "/v1/settlements",
        "/v1/payouts",
    )
    for path in asked:
        assert api.get(path).status_code == 200, path
    for _ in range(3):
        clock.advance(days=31)
        sweep(app.extensions["fenqi"])
        while drain(app.extensions["fenqi"]):
            pass
    assert len(plans.seen) > 100
    assert plans.walks == {}


def test_no_statement_of_a_reconciliation_walks_over_a_table(api: Any, app: Flask, plans: Plans) -> None:
    api.captured(3)
    files = {
        "shop_orders": ("订单号,金额,日期\nA-1,5.00,2026-11-23\n", {"reference": "订单号", "amount": "金额"}),
        "bank_statement": ("摘要,金额,日期\nA-1,5.00,2026-11-23\n", {"memo": "摘要", "amount": "金额"}),
    }
    for kind, (content, columns) in files.items():
        form = {"kind": kind, "file": (io.BytesIO(content.encode()), "orders.csv")}
        headers = {"Authorization": f"Bearer {api.token}", "Idempotency-Key": kind}
        made = api.client.post("/v1/reconciliations", data=form, headers=headers).json
        path = f"/v1/reconciliations/{made['id']}"
        api.post(f"{path}/confirm", {"columns": {**columns, "date": "日期"}})
        drain(app.extensions["fenqi"])
        assert api.get(path).json["status"] == "completed", kind
        (item, *_) = api.get(f"{path}/items?status=missing_here&resolved=false").json["data"]
        assert api.post(f"{path}/resolve", {"items": [item["id"]], "note": "x"}).status_code == 200
        assert api.get(f"{path}/items", Accept="text/csv").status_code == 200
    assert api.get("/v1/reconciliations?kind=shop_orders&status=completed").status_code == 200
    assert plans.walks == {}


def test_no_statement_of_an_export_or_a_certificate_walks_over_a_table(
    api: Any, app: Flask, clock: Any, plans: Plans
) -> None:
    payment = api.captured(3)
    days = {"from": "2026-11-01", "to": "2026-12-31"}
    clock.advance(days=31)
    sweep(app.extensions["fenqi"])
    api.login()
    one = {"filter": {"settlement": api.get("/v1/settlements").json["data"][0]["id"]}}
    asked = {"certificates": {**days, "to": "2026-11-30"}, "settlement_lines pdf": one}
    for name, kind in EXPORTED.items():
        for format in kind.formats:
            narrowed = asked.get(f"{name} {format}") or asked.get(name) or days
            made = api.post("/v1/exports", {"kind": name, "format": format, **narrowed})
            assert made.status_code == 201, made.text
            clock.advance(seconds=5)  # so many at once are refused
    of_one = {"kind": "balance_entries", "format": "csv", "filter": {"payment": payment["id"]}}
    assert api.post("/v1/exports", of_one).status_code == 201
    drain(app.extensions["fenqi"])
    for row in api.get("/v1/exports?kind=payments&status=completed").json["data"]:
        assert api.get(f"/v1/exports/{row['id']}/file").status_code == 200
    assert api.get("/v1/certificates/2026-11").status_code == 200
    # An export reads what a merchant has, which is what it is for; nobody else's.
    assert [steps for steps in plans.walks.values() if any(step.startswith("SCAN") for step in steps)] == []


def test_no_statement_of_a_code_a_decision_or_a_review_walks_over_a_table(
    api: Any, app: Flask, clock: Any, plans: Plans
) -> None:
    gateway, pages = app.extensions["fenqi"], app.test_client()
    opened = api.checkout()
    enter(pages, opened)
    pages.post(f"/checkout/{opened['id']}/code", data={"phone": "13800000001"})
    for phone in ("13800000003", "13800000002"):
        checkout = api.checkout()["id"]
        api.post(f"/v1/test_helpers/checkouts/{checkout}/complete", {"phone": phone})
        go_on_by_code(pages, checkout, phone)
        pages.post(f"/checkout/{checkout}/human-review")
    for _ in range(2):
        clock.advance(seconds=60)
        drain(gateway)
    with gateway.db.read() as tx:
        for mode, after in ((None, None), ("test", None), (None, (START, "chk_"))):
            assert len(reviewing.waiting(tx, mode, after=after, limit=2)) == 1
            (appeal,) = reviews.waiting(tx, mode, after=after, limit=2)
    gateway.db.write(
        lambda tx: reviews.resolve(tx, appeal.id, outcome="reconsider", by="li", note="x") and None
    )
    assert pages.post(f"/checkout/{checkout}/reopen").status_code == 303
    assert plans.walks == {}


@pytest.mark.parametrize(
    ("statement", "step", "walking"),
    [
        ("SELECT id FROM loan WHERE status = ?", "SCAN loan", True),
        ("SELECT id FROM loan ORDER BY id LIMIT ?", "SCAN loan", False),
        ("SELECT id FROM merchant WHERE name = ?", "SCAN merchant", False),
        ("SELECT 1", "SCAN CONSTANT ROW", False),
        (
            "SELECT id FROM loan WHERE merchant_id = ? AND mode = ? AND status = ?",
            "SEARCH loan USING INDEX loan_of_tenant (merchant_id=? AND mode=?)",
            True,
        ),
        (
            "SELECT id FROM loan WHERE merchant_id = ? AND mode = ? ORDER BY id DESC LIMIT ?",
            "SEARCH loan USING INDEX loan_of_tenant (merchant_id=? AND mode=?)",
            False,
        ),
        ("SELECT id FROM loan WHERE id = ?", "SEARCH loan USING INDEX loan_pk (id=?)", False),
    ],
)
def test_a_walk_is_told_from_a_search(statement: str, step: str, walking: bool) -> None:
    assert walks(statement, step, [step]) is walking
