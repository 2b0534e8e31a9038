"""Captures and refunds by line: what they take, what they remember, what they refuse."""

from __future__ import annotations

from typing import Any

import pytest

from tests.gateway.books import Books
from tests.one_database import database_url  # noqa: F401

PHONE = 599_900


def item(price: int = PHONE, quantity: int = 1, name: str = "Phone", **more: Any) -> dict[str, Any]:
    return {"name": name, "quantity": quantity, "unit_price": price, **more}


def order(api: Any, *items: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The approved payment of an order of these items."""
    goods = sum(row["quantity"] * row["unit_price"] for row in items)
    return api.approved(12, amount=goods - changes.get("merchant_discount", 0), items=list(items), **changes)


def lines(payment: dict[str, Any]) -> list[tuple[int, int, int]]:
    return [(row["ordered"], row["captured"], row["returned"]) for row in payment["lines"]]


def of(line: int, quantity: int = 1, *serial_numbers: str) -> dict[str, Any]:
    return {
        "line": line,
        "quantity": quantity,
        **({"serial_numbers": list(serial_numbers)} if serial_numbers else {}),
    }


def capture(api: Any, payment: dict[str, Any], *items: dict[str, Any], **more: Any) -> Any:
    body = {**({"items": list(items)} if items else {}), **more}
    return api.post(f"/v1/payments/{payment['id']}/capture", body)


def refund(api: Any, payment: dict[str, Any], *items: dict[str, Any], **more: Any) -> Any:
    body = {"payment": payment["id"], "reason": "sent back", **more}
    return api.post("/v1/refunds", {**body, **({"items": list(items)} if items else {})})


def refused(answer: Any) -> tuple[int, str, str | None]:
    return answer.status_code, answer.json["code"], answer.json["param"]


class TestCapture:
    def test_one_of_two_phones_is_captured_for_its_own_price(self, books: Books) -> None:
        api = books.api
        payment = order(api, item(), item())
        first = capture(api, payment, of(1)).json
        assert (first["status"], first["captured_amount"]) == ("partially_captured", PHONE)
        assert lines(first) == [(1, 1, 0), (1, 0, 0)]
        assert first["captures"][0]["items"] == [{"line": 1, "quantity": 1, "amount": PHONE}]
        again = capture(api, payment, of(1))
        assert refused(again) == (409, "line_captured", "items[0].quantity")
        assert (again.json["line"], again.json["ordered"], again.json["left"]) == (1, 1, 0)
        second = capture(api, payment, of(2)).json
        assert (second["status"], second["captured_amount"]) == ("captured", 2 * PHONE)
        books.sound()

    @pytest.mark.parametrize(
        ("asked", "param", "facts"),
        [
            (of(1, 5), "items[0].quantity", (1, 2, 2)),
            (of(9), "items[0].line", (9, 0, 0)),
            (of(1, 1, "a", "b", "c"), "items[0].serial_numbers", (1, 2, 2)),
        ],
    )
    def test_what_was_not_ordered_is_refused_naming_line_ordered_and_left(
        self, books: Books, asked: dict[str, Any], param: str, facts: tuple[int, int, int]
    ) -> None:
        payment = order(books.api, item(quantity=2))
        answer = capture(books.api, payment, asked)
        assert refused(answer) == (422, "line_unavailable", param)
        assert (answer.json["line"], answer.json["ordered"], answer.json["left"]) == facts
        assert books.api.get(f"/v1/payments/{payment['id']}").json == payment

    def test_pieces_of_one_line_are_captured_one_by_one_and_not_twice(self, books: Books) -> None:
        payment = order(books.api, item(quantity=2))
        assert capture(books.api, payment, of(1)).json["captured_amount"] == PHONE
        assert refused(capture(books.api, payment, of(1, 2))) == (
            422,
            "line_unavailable",
            "items[0].quantity",
        )
        assert capture(books.api, payment, of(1)).json["captured_amount"] == 2 * PHONE
        assert refused(capture(books.api, payment, of(1))) == (409, "line_captured", "items[0].quantity")

    def test_amount_and_items_agree_or_nothing_happens(self, books: Books) -> None:
        payment = order(books.api, item(), item(300_000))
        answer = capture(books.api, payment, of(2), amount=299_999)
        assert refused(answer) == (422, "amount_mismatch", "amount")
        assert (answer.json["expected"], answer.json["actual"]) == (300_000, 299_999)
        assert capture(books.api, payment, of(2), amount=300_000).json["captured_amount"] == 300_000

    def test_discount_and_down_payment_are_shared_by_the_lines(self, books: Books) -> None:
        payment = order(
            books.api,
            item(quantity=2),
            item(9_900, name="Case"),
            merchant_discount=10_000,
            down_payment=200_000,
        )
        assert [row["amount"] for row in payment["lines"]] == [991_519, 8_181]
        first = capture(books.api, payment, of(1)).json
        second = capture(books.api, payment, of(1), of(2)).json
        assert first["captured_amount"] == 495_760
        assert (second["status"], second["captured_amount"]) == ("captured", 999_700)
        books.sound()

    def test_a_small_line_is_captured_with_the_last_or_refused(self, books: Books) -> None:
        payment = order(books.api, item(), item(9_900, name="Case"))
        assert capture(books.api, payment, of(2)).json["code"] == "capture_too_small"
        capture(books.api, payment, of(1))
        assert capture(books.api, payment, of(2)).json["status"] == "captured"

    def test_final_leaves_the_other_lines_uncaptured(self, books: Books) -> None:
        payment = capture(books.api, order(books.api, item(), item()), of(2), final=True).json
        assert (payment["status"], payment["voided_amount"]) == ("captured", PHONE)
        assert lines(payment) == [(1, 0, 0), (1, 1, 0)]

    def test_a_gift_leaves_with_the_last_of_the_order_and_not_alone(self, books: Books) -> None:
        payment = order(books.api, item(), item(0, name="Gift"))
        for final in (False, True):
            answer = capture(books.api, payment, of(2), final=final)
            assert refused(answer) == (422, "capture_too_small", "items")
        assert lines(capture(books.api, payment, of(1)).json) == [(1, 1, 0), (1, 1, 0)]

    def test_captures_by_amount_name_no_line_until_nothing_is_left(self, books: Books) -> None:
        payment = order(books.api, item(), item(300_000))
        part = capture(books.api, payment, amount=200_001).json
        assert lines(part) == [(1, 0, 0), (1, 0, 0)]
        above = capture(books.api, payment, of(1), amount=PHONE)
        assert above.status_code == 200
        assert lines(above.json) == [(1, 1, 0), (1, 0, 0)]
        rest = capture(books.api, payment).json
        assert lines(rest) == [(1, 1, 0), (1, 1, 0)]
        assert sum(row["amount"] for one in rest["captures"] for row in one["items"]) == 899_900
        books.sound()

    def test_items_take_no_more_than_is_left_of_the_authorisation(self, books: Books) -> None:
        payment = order(books.api, item(), item(300_000))
        capture(books.api, payment, amount=400_000)
        assert refused(capture(books.api, payment, of(1))) == (422, "amount_above_authorized", "amount")
        assert capture(books.api, payment, of(1), of(2)).json["status"] == "captured"

    def test_the_last_pieces_are_captured_for_what_a_void_has_left(self, books: Books) -> None:
        payment = order(books.api, item())
        books.post(f"/v1/payments/{payment['id']}/void", {"amount": 99_900, "reason": "price lowered"})
        captured = capture(books.api, payment, of(1)).json
        assert (captured["status"], captured["captured_amount"]) == ("captured", 500_000)
        assert captured["captures"][0]["items"] == [{"line": 1, "quantity": 1, "amount": 500_000}]
        assert refund(books.api, payment, of(1)).json["amount"] == 500_000
        books.sound()


class TestSerialNumbers:
    def test_the_same_number_leaves_once_in_one_request_and_in_two(self, books: Books) -> None:
        payment = order(books.api, item(quantity=3))
        assert refused(capture(books.api, payment, of(1, 2, "SN-1", "SN-1"))) == (
            409,
            "serial_number_taken",
            "items[0].serial_numbers",
        )
        capture(books.api, payment, of(1, 1, "SN-1"))
        again = capture(books.api, payment, of(1, 1, "SN-1"))
        assert again.json["code"] == "serial_number_taken"
        assert books.api.get(f"/v1/payments/{payment['id']}").json["captured_amount"] == PHONE

    @pytest.mark.parametrize(
        ("more", "number", "taken"),
        [
            ({"subsidy_category": "phone"}, "490154203237518", True),
            ({"subsidy_category": "phone"}, "490154203237517", False),
            ({"subsidy_category": "phone"}, "SN-1", False),
            ({"subsidy_category": "tablet"}, "DMPX1234ABCD", True),
            ({"category": "3c"}, "490154203237517", False),
            ({}, "490154203237517", False),
            ({}, "DMPX1234ABCD", True),
            ({"category": "appliance"}, "490154203237517", True),
            ({}, "110105 19491231 002X", False),
        ],
    )
    def test_a_phones_number_is_its_imei(
        self, books: Books, more: dict[str, Any], number: str, taken: bool
    ) -> None:
        payment = order(books.api, item(**more))
        answer = capture(books.api, payment, of(1, 1, number))
        if taken:
            assert answer.status_code == 200, answer.text
        else:
            assert (answer.status_code, answer.json["code"]) == (422, "validation_failed")
            assert answer.json["param"].startswith("items[0].serial_numbers")

    def test_an_imei_is_the_same_however_it_is_written(self, books: Books) -> None:
        payment = order(books.api, item(quantity=2))
        capture(books.api, payment, of(1, 1, "490154203237518"))
        again = capture(books.api, payment, of(1, 1, "49-015420-323751-8"))
        assert again.json["code"] == "serial_number_taken"


class TestRefund:
    def test_one_of_two_phones_comes_back_for_what_it_was_captured_for(self, books: Books) -> None:
        payment = order(books.api, item(), item(300_000))
        first, second = (capture(books.api, payment, of(line)).json["captures"][-1] for line in (1, 2))
        back = refund(books.api, payment, of(1)).json
        assert (back["amount"], back["items"]) == (PHONE, [{"line": 1, "quantity": 1}])
        after = books.api.get(f"/v1/payments/{payment['id']}").json
        assert lines(after) == [(1, 1, 1), (1, 1, 0)]
        refunded = {one["id"]: one["refunded_amount"] for one in after["captures"]}
        assert refunded == {first["id"]: PHONE, second["id"]: 0}, "the loan of the returned phone is lowered"
        books.sound()

    @pytest.mark.parametrize(
        ("asked", "param", "facts"),
        [
            (of(1, 2), "items[0].quantity", (1, 3, 1, 1)),
            (of(2), "items[0].quantity", (2, 1, 0, 0)),
            (of(9), "items[0].line", (9, 0, 0, 0)),
        ],
    )
    def test_what_was_not_captured_does_not_come_back(
        self, books: Books, asked: dict[str, Any], param: str, facts: tuple[int, ...]
    ) -> None:
        payment = order(books.api, item(quantity=3), item())
        capture(books.api, payment, of(1))
        answer = refund(books.api, payment, asked)
        assert refused(answer) == (422, "line_unavailable", param)
        assert tuple(answer.json[name] for name in ("line", "ordered", "captured", "left")) == facts
        assert books.api.get("/v1/refunds").json["data"] == []

    def test_a_piece_comes_back_once(self, books: Books) -> None:
        payment = order(books.api, item(quantity=2))
        capture(books.api, payment)
        assert refund(books.api, payment, of(1)).json["amount"] == PHONE
        assert refund(books.api, payment, of(1, 2)).json["left"] == 1
        assert refund(books.api, payment, of(1)).json["amount"] == PHONE
        assert refund(books.api, payment, of(1)).status_code in (409, 422)
        books.sound()

    def test_amount_and_items_agree_or_nothing_happens(self, books: Books) -> None:
        payment = order(books.api, item(), item(300_000))
        capture(books.api, payment)
        answer = refund(books.api, payment, of(2), amount=1)
        assert refused(answer) == (422, "amount_mismatch", "amount")
        assert (answer.json["expected"], answer.json["actual"]) == (300_000, 1)
        assert refund(books.api, payment, of(2), amount=300_000).json["amount"] == 300_000

    def test_the_last_pieces_come_back_for_what_a_lower_price_has_left(self, books: Books) -> None:
        payment = order(books.api, item(), item(300_000))
        capture(books.api, payment)
        refund(books.api, payment, amount=50_000, kind="price_adjustment")
        assert refund(books.api, payment, of(1)).json["amount"] == PHONE
        assert refund(books.api, payment, of(2)).json["amount"] == 250_000
        after = books.api.get(f"/v1/payments/{payment['id']}").json
        assert (after["status"], lines(after)) == ("refunded", [(1, 1, 1), (1, 1, 1)])
        books.sound()

    @pytest.mark.parametrize("kind", ["price_adjustment", "goodwill"])
    def test_no_goods_come_back_with_a_lower_price(self, books: Books, kind: str) -> None:
        payment = order(books.api, item())
        capture(books.api, payment)
        assert refused(refund(books.api, payment, of(1), kind=kind)) == (422, "validation_failed", "items")
        assert refund(books.api, payment, kind=kind, amount=PHONE - 1).json["items"] == []
        assert lines(books.api.get(f"/v1/payments/{payment['id']}").json) == [(1, 1, 0)]

    @pytest.mark.parametrize("kind", ["return", "unwind"])
    def test_a_full_return_marks_every_line(self, books: Books, kind: str) -> None:
        payment = order(books.api, item(quantity=2), item(300_000))
        capture(books.api, payment)
        back = refund(books.api, payment, kind=kind).json
        assert back["items"] == [{"line": 1, "quantity": 2}, {"line": 2, "quantity": 1}]
        assert lines(books.api.get(f"/v1/payments/{payment['id']}").json) == [(2, 2, 2), (1, 1, 1)]
        books.sound()

    def test_items_of_one_capture_come_back_from_that_capture(self, books: Books) -> None:
        payment = order(books.api, item(quantity=2))
        first = capture(books.api, payment, of(1)).json["captures"][0]
        capture(books.api, payment, of(1))
        assert refund(books.api, payment, of(1, 2), capture=first["id"]).json["left"] == 1
        assert refund(books.api, payment, of(1), capture=first["id"]).json["amount"] == PHONE
        after = books.api.get(f"/v1/payments/{payment['id']}").json
        assert [one["refunded_amount"] for one in after["captures"]] == [PHONE, 0]

    def test_a_part_of_what_is_unwound_is_refused(self, books: Books) -> None:
        payment = order(books.api, item(), item(300_000))
        capture(books.api, payment)
        answer = refund(books.api, payment, of(1), kind="unwind")
        assert (answer.status_code, answer.json["code"]) == (422, "amount_mismatch")

    def test_a_lost_dispute_about_all_marks_every_line(self, books: Books) -> None:
        payment = order(books.api, item(), item(300_000))
        capture(books.api, payment)
        for amount, returned in ((100_000, 0), (None, 1)):
            body = {
                "payment": payment["id"],
                "reason": "not_received",
                **({"amount": amount} if amount else {}),
            }
            dispute = books.post("/v1/test_helpers/disputes", body).json
            books.post(f"/v1/test_helpers/disputes/{dispute['id']}/resolve", {"outcome": "lost"})
            after = books.api.get(f"/v1/payments/{payment['id']}").json
            assert lines(after) == [(1, 1, returned)] * 2


class TestSubsidy:
    CLAIM = {"programme": "trade_in_2026", "amount": 50_000}  # noqa: RUF012

    def order(self, books: Books) -> dict[str, Any]:
        items = [item(subsidy_category="phone"), item(300_000, name="Speaker")]
        return books.api.approved(
            12, amount=2 * 599_900 - 349_900, items=items, government_subsidy=self.CLAIM
        )

    def test_a_subsidy_goes_with_its_own_line(self, books: Books) -> None:
        payment = self.order(books)
        assert [row["amount"] for row in payment["lines"]] == [549_900, 300_000]
        first = capture(books.api, payment, of(2)).json
        assert first["captures"][0]["government_subsidy"] is None
        both = capture(books.api, payment, of(1)).json
        assert both["captures"][1]["government_subsidy"]["amount"] == 50_000
        refund(books.api, payment, of(2))
        kept = books.api.get(f"/v1/payments/{payment['id']}").json
        assert kept["captures"][1]["government_subsidy"]["returned"] == 0
        refund(books.api, payment, of(1))
        given = books.api.get(f"/v1/payments/{payment['id']}").json
        assert given["captures"][1]["government_subsidy"]["returned"] == 50_000
        books.sound()

    def test_in_one_capture_it_comes_back_with_its_line_only(self, books: Books) -> None:
        payment = self.order(books)
        capture(books.api, payment)
        for line, returned in ((2, 0), (1, 50_000)):
            refund(books.api, payment, of(line))
            after = books.api.get(f"/v1/payments/{payment['id']}").json
            assert after["captures"][0]["government_subsidy"]["returned"] == returned
        books.sound()


def test_the_return_of_a_whole_capture_brings_its_pieces_back_though_none_was_named(books: Books) -> None:
    payment = order(books.api, item(), item())
    first = capture(books.api, payment, of(1)).json["captures"][0]["id"]
    capture(books.api, payment, of(2))
    assert refund(books.api, payment, capture=first, kind="return").status_code == 201
    assert lines(books.api.get(f"/v1/payments/{payment['id']}").json) == [(1, 1, 1), (1, 1, 0)]
    books.sound()
