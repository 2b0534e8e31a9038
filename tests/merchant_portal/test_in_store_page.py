"""The portal's page of an order in a store: a QR code for the shopper's phone, and no step on the clerk's browser."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import pytest
import segno

from tests.gateway.checkout.test_counter_offers import allow, confirmed
from tests.one_database import database_url  # noqa: F401

GIVEN = {
    "store": "南京路店",
    "name": "手机 X",
    "category": "3c",
    "amount": "5999.00",
    "reference": "till-1",
    "serial": "",
}


def send(desk, path="/in-store", **fields):
    csrf = re.search(r'name="csrf" value="([^"]+)"', desk.get("/in-store").text)
    assert csrf
    return desk.post(path, data={"csrf": csrf[1], **fields})


def path_of(answer):
    return urlsplit(answer.location).path.removeprefix("/portal")


@pytest.fixture
def order(desk):
    """Where the page of a new order is."""
    answer = send(desk, **GIVEN)
    assert answer.status_code == 303
    return path_of(answer)


def link_on(page):
    return re.search(r'<code id="link"[^>]*>([^<]+)</code>', page.text)[1]


def test_an_order_is_shown_as_the_qr_code_of_its_link_and_followed_until_it_is_decided(desk, order, api):
    page = desk.get(order)
    link = link_on(page)
    assert page.headers["Refresh"].startswith("5; url=")
    assert "等待顾客扫码办理" in page.text
    shown = re.search(r'class="qr"[^>]*>(<svg.*?</svg>)', page.text, re.DOTALL)[1]
    assert shown == segno.make(link, error="m", micro=False).svg_inline(
        scale=5, border=4, dark="#000", light="#fff", omitsize=True
    )
    checkout = api.get(f"/v1/checkouts/{order.rpartition('/')[2]}").json
    assert (checkout["store"], checkout["amount"]) == ("南京路店", 599_900)
    assert path_of(send(desk, **GIVEN)) == order, "the same form again is the same order"
    assert link_on(desk.get(order)) == link
    assert api.post(f"/v1/test_helpers/checkouts/{checkout['id']}/complete", {}).status_code == 200
    page = desk.get(order)
    assert "已通过" in page.text
    assert 'class="qr"' not in page.text
    assert 'id="link"' not in page.text
    assert "Refresh" not in page.headers
    payment = api.get(f"/v1/checkouts/{checkout['id']}").json["payment"]
    assert f"/payments/{payment}" in page.text


def test_the_link_ends_after_half_an_hour(desk, order, clock, app, api):
    link = urlsplit(link_on(desk.get(order))).path
    clock.advance(minutes=29)
    assert app.test_client().get(link).status_code == 303
    clock.advance(minutes=2)
    phone = app.test_client()
    phone.get(link, follow_redirects=True)
    api.login()
    assert api.get(f"/v1/checkouts/{order.rpartition('/')[2]}").json["status"] == "expired"


def test_a_canceled_order_opens_nothing_and_the_number_may_be_used_again(desk, order):
    assert send(desk, f"{order}/cancel").status_code == 303
    page = desk.get(order)
    assert "已取消" in page.text
    assert 'id="link"' not in page.text
    assert path_of(send(desk, **GIVEN)) != order


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"amount": "x"}, "请以元为单位"),
        ({"amount": "1.00"}, "请以元为单位"),
        ({"store": ""}, "请填写门店名称"),
        ({"store": "13812345678"}, "请填写门店名称"),
        ({"name": ""}, "请检查商品名称"),
        ({"reference": ""}, "此订单号"),
    ],
)
def test_what_is_wrong_is_said_and_what_was_typed_stays(desk, api, changed, words):
    answer = send(desk, **{**GIVEN, "name": "蓝色手机", **changed})
    assert answer.status_code == 422
    assert words in answer.text
    assert "till-1" in answer.text or "reference" in changed
    assert api.get("/v1/checkouts").json["data"] == []


def test_another_order_under_the_same_number_is_refused(desk, order):
    answer = send(desk, **{**GIVEN, "amount": "4999.00"})
    assert answer.status_code == 409
    assert "此订单号" in answer.text


def test_the_id_of_an_order_shows_no_link_to_another_login(desk, order, person, api):
    with desk.session_transaction() as kept:
        kept.pop("links")
    page = desk.get(order)
    assert page.status_code == 200
    assert "/open/" not in page.text
    assert "链接只在创建订单" in page.text


def test_the_clerks_browser_takes_no_step_for_the_shopper(desk, order, person, app, api):
    link = urlsplit(link_on(desk.get(order))).path
    checkout = order.rpartition("/")[2]
    refused = person.gateway.get(link)
    assert refused.status_code == 403
    assert "请用顾客本人的手机" in refused.text
    for step in ("", "/code", "/identify", "/confirm", "/continue"):
        for ask in (person.gateway.get, person.gateway.post):
            assert ask(f"/checkout/{checkout}{step}").status_code in (403, 404, 405), step
    assert api.get(f"/v1/checkouts/{checkout}").json["status"] == "open"
    assert app.test_client().get(link).status_code == 303, "the shopper's phone opens it"
    online = api.checkout()
    assert person.gateway.get(urlsplit(online["url"]).path).status_code == 303, (
        "an order of no store is as before"
    )


def test_the_phone_comes_back_to_a_page_without_login(desk, app):
    page = desk.application.test_client().get("/in-store-done")
    assert page.status_code == 200
    assert "谢谢" in page.text


def test_after_a_counter_offer_the_page_shows_the_order_that_the_shopper_went_on_with(
    desk, api, app, clock, monkeypatch
):
    gateway = app.extensions["fenqi"]
    gateway.ports.scorer.load()
    allow(gateway, monkeypatch, 60)
    order = path_of(send(desk, **{**GIVEN, "amount": "23999.00"}))
    phone, link = app.test_client(), urlsplit(link_on(desk.get(order))).path
    declined = api.get(f"/v1/checkouts/{order.rpartition('/')[2]}").json
    assert confirmed(phone, api, clock, {**declined, "url": link}, 12)["status"] == "declined"
    page = desk.get(order)
    assert "未通过" in page.text
    assert "顾客可在自己的手机上改用另一方案申请" in page.text
    assert page.headers["Refresh"].startswith("5; url="), "it looks for what the shopper goes on with"
    way = phone.post(f"/checkout/{declined['id']}/counter-offer").location
    answer = desk.get(order)
    assert answer.status_code == 303
    assert path_of(answer) == f"/in-store/{way.split('/')[2]}"
    page = desk.get(path_of(answer))
    assert "以另一方案继续办理" in page.text, "no QR code is missing: the phone has the order"
    assert "首付（由门店收取）" in page.text
    assert "¥9,600.00" in page.text, "what the clerk must collect"
    phone.get(way, follow_redirects=True)
    fresh = api.get(f"/v1/checkouts/{way.split('/')[2]}").json
    done = confirmed(phone, api, clock, fresh, 12)
    assert f"/payments/{done['payment']}" in desk.get(order, follow_redirects=True).text


def test_a_counter_offer_that_has_ended_is_not_waited_for(desk, api, app, clock, monkeypatch):
    gateway = app.extensions["fenqi"]
    gateway.ports.scorer.load()
    allow(gateway, monkeypatch, 60)
    order = path_of(send(desk, **{**GIVEN, "amount": "23999.00"}))
    phone, link = app.test_client(), urlsplit(link_on(desk.get(order))).path
    declined = api.get(f"/v1/checkouts/{order.rpartition('/')[2]}").json
    confirmed(phone, api, clock, {**declined, "url": link}, 12)
    clock.advance(minutes=31)
    page = desk.get(order)
    assert "Refresh" not in page.headers
    assert "改用另一方案" not in page.text
