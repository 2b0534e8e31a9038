"""Masks: what may be shown of a person, and personal numbers found in text."""

from __future__ import annotations

import pytest

from gateway.core import masking


def test_personal_identifiers_are_masked():
    assert masking.mask_resident_id("11010519491231002X") == "110105********002X"
    assert masking.mask_phone("+8613800138000") == "138****8000"
    assert masking.mask_name("张三") == "张*"
    assert masking.mask_name("欧阳娜娜") == "欧***"
    assert masking.mask_card("6222 0210 0111 6666 0128") == "6222************0128"


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("id 11010519491231002X.", "id 110105********002X."),
        ("证件11010519491231002x号", "证件110105********002x号"),
        ("call 13800138000 or +8613900139000", "call 138****8000 or 139****9000"),
        ("/x?phone=%2B8613800138000&", "/x?phone=%2B138****8000&"),
        ("card 4242 4242 4242 4242!", "card 4242********4242!"),
        ("amount 599900, order 20261123000001", "amount 599900, order 20261123000001"),
        ("chk_01KATEZJ0013800138000ABCDE", "chk_01KATEZJ0013800138000ABCDE"),
    ],
)
def test_text_is_redacted(text, safe):
    assert masking.redacted(text) == safe


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("mail li.si+x@mail.example.cn, 13800138000", "mail l***@mail.example.cn, 138****8000"),
        ('{"access_token": "abc", "ok": true}', '{"access_token": "[…]", "ok": true}'),
        ("password=hunter2&next=/", "password=[…]&next=/"),
        ("Authorization: Bearer abc.def", "Authorization: Bearer […]"),
        ("got Bearer 0123456789", "got Bearer […]"),
        ("key whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "key […]"),
        ("eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl1", "[…]"),
        ("File /srv/app/v1/handlers/webhooks.py:31", "File /srv/app/v1/handlers/webhooks.py:31"),
        ("chk_01KATEZJ00AAAAAAAAAAAAAAAA unknown", "[…] unknown"),
        ("received 2026-11-23T04:00:00.000000Z", "received 2026-11-23T04:00:00.000000Z"),
        ("", ""),
    ],
)
def test_an_answer_shows_neither_people_nor_secrets(text, safe):
    assert masking.redacted_answer(text) == safe


def test_only_numbers_that_can_be_real_are_refused():
    assert masking.holds_personal_number("to 11010519491231002X")
    assert masking.holds_personal_number("4242-4242-4242-4242")
    assert masking.holds_personal_number("378282246310005")
    assert not masking.holds_personal_number("490154203237518"), "an IMEI is as long as that card"
    assert masking.holds_personal_number("(13800138000)")
    for order_number in ("2026112300000008", "261123204512345678", "20261123204512345678"):
        assert not masking.holds_personal_number(order_number)
    assert not masking.holds_personal_number("52424242424242424249"), "no card has twenty digits"
    assert not masking.holds_personal_number("110105194912310021")
    assert not masking.holds_personal_number("4242424242424241")
    assert not masking.holds_personal_number("order 20261123000001, red, 128 GB")


@pytest.mark.parametrize("between", list(" -–_./·•‧,、，。:;|*+#~'\\()=&@…\u200b\ufe0f\u3000"))
def test_whatever_parts_a_number_does_not_hide_it(between):
    for parts in (("110105", "19491231", "002X"), ("138", "0013", "8000"), ("4242", "4242", "4242", "4242")):
        assert masking.holds_personal_number(between.join(parts)), parts
        assert masking.holds_personal_number(between.join("".join(parts))), parts
    assert masking.holds_person_or_phone("008613800138000")


def test_numbers_of_orders_by_date_and_time_are_nobodys():
    in_year = [f"2026{month:02}{day:02}" for month in range(1, 13) for day in (1, 19, 20)]
    in_day = [f"{hour:02}{minute:02}" for hour in range(24) for minute in range(1, 60, 11)]
    orders = (f"{day}{time}{second:02}7889" for day in in_year for time in in_day for second in (8, 33, 59))
    assert not [order for order in orders if masking.holds_personal_number(order)]
