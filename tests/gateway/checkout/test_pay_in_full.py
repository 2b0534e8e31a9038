"""Paying in full stands beside the plans and is the choice of who makes none; the shop is told why it was canceled."""

from __future__ import annotations

import re
from typing import Any

import pytest

from gateway.identity.invented import invented_id_number
from tests.gateway.shopper import enter, identify
from tests.one_database import database_url  # noqa: F401

TYPED = {"term": "12", "name": "王小明", "id_number": invented_id_number("shopper"), "phone": "13800000001"}


@pytest.fixture
def pages(app: Any) -> Any:
    return app.test_client()


def test_in_full_is_chosen_beforehand_and_leads_back_to_the_shop_without_a_loan(pages, api):
    checkout = api.checkout()
    page = enter(pages, checkout).text
    assert re.findall(r'type="radio"[^>]*value="(\w+)"[^>]* checked', page) == ["full"]
    answer = pages.post(f"/checkout/{checkout['id']}/identity", data={"term": "full"})
    assert (answer.status_code, answer.location) == (
        303,
        f"https://shop.example/cart?checkout={checkout['id']}",
    )
    found = api.get(f"/v1/checkouts/{checkout['id']}").json
    assert (found["status"], found["cancel_reason"], found["payment"]) == ("canceled", "pay_in_full", None)
    (event,) = api.get("/v1/events?type=checkout.canceled").json["data"]
    assert event["data"]["cancel_reason"] == "pay_in_full"
    assert "您选择了全款支付" in pages.get(f"/checkout/{checkout['id']}/result").text


def test_each_end_has_its_reason(pages, api):
    by_shop, by_shopper = api.checkout(), api.checkout()
    assert api.post(f"/v1/checkouts/{by_shop['id']}/cancel").json["cancel_reason"] == "merchant"
    enter(pages, by_shopper)
    pages.post(f"/checkout/{by_shopper['id']}/cancel")
    assert api.get(f"/v1/checkouts/{by_shopper['id']}").json["cancel_reason"] == "shopper"
    assert api.post(f"/v1/checkouts/{by_shopper['id']}/cancel").json["cancel_reason"] == "shopper", (
        "it stands"
    )


def test_nobody_ends_the_order_of_another_who_is_identified(pages, api, app):
    checkout = api.checkout()
    identify(pages, checkout, TYPED)
    stranger = app.test_client()
    assert 'value="full"' not in enter(stranger, checkout).text
    assert stranger.post(f"/checkout/{checkout['id']}/identity", data={"term": "full"}).status_code == 403
    assert api.get(f"/v1/checkouts/{checkout['id']}").json["status"] == "identified"
