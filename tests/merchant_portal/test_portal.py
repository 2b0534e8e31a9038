"""The portal: a login that cannot be forged, figures that are the API's, and changes that happen once."""

from __future__ import annotations

import base64
import json
import re
import zlib
from datetime import date

import pytest

from gateway.process.daily import settle
from gateway.process.worker import drain
from tests.gateway.plans.agreeing import Desk, card, day, price, programme
from tests.one_database import database_url  # noqa: F401


def test_nobody_sees_anything_without_a_login(person):
    for path in (
        "/",
        "/payments",
        "/payments/pay_x",
        "/settlements",
        "/settlements/stl_x",
        "/balance",
        "/rates",
    ):
        page = person.portal.get(path)
        assert page.status_code == (200 if path == "/" else 401)
        assert "¥" not in page.text
        assert 'id="login"' in page.text


def test_a_forged_callback_is_refused(person, api):
    person.portal.get("/login")
    for query in ("", "?code=x&state=y&iss=http://gateway.test", "?code=x&iss=http://evil.test"):
        assert person.portal.get(f"/callback{query}").status_code == 400
    assert person.portal.get("/payments").status_code == 401


def test_a_wrong_password_does_not_open_the_door(person, api):
    assert person.log_in({**api.credentials, "portal_password": "wrong"}).status_code != 303
    assert person.portal.get("/payments").status_code == 401


def test_the_pages_show_what_the_api_says(desk, api, app):
    payment = api.captured()
    settle(app.extensions["fenqi"], date(2026, 11, 24))
    drain(app.extensions["fenqi"])
    detail = desk.get(f"/payments/{payment['id']}")
    for shown in (
        payment["merchant_reference"],
        "¥5,999.00",
        "¥35.99",
        "¥5,963.01",
        payment["captures"][0]["loan"],
    ):
        assert shown in detail.text
    assert payment["merchant_reference"] in desk.get("/payments").text
    batch = api.get("/v1/settlements").json["data"][0]
    page = desk.get(f"/settlements/{batch['id']}").text
    assert "两边相等" in page
    assert "已打款" in page
    assert "¥5,963.01" in page
    csv = desk.get(f"/settlements/{batch['id']}/lines.csv")
    assert csv.data == api.get(f"/v1/settlements/{batch['id']}/lines", Accept="text/csv").data
    assert csv.data.startswith(b"\xef\xbb\xbfid,")


def test_a_capture_is_asked_first_and_done_once(desk, person, api):
    payment = api.approved()
    path = f"/payments/{payment['id']}/capture"
    asked = desk.get(path)
    assert "¥5,999.00" in asked.text
    for _ in range(2):
        assert person.send(path, asked.text).status_code == 303
    assert api.get(f"/v1/payments/{payment['id']}").json["captured_amount"] == 599_900
    assert "没有可请款金额" in desk.get(f"/payments/{payment['id']}").text


def test_a_refund_by_the_portal_says_so(desk, person, api):
    payment = api.captured()
    path = f"/payments/{payment['id']}/refund"
    assert person.send(path, desk.get(path).text).status_code == 303
    (refund,) = api.get(f"/v1/refunds?payment={payment['id']}").json["data"]
    assert (refund["initiated_by"], refund["amount"]) == ("portal", 599_900)


def test_a_disputed_payment_says_so_in_words_and_offers_no_refund(desk, api):
    payment = api.captured()
    path = f"/payments/{payment['id']}"
    assert f"{path}/refund" in desk.get(path).text
    dispute = api.post("/v1/test_helpers/disputes", {"payment": payment["id"]}).json
    page = desk.get(path).text
    for words in ("待答复", "未收到商品", "争议处理中", "2026-11-30 12:00"):
        assert words in page
    assert "goods_not_received" not in page
    assert f'{path}/refund"' not in page
    api.post(f"/v1/test_helpers/disputes/{dispute['id']}/resolve", {"outcome": "won"})
    page = desk.get(path).text
    assert "商户胜诉" in page
    assert f'{path}/refund"' in page


def test_what_the_gateway_refuses_is_said_in_the_language_of_the_page(desk, person, api):
    payment = api.captured()
    path = f"/payments/{payment['id']}/refund"
    asked = desk.get(path).text
    api.post("/v1/test_helpers/disputes", {"payment": payment["id"]})
    for language, words in (("zh-CN", "当前状态已不允许此操作"), ("en", "no longer allows this action")):
        page = person.send(f"{path}?lang={language}", asked)
        assert page.status_code == 409
        assert words in page.text
        assert ("disputed" in page.text) is False


def test_a_form_without_the_sessions_token_is_refused(desk, person, api):
    payment = api.approved()
    path = f"/payments/{payment['id']}/capture"
    assert person.send(path, desk.get(path).text, csrf="forged").status_code == 403
    assert api.get(f"/v1/payments/{payment['id']}").json["captured_amount"] == 0


def test_another_merchants_payment_is_not_found(desk, new_merchant):
    foreign = new_merchant().captured()
    assert desk.get(f"/payments/{foreign['id']}").status_code == 404
    assert desk.get(f"/payments/{foreign['id']}/refund").status_code == 404


def test_logging_out_ends_it(desk, person):
    token = re.search(r'name="csrf" value="([^"]+)"', desk.get("/").text)
    assert token
    assert desk.post("/logout", data={"csrf": token.group(1)}).status_code == 303
    assert desk.get("/payments").status_code == 401


def test_tokens_are_not_readable_in_the_cookie(desk):
    cookie = desk.get_cookie("fenqi_portal")
    assert cookie is not None
    body, packed = cookie.value.lstrip(".").split(".")[0], cookie.value.startswith(".")
    raw = base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))
    held = json.loads(zlib.decompress(raw) if packed else raw)
    assert set(held) == {"csrf", "sid"}
    kept = list(desk.application.extensions["portal"].sessions.folder.iterdir())
    assert [path.stat().st_mode & 0o777 for path in kept] == [0o600]
    assert re.search(rb"eyJ[\w-]{8}", kept[0].read_bytes() + raw) is None
    assert held["sid"] not in kept[0].name
    assert cookie.http_only


@pytest.mark.parametrize("path", ["/", "/payments", "/settlements", "/balance", "/rates"])
def test_pages_are_complete_in_english_and_strict_in_policy(desk, path):
    page = desk.get(f"{path}?lang=en")
    assert page.status_code == 200
    assert "unsafe" not in page.headers["Content-Security-Policy"]
    assert not [char for char in page.text.replace("中文", "") if "一" <= char <= "鿿"]


def test_every_page_carries_the_security_headers(desk):
    for client in (desk, desk.application.test_client()):
        for rule in client.application.url_map.iter_rules():
            if "GET" not in (rule.methods or ()):
                continue
            path = re.sub(r"<[^>]+>", "x", rule.rule)
            page = client.get(path)
            policy = page.headers.get("Content-Security-Policy", "")
            assert "default-src 'none'" in policy, path
            assert "unsafe" not in policy, path
            assert page.headers["X-Content-Type-Options"] == "nosniff", path
            assert "Access-Control-Allow-Origin" not in page.headers, path


def test_payments_are_found_by_the_filters_of_the_api(api, desk):
    small, large = api.approved(amount=100_000), api.captured(amount=599_900)
    for query, found in (
        ("status=captured&amount_min=5999&amount_max=5,999.00", None),
        ("status=captured&amount_min=5999&amount_max=5999.00", large),
        ("status=authorized&created_from=2026-11-23&created_to=", small),
        (f"reference={small['merchant_reference']}", small),
        ("order=A-1", {}),
    ):
        page = desk.get(f"/payments?{query}")
        shown = [one["id"] for one in (small, large) if one["id"] in page.text]
        assert page.status_code == 200
        assert shown == ([found["id"]] if found else [])
        assert ('role="alert"' in page.text) is (found is None)
    for wrong in (
        "status=paid",
        "created_from=2026-11-24&created_to=2026-11-23",
        "created_from=x",
        "amount_min=0.1&amount_max=-1",
    ):
        assert 'role="alert"' in desk.get(f"/payments?{wrong}").text


def test_the_page_of_rates_shows_what_was_agreed_and_from_when(desk, api, app):
    agree = Desk(app, api.credentials["merchant"])
    assert "尚无费率卡" in desk.get("/rates").text
    agree.agreed(card(price(annual_rate="0.156", category="3c"), programmes=(programme(),)))
    agree.agreed(
        card(price(3, method="interest_free", annual_rate=None, merchant_subsidy_rate="0.022")), first=3
    )
    page = desk.get("/rates").text
    for shown in ("15.6%", "0.6%", "2.2%", "数码", "免息分期", "trade_in_2026", f"自 {day(3)} 起"):
        assert shown in page
    assert page.count("当前生效") == 1
    assert "¥100.00 – ¥100,000.00" in desk.get("/rates?lang=en").text
