"""GET /v1/balance and /v1/balance_entries: what a merchant sees of the books, and nothing of anybody else's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gateway.core.tenant import Tenant
from gateway.ledger import service
from tests.one_database import database_url, on_both  # noqa: F401


def tenant_of(api: Any) -> Tenant:
    me = api.get("/v1/me").json
    return Tenant(me["merchant"] if isinstance(me["merchant"], str) else me["merchant"]["id"], me["mode"])


def test_the_balance_of_a_new_merchant_is_zero(api: Any) -> None:
    answer = api.get("/v1/balance")
    assert answer.status_code == 200, answer.text
    assert answer.json == {
        "object": "balance",
        "currency": "CNY",
        "mode": "test",
        "pending": 0,
        "staged": 0,
        "available": 0,
        "reserve": 0,
        "in_dispute": 0,
        "receivable": 0,
        "as_of": "2026-11-23T04:00:00.000Z",
    }


def test_a_capture_is_pending_and_has_its_line(api: Any) -> None:
    payment = api.captured()
    (capture,) = payment["captures"]
    net = capture["amount"] - capture["merchant_fee"] - capture["merchant_subsidy"]
    assert api.get("/v1/balance").json["pending"] == net
    page = api.get("/v1/balance_entries").json
    (line,) = page["data"]
    assert (page["object"], page["has_more"], page["next_cursor"]) == ("list", False, None)
    assert line["entry"].startswith("ent_")
    assert {name: line[name] for name in line if name not in ("id", "entry")} == {
        "object": "balance_entry",
        "kind": "capture",
        "account": "merchant_pending",
        "amount": net,
        "currency": "CNY",
        "about": payment["id"],
        "payment": payment["id"],
        "effective_date": "2026-11-23",
        "value_date": "2026-11-23",
        "created_at": "2026-11-23T04:00:00.000Z",
    }


@on_both
def test_lines_come_newest_first_page_by_page_and_add_up_to_the_balance(api: Any) -> None:
    for _ in range(3):
        payment = api.captured()
        api.post(
            "/v1/refunds", {"payment": payment["id"], "amount": 100_000, "kind": "goodwill", "reason": "late"}
        )
    seen, cursor = [], ""
    while True:
        page = api.get(f"/v1/balance_entries?limit=2{cursor}").json
        assert page["data"], "the page before said that there is more"
        seen += page["data"]
        if not page["has_more"]:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert len(seen) == 6
    assert [line["id"] for line in seen] == sorted((line["id"] for line in seen), reverse=True)
    assert len({line["id"] for line in seen}) == 6
    assert sum(line["amount"] for line in seen) == api.get("/v1/balance").json["pending"]
    of_one = api.get(f"/v1/balance_entries?payment={payment['id']}").json["data"]
    assert [line["kind"] for line in of_one] == ["refund", "capture"]
    assert of_one[0]["amount"] < 0 < of_one[1]["amount"]


def test_lines_are_filtered_by_effective_date(api: Any) -> None:
    api.captured()
    assert len(api.get("/v1/balance_entries?from=2026-11-23&to=2026-11-23").json["data"]) == 1
    assert api.get("/v1/balance_entries?from=2026-11-24").json["data"] == []
    assert api.get("/v1/balance_entries?to=2026-11-22").json["data"] == []


def test_a_merchant_sees_nothing_of_another(new_merchant: Callable[..., Any]) -> None:
    mine, other = new_merchant(), new_merchant()
    payment = mine.captured()
    assert other.get("/v1/balance").json["pending"] == 0
    assert other.get("/v1/balance_entries").json["data"] == []
    assert other.get(f"/v1/balance_entries?payment={payment['id']}").json["data"] == []


def test_what_cannot_be_asked_is_refused_by_name(api: Any) -> None:
    for query, param in (
        ("cursor=nonsense", "cursor"),
        ("cursor=ZW50Xzp4", "cursor"),  # ent_:x
        ("cursor=ZW50XzoxMjM0NTY3ODkw", "cursor"),  # ent_:1234567890
        ("limit=0", "limit"),
        ("from=yesterday", "from"),
        ("sort=asc", "sort"),
    ):
        answer = api.get(f"/v1/balance_entries?{query}")
        assert answer.status_code in (400, 422), query
        assert answer.json["param"] == param
    behind = api.get("/v1/balance_entries?cursor=ZW50XzoxMjM0NTY3ODk").json  # ent_:123456789
    assert (behind["data"], behind["has_more"]) == ([], False)


def test_without_the_scope_or_a_token_nothing_is_shown(api: Any) -> None:
    assert api.client.get("/v1/balance").status_code == 401
    assert api.client.get("/v1/balance_entries").status_code == 401


def test_the_books_behind_a_whole_purchase_are_sound(api: Any, app: Any) -> None:
    from gateway.ledger.integrity.verify import verify  # noqa: PLC0415

    payment = api.captured()
    api.post(
        "/v1/refunds", {"payment": payment["id"], "amount": 50_000, "kind": "goodwill", "reason": "scratch"}
    )
    with app.extensions["fenqi"].db.read() as tx:
        report = verify(tx)
        about = service.entries_about(tx, tenant_of(api), [payment["id"]])
    assert report.ok, [check for check in report.checks if not check.ok]
    assert [entry.kind for entry in about] == ["authorize", "capture", "captured", "refund"]
    assert all(sum(line.amount_fen for line in entry.lines) == 0 for entry in about)
