"""Where the shop wants its shopper back: refused when it cannot be opened, and https alone where the money is real."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from tests.by_force import by_force
from tests.gateway.conftest import problem
from tests.gateway.shopper import enter
from tests.one_database import database_url  # noqa: F401

FIELDS = ("return_url", "cancel_url")


@pytest.mark.parametrize("field", FIELDS)
def test_an_address_that_nobody_can_open_is_refused(api, field):
    for address in ("https://shop.example:99999/cart", "https://u@shop.example/", "https://shop.example/#a"):
        refused = problem(api.post("/v1/checkouts", api.order(**{field: address})))
        assert (refused["status"], refused["param"]) == (422, field)
    assert api.get("/v1/checkouts").json["data"] == []


def test_what_is_kept_is_the_canonical_form_and_ends_no_header(api, app):
    checkout = api.checkout(
        return_url="HTTPS://商店.Example:443", cancel_url="https://shop.example/返回?x=;y"
    )
    assert checkout["return_url"] == "https://xn--czrs0t.example/"
    pages = app.test_client()
    page = enter(pages, checkout)
    assert "form-action 'self' https://shop.example;" in page.headers["Content-Security-Policy"]
    left = pages.post(f"/checkout/{checkout['id']}/cancel")
    assert left.location == f"https://shop.example/%E8%BF%94%E5%9B%9E?x=;y&checkout={checkout['id']}"


def test_live_shoppers_go_back_over_https_only(new_merchant):
    live = new_merchant(mode="live")
    order = live.order(return_url="http://shop.example/return", cancel_url="http://127.0.0.1/cart")
    refused = problem(live.post("/v1/checkouts", order))
    assert [row["param"] for row in refused["errors"]] == list(FIELDS)
    assert live.get("/v1/checkouts").json["data"] == []
    assert live.checkout()["return_url"] == "https://shop.example/return"


@pytest.mark.parametrize("kept", ["https://shop.example:99999/cart", "https://shop.example/#/cart"])
def test_an_address_of_an_older_release_fails_no_page(api, app, kept):
    checkout, pages = api.checkout(), app.test_client()
    with app.extensions["fenqi"].db.engine.begin() as connection:
        by_force(connection, "UPDATE checkout SET cancel_url = :u, return_url = :u", {"u": kept})
    enter(pages, checkout)
    left = pages.post(f"/checkout/{checkout['id']}/cancel", follow_redirects=False)
    assert left.status_code == 303
    if urlsplit(left.location).netloc:
        assert left.location == f"https://shop.example/?checkout={checkout['id']}"
    else:
        assert 'data-status="canceled"' in pages.get(left.location).text


@pytest.mark.parametrize("field", FIELDS)
def test_the_orders_own_number_stands_in_the_address_whatever_it_looks_like(api, field):
    own = {
        "merchant_reference": "13912345678",
        field: "https://shop.example/orders/13912345678?o=13912345678",
    }
    assert api.checkout(**own)[field] == own[field]
    for another in ("13812345678", "11010519491231002X"):
        address = f"https://shop.example/?o=13912345678&x={another}"
        refused = problem(api.post("/v1/checkouts", api.order(**{**own, field: address})))
        assert (refused["status"], refused["param"]) == (422, field)
