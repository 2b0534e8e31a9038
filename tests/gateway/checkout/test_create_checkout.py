"""Starting a checkout: what comes back, what is refused, and that a refusal changes nothing."""

from __future__ import annotations

import json

import pytest

from tests.one_database import database_url  # noqa: F401

pytestmark = pytest.mark.usefixtures("app")


def refused(answer) -> dict:
    assert answer.content_type == "application/problem+json", answer.text
    return answer.json


def test_new_checkout_carries_plans_and_an_address(api):
    checkout = api.checkout(amount=599_900)
    assert checkout["object"] == "checkout"
    assert checkout["status"] == "open"
    assert checkout["url"].startswith(f"http://gateway.test/checkout/{checkout['id']}/open/")
    assert [plan["term"] for plan in checkout["plans"]] == [3, 6, 9, 12]
    twelve = checkout["plans"][-1]
    assert twelve["annual_rate"]["nominal"] == "0.1800060335"
    assert twelve["total_payment"] == 659_988
    assert twelve["schedule"][0] == {
        "period": 1,
        "due_date": "2026-12-23",
        "principal": 46_000,
        "interest": 8_999,
        "fee": 0,
        "payment": 54_999,
        "balance": 553_900,
    }


def test_three_months_are_free_of_interest_for_the_shopper(api):
    plan = api.checkout(amount=599_900, terms=[3])["plans"][0]
    assert plan["interest_free"] is True
    assert plan["total_payment"] == 599_900
    assert plan["annual_rate"] == {"nominal": "0.0000000000", "effective": "0.0000000000"}
    assert plan["merchant_subsidy"] == 13_198


@pytest.mark.parametrize(
    ("field", "value", "code", "param"),
    [
        ("amount", 1.0, "validation_failed", "amount"),
        ("amount", True, "validation_failed", "amount"),
        ("amount", "1000", "validation_failed", "amount"),
        ("amount", 2**63, "validation_failed", "amount"),
        ("amount", 0, "validation_failed", "amount"),
        ("amount", -1, "validation_failed", "amount"),
        ("amount", None, "validation_failed", "amount"),
        ("amount", 10_000_001, "amount_out_of_range", "amount"),
        ("category", "edu_k12", "category_refused", "category"),
        ("category", "weapons", "validation_failed", "category"),
        ("currency", "USD", "validation_failed", "currency"),
        ("merchant_reference", "a\x00b", "validation_failed", "merchant_reference"),
        ("merchant_reference", "", "validation_failed", "merchant_reference"),
        ("return_url", "javascript:alert(1)", "validation_failed", "return_url"),
        ("cancel_url", "https://shop.example:99999/cart", "validation_failed", "cancel_url"),
        ("items", [], "validation_failed", "items"),
        ("terms", [2], "validation_failed", "terms[0]"),
        ("colour", "red", "validation_failed", "colour"),
        ("metadata", {"a": 1}, "validation_failed", "metadata"),
    ],
)
def test_bad_input_is_named_and_changes_nothing(api, field, value, code, param):
    body = api.order()
    body[field] = value
    if field == "amount" and isinstance(value, int) and 0 < value < 2**63:
        body["items"][0]["unit_price"] = value
    answer = api.post("/v1/checkouts", body)
    found = refused(answer)
    assert (answer.status_code, found["code"], found["param"]) == (422, code, param)
    assert api.get("/v1/checkouts").json["data"] == []


def test_an_item_for_pupils_is_refused(api):
    body = api.order()
    body["items"][0]["category"] = "edu_k12"
    found = refused(api.post("/v1/checkouts", body))
    assert (found["code"], found["param"]) == ("category_refused", "items[0].category")


def test_items_must_add_up_and_the_difference_is_told(api):
    body = api.order()
    body["items"][0]["unit_price"] = 599_800
    found = refused(api.post("/v1/checkouts", body))
    assert found["code"] == "amount_mismatch"
    assert (found["expected"], found["actual"], found["difference"]) == (599_800, 599_900, 100)


def test_a_discount_is_part_of_the_sum(api):
    body = api.order(amount=500_000, merchant_discount=99_900)
    body["items"][0]["unit_price"] = 599_900
    assert api.post("/v1/checkouts", body).status_code == 201


@pytest.mark.parametrize(
    ("raw", "status", "code"),
    [
        (b"{", 400, "invalid_request"),
        (b"[]", 400, "invalid_request"),
        (b'{"amount": 1, "amount": 2}', 400, "invalid_request"),
        (b'{"amount": NaN}', 400, "invalid_request"),
        (b"\xff", 400, "invalid_request"),
        (b"[" * 2000, 400, "invalid_request"),
        (b"{" + b" " * 70_000 + b"}", 413, "payload_too_large"),
    ],
)
def test_unreadable_bodies_are_refused(api, raw, status, code):
    answer = api.call("POST", "/v1/checkouts", raw, Content_Type="application/json")
    assert (answer.status_code, refused(answer)["code"]) == (status, code)


def test_another_content_type_is_refused(api):
    answer = api.call("POST", "/v1/checkouts", b"a=1", Content_Type="application/x-www-form-urlencoded")
    assert refused(answer)["code"] == "unsupported_media_type"


def test_every_wrong_field_is_told_at_once(api):
    found = refused(api.post("/v1/checkouts", {"amount": "1", "colour": "red"}))
    assert {"amount", "colour", "items", "category", "merchant_reference"} <= {
        row["param"] for row in found["errors"]
    }


def test_same_reference_and_body_return_the_same_open_checkout(api):
    body = api.order()
    first, second = api.post("/v1/checkouts", body), api.post("/v1/checkouts", body)
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json["id"] == second.json["id"]


def test_same_reference_with_another_body_names_the_open_checkout(api):
    body = api.order()
    first = api.post("/v1/checkouts", body).json
    answer = api.post("/v1/checkouts", {**body, "metadata": {"try": "2"}})
    assert answer.status_code == 409
    assert (answer.json["code"], answer.json["checkout"]) == ("duplicate_reference", first["id"])


def test_an_approved_reference_is_never_opened_again(api):
    payment = api.approved()
    body = api.order(merchant_reference=payment["merchant_reference"])
    assert refused(api.post("/v1/checkouts", body))["code"] == "duplicate_reference"


def test_a_canceled_reference_may_be_opened_again(api):
    body = api.order()
    first = api.post("/v1/checkouts", body).json
    assert api.post(f"/v1/checkouts/{first['id']}/cancel").json["status"] == "canceled"
    again = api.post("/v1/checkouts", body)
    assert again.status_code == 201
    assert again.json["id"] != first["id"]


def test_a_checkout_expires(api, clock):
    checkout = api.checkout(expires_in=300)
    clock.advance(seconds=301)
    assert api.get(f"/v1/checkouts/{checkout['id']}").json["status"] == "expired"
    answer = api.post(f"/v1/test_helpers/checkouts/{checkout['id']}/complete")
    assert refused(answer)["code"] == "checkout_expired"


def test_another_merchants_checkout_is_not_found(api, new_merchant):
    checkout = api.checkout()
    other = new_merchant()
    for answer in (
        other.get(f"/v1/checkouts/{checkout['id']}"),
        other.post(f"/v1/checkouts/{checkout['id']}/cancel"),
        other.post(f"/v1/test_helpers/checkouts/{checkout['id']}/complete"),
    ):
        assert (answer.status_code, refused(answer)["code"]) == (404, "not_found")
    assert other.get("/v1/checkouts").json["data"] == []


def test_lists_page_by_cursor_newest_first(api):
    made = [api.checkout()["id"] for _ in range(5)]
    first = api.get("/v1/checkouts?limit=2").json
    assert [row["id"] for row in first["data"]] == made[:2:-1]
    assert first["has_more"] is True
    second = api.get(f"/v1/checkouts?limit=3&cursor={first['next_cursor']}").json
    assert [row["id"] for row in second["data"]] == made[2::-1]
    assert (second["has_more"], second["next_cursor"]) == (False, None)


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=101", "limit=a", "cursor=%00", "cursor=!!", "foo=1", "limit=1&limit=2"]
)
def test_bad_queries_are_refused(api, query):
    answer = api.get(f"/v1/checkouts?{query}")
    assert answer.status_code in (400, 422)
    refused(answer)


def test_answers_name_version_and_request(api):
    answer = api.get("/v1/checkouts")
    assert answer.headers["Fenqi-Version"] == "2026-11-23"
    assert answer.headers["X-Request-Id"].startswith("req_")
    assert refused(api.get("/v1/checkouts", Fenqi_Version="2020-01-01"))["code"] == "unsupported_version"


def test_money_is_never_a_float_on_the_wire(api):
    def floats(text: str) -> list[float]:
        found: list[float] = []
        json.loads(text, parse_float=found.append)
        return found

    assert floats(api.post("/v1/checkouts", api.order()).text) == []
