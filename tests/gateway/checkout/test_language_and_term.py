"""Language and term that were chosen in the shop begin the shopper's pages; the language goes back with the shopper."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.gateway.shopper import enter
from tests.one_database import database_url  # noqa: F401


@pytest.fixture
def pages(app: Any) -> Any:
    return app.test_client()


def test_the_shops_language_begins_the_pages_and_the_one_that_was_read_goes_back(pages, api):
    checkout = api.checkout(locale="en")
    page = enter(pages, checkout).text
    assert "How would you like to pay?" in page
    path = f"/checkout/{checkout['id']}"
    assert "选择付款方式" in pages.get(f"{path}?lang=zh-CN").text
    back = pages.post(f"{path}/cancel").location
    assert back == f"https://shop.example/cart?checkout={checkout['id']}&locale=en"
    assert "locale=zh-CN" in pages.get(f"{path}/result?lang=zh-CN").text
    assert api.get(f"/v1/checkouts/{checkout['id']}").json["locale"] == "en"
    plain = api.checkout()
    enter(pages, plain)
    assert pages.post(f"/checkout/{plain['id']}/cancel").location.endswith(f"?checkout={plain['id']}")


def test_the_term_chosen_in_the_shop_is_preselected_and_may_be_changed(pages, api):
    checkout = api.checkout(term=6)
    assert checkout["term"] == 6
    page = enter(pages, checkout).text
    assert re.findall(r'type="radio"[^>]*value="(\w+)"[^>]* checked', page) == ["6"]


@pytest.mark.parametrize(
    ("body", "status", "param"),
    [({"term": 7}, 422, "term"), ({"terms": [3], "term": 6}, 422, "term"), ({"locale": "fr"}, 422, "locale")],
)
def test_what_is_not_offered_is_refused_by_name(api, body, status, param):
    answer = api.post("/v1/checkouts", api.order(**body))
    assert (answer.status_code, answer.json["param"]) == (status, param)
