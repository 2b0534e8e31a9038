"""After the approval: the order number, the delivery and the metadata of a payment change by PATCH."""

from __future__ import annotations

from typing import Any

import pytest

from tests.gateway.books import Books
from tests.gateway.conftest import Api
from tests.one_database import database_url  # noqa: F401


def patch(api: Api, payment: dict[str, Any], body: dict[str, Any], **headers: str) -> Any:
    api.login()
    return api.call("PATCH", f"/v1/payments/{payment['id']}", body, **headers)


def delivery(answer: Any) -> list[dict[str, Any] | None]:
    return [capture["delivery"] for capture in answer.json["captures"]]


def test_a_delivery_is_reported_after_the_capture_and_shown(books: Books) -> None:
    payment = books.api.captured()
    assert (payment["shipping"], payment["captures"][0]["return_until"]) == (None, "2026-11-30")
    shipped = patch(books.api, payment, {"shipping": {"carrier": "SF", "tracking_number": "SF1"}})
    assert shipped.json["shipping"] == {"carrier": "SF", "tracking_number": "SF1", "delivered_at": None}
    books.pass_days(4)
    received = patch(books.api, payment, {"shipping": {"delivered_at": "2026-11-26T10:00:00+08:00"}}).json
    assert received["shipping"] == {
        "carrier": "SF",
        "tracking_number": "SF1",
        "delivered_at": "2026-11-26T02:00:00.000Z",
    }
    assert received["captures"][0]["return_until"] == "2026-12-03"
    assert books.api.get(f"/v1/payments/{payment['id']}").json == received
    again = patch(books.api, payment, {"shipping": {"delivered_at": "2026-11-26T02:00:00Z"}})
    assert again.json == received, "the same report again changes nothing"


@pytest.mark.parametrize("when", ["2026-11-22T00:00:00Z", "2026-11-29T00:00:00Z", "2099-01-01T00:00:00Z"])
def test_goods_are_received_between_the_capture_and_now(books: Books, when: str) -> None:
    payment = books.api.captured()
    books.pass_days(4)
    answer = patch(books.api, payment, {"shipping": {"delivered_at": when}})
    assert (answer.status_code, answer.json["code"]) == (422, "delivery_refused")
    assert answer.json["param"] == "shipping.delivered_at"
    assert books.api.get(f"/v1/payments/{payment['id']}").json["shipping"] is None


@pytest.mark.parametrize("when", ["2026-11-22T00:00:00Z", "2026-12-29T00:00:00Z"])
def test_goods_that_come_with_the_capture_were_received_since_the_approval(books: Books, when: str) -> None:
    payment = books.api.approved()
    answer = books.post(f"/v1/payments/{payment['id']}/capture", {"delivery": {"delivered_at": when}})
    assert (answer.status_code, answer.json["param"]) == (422, "delivery.delivered_at")
    assert books.api.get(f"/v1/payments/{payment['id']}").json["status"] == "authorized"


def test_a_receipt_before_the_capture_takes_no_day_from_the_shopper(books: Books) -> None:
    payment = books.api.approved()
    received = books.clock.now.isoformat()
    books.pass_days(5)
    body = {"delivery": {"delivered_at": received}}
    captured = books.post(f"/v1/payments/{payment['id']}/capture", body).json
    assert captured["captures"][0]["return_until"] == "2026-12-05"


def test_a_time_of_receipt_becomes_later_but_never_earlier(books: Books) -> None:
    payment = books.api.captured()
    books.pass_days(4)
    patch(books.api, payment, {"shipping": {"delivered_at": "2026-11-25T02:00:00Z"}})
    later = patch(books.api, payment, {"shipping": {"delivered_at": "2026-11-26T02:00:00Z"}})
    assert later.json["captures"][0]["return_until"] == "2026-12-03"
    earlier = patch(books.api, payment, {"shipping": {"delivered_at": "2026-11-25T02:00:00Z"}})
    assert (earlier.status_code, earlier.json["code"]) == (409, "wrong_state")


def test_a_report_finds_its_parcel_by_the_tracking_number_or_those_not_received(books: Books) -> None:
    payment = books.api.approved()
    for amount, number in ((200_000, "SF1"), (200_000, "SF2"), (199_900, None)):
        body = {"amount": amount, "delivery": {"tracking_number": number}}
        payment = books.post(f"/v1/payments/{payment['id']}/capture", body).json
    books.pass_days(2)
    one = patch(
        books.api, payment, {"shipping": {"tracking_number": "SF2", "delivered_at": "2026-11-24T02:00:00Z"}}
    )
    dates = [row and row["delivered_at"] for row in delivery(one)]
    assert dates == [None, "2026-11-24T02:00:00.000Z", None]
    unknown = patch(
        books.api, payment, {"shipping": {"tracking_number": "SF3", "delivered_at": "2026-11-24T03:00:00Z"}}
    )
    assert [row and row["tracking_number"] for row in delivery(unknown)] == ["SF1", "SF2", "SF3"]
    rest = patch(books.api, payment, {"shipping": {"delivered_at": "2026-11-25T02:00:00Z"}})
    assert [row and row["delivered_at"][8:10] for row in delivery(rest)] == ["25", "24", "24"]
    refused = patch(books.api, payment, {"shipping": {"delivered_at": "2026-11-25T02:00:00Z"}})
    assert refused.status_code == 409
    assert refused.json["tracking_numbers"] == ["SF1", "SF2", "SF3"]


def test_nothing_is_delivered_before_a_capture(books: Books) -> None:
    answer = patch(books.api, books.api.approved(), {"shipping": {"carrier": "SF"}})
    assert (answer.status_code, answer.json["param"]) == (409, "shipping")


def test_the_order_number_changes_acknowledges_and_stays_one_orders(books: Books) -> None:
    first, second = books.api.captured(), books.api.approved()
    changed = patch(books.api, first, {"merchant_reference": "R-1"}).json
    assert (changed["merchant_reference"], changed["merchant_order_id"]) == ("R-1", "R-1")
    assert changed["acknowledged_at"]
    listed = books.api.get("/v1/payments?merchant_reference=R-1").json["data"]
    assert [row["id"] for row in listed] == [first["id"]]
    taken = patch(books.api, second, {"merchant_reference": "R-1"})
    assert (taken.status_code, taken.json["code"]) == (409, "duplicate_reference")
    assert taken.json["payment"] == first["id"]
    assert patch(books.api, first, {"merchant_reference": "R-1"}).json == changed
    books.post("/v1/refunds", {"payment": first["id"], "amount": 1_000, "reason": "x"})
    books.pass_days(1)
    books.api.login()
    batch = books.api.get("/v1/settlements").json["data"][0]["id"]
    lines = books.api.get(f"/v1/settlements/{batch}/lines").json["data"]
    references = {line["kind"]: line["merchant_reference"] for line in lines}
    assert references == {"capture": first["merchant_reference"], "refund": "R-1"}, "a line is of its day"


def test_a_renamed_order_is_not_paid_again_under_either_number(books: Books) -> None:
    payment = books.api.approved()
    patch(books.api, payment, {"merchant_reference": "R-1"})
    for reference in ("R-1", payment["merchant_reference"]):
        answer = books.post("/v1/checkouts", books.api.order(merchant_reference=reference))
        assert (answer.status_code, answer.json["code"]) == (409, "duplicate_reference")
        assert answer.json["payment"] == payment["id"]


def test_the_number_of_an_open_checkout_is_taken(books: Books) -> None:
    checkout, payment = books.api.checkout(), books.api.approved()
    answer = patch(books.api, payment, {"merchant_reference": checkout["merchant_reference"]})
    assert (answer.status_code, answer.json["checkout"]) == (409, checkout["id"])
    books.post(f"/v1/checkouts/{checkout['id']}/cancel")
    again = patch(books.api, payment, {"merchant_reference": checkout["merchant_reference"]})
    assert again.status_code == 200


def test_metadata_is_merged_and_an_empty_value_removes(books: Books) -> None:
    payment = books.api.approved(metadata={"a": "1", "b": "2"})
    changed = patch(books.api, payment, {"metadata": {"b": "", "c": "三"}}).json
    assert changed["metadata"] == {"a": "1", "c": "三"}
    many = {f"key{number}": "x" for number in range(50)}
    refused = patch(books.api, payment, {"metadata": many})
    assert (refused.status_code, refused.json["errors"][0]["param"]) == (422, "metadata")
    nothing = patch(books.api, payment, {"metadata": None, "shipping": None}).json
    assert nothing == books.api.get(f"/v1/payments/{payment['id']}").json


def test_a_change_honours_its_key_and_belongs_to_its_merchant(books: Books, new_merchant: Any) -> None:
    payment = books.api.captured()
    first = patch(books.api, payment, {"metadata": {"a": "1"}}, Idempotency_Key="k")
    again = patch(books.api, payment, {"metadata": {"a": "1"}}, Idempotency_Key="k")
    assert (again.data, again.headers["Idempotent-Replayed"]) == (first.data, "true")
    other = patch(books.api, payment, {"metadata": {"a": "2"}}, Idempotency_Key="k")
    assert other.json["code"] == "idempotency_key_reused"
    assert patch(new_merchant(), payment, {"metadata": {}}).status_code == 404
    assert patch(books.api, payment, {"amount": 1}).status_code == 422
