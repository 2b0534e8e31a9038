"""A store named at the checkout is kept, shown and found again, down to the line of the settlement."""

from __future__ import annotations

import ast
import csv
import io
from pathlib import Path

from tests.gateway.shopper import enter, go_on_by_code
from tests.house.sources import nodes
from tests.one_database import database_url, on_both  # noqa: F401

STORE = "南京路店"


def test_a_store_stands_on_checkout_payment_settlement_lines_and_events(api, books):
    payment = api.captured(store=STORE)
    checkout = api.get(f"/v1/checkouts/{payment['checkout']}").json
    assert (checkout["store"], payment["store"]) == (STORE, STORE)
    refund = {"payment": payment["id"], "amount": 10_000, "kind": "price_adjustment", "reason": "scratch"}
    assert api.post("/v1/refunds", refund).status_code == 201
    other = api.captured()
    assert other["store"] is None
    books.pass_days(3)
    api.login()
    batches = [row["id"] for row in api.get("/v1/settlements").json["data"]]
    lines = [line for id in batches for line in api.get(f"/v1/settlements/{id}/lines").json["data"]]
    stores = {(line["kind"], line["payment"]): line["store"] for line in lines}
    assert stores == {
        ("capture", payment["id"]): STORE,
        ("refund", payment["id"]): STORE,
        ("capture", other["id"]): None,
    }
    file = api.get(f"/v1/settlements/{batches[0]}/lines", Accept="text/csv").data.decode("utf-8-sig")
    assert {row["store"] for row in csv.DictReader(io.StringIO(file))} <= {STORE, ""}
    told = api.get("/v1/events?type=payment.captured").json["data"]
    assert [event["data"]["store"] for event in told] == [None, STORE]


@on_both
def test_lists_are_filtered_by_store(api):
    here, there = api.approved(store=STORE), api.approved(store="A2")
    for noun, ids in (
        ("payments", (here["id"], there["id"])),
        ("checkouts", (here["checkout"], there["checkout"])),
    ):
        rows = api.get(f"/v1/{noun}?store={STORE}").json["data"]
        assert [row["id"] for row in rows] == [ids[0]]
        assert api.get(f"/v1/{noun}?store=nowhere").json["data"] == []
        assert len(api.get(f"/v1/{noun}").json["data"]) == 2


def test_the_shopper_reads_the_store_beside_the_merchant(api, app):
    page = enter(app.test_client(), api.checkout(store=STORE)).text
    assert f"商户1 · {STORE}" in page
    paid = api.approved(store=STORE)["checkout"]
    pages = app.test_client()
    go_on_by_code(pages, paid)
    assert f"Merchant 1 · {STORE}" in pages.get(f"/checkout/{paid}/result?lang=en").text
    assert "<span>商户1</span>" in enter(pages, api.checkout()).text


def test_a_store_names_no_person(api):
    answer = api.post("/v1/checkouts", api.order(store="13812345678"))
    assert (answer.status_code, answer.json["param"]) == (422, "store")


def test_every_line_that_names_an_order_names_its_store():
    calls = [
        {keyword.arg for keyword in node.keywords}
        for path in (Path(__file__).parents[3] / "gateway").rglob("*.py")
        for node in nodes(path)
        if isinstance(node, ast.Call)
        and (getattr(node.func, "attr", "") or getattr(node.func, "id", "")) == "add_line"
    ]
    assert len(calls) > 5
    assert all("store" in names for names in calls if "merchant_reference" in names)
