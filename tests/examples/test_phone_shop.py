"""The example shop, which will be copied: its desk is behind a door, its forms are its own, its cookie is safe."""

from __future__ import annotations

import importlib.util
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest
from werkzeug.security import generate_password_hash

ROOT = Path(__file__).parents[2]
CHECKOUT = "chk_" + "0" * 26
SECRET = f"https://pay.example/checkout/{CHECKOUT}?s=secret-of-the-shopper"
PASSWORD = "sesame of the desk"


class Gateway:
    """What the shop sees of a gateway: one checkout, approved; the calls that move money are noted."""

    def __init__(self):
        self.moved = []
        self.asked = []
        approved = SimpleNamespace(
            id=CHECKOUT, merchant_reference="P10001", payment="pay_1", status="approved"
        )
        self.checkouts = SimpleNamespace(create=self.create, retrieve=lambda _: approved)
        self.payments = SimpleNamespace(
            acknowledge=lambda *_, **__: None,
            capture=lambda payment, **_: self.moved.append(("capture", payment)),
        )
        self.refunds = SimpleNamespace(create=lambda **given: self.moved.append(("refund", given["payment"])))

    def create(self, **given):
        """Note what the shop asks for."""
        self.asked.append(given)
        return SimpleNamespace(id=CHECKOUT, url=SECRET)


@pytest.fixture
def gateway():
    return Gateway()


@pytest.fixture(scope="module")
def phones():
    spec = importlib.util.spec_from_file_location("phone_shop", ROOT / "examples/phones/shop.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["phone_shop"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def new_shop(phones, gateway, tmp_path):
    def make(url="http://shop.test", **changes):
        given = {
            "shop_url": url,
            "gateway_url": "https://pay.example",
            "publishable_key": "pk_test_1",
            "database": tmp_path / "shop.sqlite",
            "secret_key": "k" * 32,
            "desk_password_hash": generate_password_hash(PASSWORD, "pbkdf2:sha256:1"),
        }
        return phones.create_app(gateway, **{**given, **changes}).test_client()

    return make


def press(browser, page, action, **values):
    """Press a button as a browser does: with the token of the page."""
    token = re.search(r'name="csrf" value="([^"]+)"', browser.get(page).text)[1]
    return browser.post(action, data={"csrf": token, **values})


def bought(browser):
    """A paid order; returns its number."""
    assert press(browser, "/p/xinghe-12", "/p/xinghe-12/split").status_code == 303
    page = browser.get(f"/return?checkout={CHECKOUT}")
    assert 'data-order-status="paid"' in page.text
    return "P10001"


def entered(browser):
    answer = press(browser, "/desk/login", "/desk/login", password=PASSWORD)
    assert (answer.status_code, answer.location) == (303, "http://shop.test/desk")


def test_a_stranger_sees_nothing_of_the_desk_and_moves_no_money(new_shop, gateway):
    shopper, stranger = new_shop(), new_shop()
    number = bought(shopper)
    for path in ("/desk", f"/desk/{number}/ship", f"/desk/{number}/refund"):
        asked = stranger.get(path) if path == "/desk" else press(stranger, "/desk/login", path)
        assert (asked.status_code, asked.location) == (303, "http://shop.test/desk/login")
        assert number not in asked.text
    assert gateway.moved == []
    entered(stranger)
    assert press(stranger, "/desk", f"/desk/{number}/ship").status_code == 303
    assert press(stranger, "/desk", f"/desk/{number}/refund").status_code == 303
    assert gateway.moved == [("capture", "pay_1"), ("refund", "pay_1")]


def test_every_form_needs_the_token_of_its_browser(new_shop, gateway):
    browser, other = new_shop(), new_shop()
    number = bought(browser)
    entered(browser)
    foreign = re.search(r'name="csrf" value="([^"]+)"', other.get("/desk/login").text)[1]
    posted = {rule.rule for rule in browser.application.url_map.iter_rules() if "POST" in rule.methods}
    assert len(posted - {"/hooks"}) == 5, "the webhook is signed instead"
    for rule in posted - {"/hooks"}:
        path = rule.replace("<number>", number).replace("<slug>", "xinghe-12")
        for sent in ({}, {"csrf": foreign}, {"csrf": "é"}):
            refused = browser.post(path, data={**sent, "password": PASSWORD})
            assert refused.status_code == 403, path
            assert "页面已过期" in refused.text
    assert gateway.moved == []
    for page in ("/p/xinghe-12", "/desk", "/desk/login"):
        text = browser.get(page).text
        assert text.count('name="csrf"') == text.count('method="post"') > 0


def test_guesses_are_counted_by_address_and_for_all_of_them(new_shop, monkeypatch):
    browser = new_shop()

    def guess(password, address):
        token = re.search(r'name="csrf" value="([^"]+)"', browser.get("/desk/login").text)[1]
        sent = {"csrf": token, "password": password}
        return browser.post("/desk/login", data=sent, environ_base={"REMOTE_ADDR": address})

    assert [guess("wrong", "192.0.2.1").status_code for _ in range(5)] == [401] * 5
    late = guess(PASSWORD, "192.0.2.1")
    assert (late.status_code, late.headers["Retry-After"]) == (429, "300")
    assert guess(PASSWORD, "192.0.2.2").status_code == 303, "nobody else is kept out"
    monkeypatch.setattr(sys.modules["desk"], "FAILURES_OF_ALL", 7)
    assert [guess("wrong", f"192.0.2.{n}").status_code for n in (3, 4, 5)] == [401, 401, 429]
    now = sys.modules["desk"].time.time()
    monkeypatch.setattr(sys.modules["desk"].time, "time", lambda: now + 301)
    assert guess(PASSWORD, "192.0.2.1").status_code == 303


def test_a_login_ends_on_the_server_too(new_shop):
    browser, thief = new_shop(), new_shop()
    entered(browser)
    thief.set_cookie("shop", browser.get_cookie("shop").value, domain="localhost")
    assert thief.get("/desk").status_code == 200
    assert press(browser, "/desk", "/desk/logout").status_code == 303
    assert thief.get("/desk").status_code == 303


def test_cookie_and_headers_are_strict_and_stricter_under_https(new_shop):
    answer = new_shop().get("/p/xinghe-12")
    assert re.fullmatch(r"shop=[^;]+; HttpOnly; Path=/; SameSite=Lax", answer.headers["Set-Cookie"])
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src https://pay.example/js/; ")
    assert "unsafe" not in policy
    script = re.search(r"<script [^>]+>", answer.text)[0]
    assert re.search(r'src="https://pay\.example/js/v[\d.]+/fenqi\.js"', script)
    assert re.search(r'integrity="sha384-[\w+/]{64}" crossorigin="anonymous"', script)
    assert answer.headers["Cache-Control"] == "no-store"
    secure = new_shop("https://shop.test").get("/p/xinghe-12", base_url="https://shop.test")
    assert secure.headers["Set-Cookie"].startswith("__Host-shop=")
    assert "; Secure; HttpOnly; Path=/; SameSite=Lax" in secure.headers["Set-Cookie"]
    assert "max-age=" in secure.headers["Strict-Transport-Security"]
    beside = new_shop("https://pay.example/shops/phones").get("/p/xinghe-12", base_url="https://pay.example")
    assert "Path=/shops/phones" in beside.headers["Set-Cookie"]
    with pytest.raises(ValueError, match="32 characters"):
        new_shop(secret_key="short")


def test_the_shoppers_address_is_passed_on_and_kept_nowhere(new_shop, tmp_path):
    browser = new_shop()
    assert press(browser, "/p/xinghe-12", "/p/xinghe-12/split").location == SECRET
    entered(browser)
    shown = browser.get("/desk").text + browser.get(f"/return?checkout={CHECKOUT}").text
    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert "secret-of-the-shopper" not in shown
    assert b"secret-of-the-shopper" not in kept
    assert PASSWORD.encode() not in kept


def test_term_and_language_are_handed_on(new_shop, gateway):
    browser = new_shop()
    page = browser.get("/p/xinghe-12?lang=en").text
    assert re.search(r'<fenqi-button amount="\d+" locale="en"[^>]*><button[^>]*id="split"', page)
    for term, handed in (("12", 12), ("", None), ("x", None)):
        press(browser, "/p/xinghe-12", "/p/xinghe-12/split?lang=en", fenqi_term=term)
        assert (gateway.asked[-1]["locale"], gateway.asked[-1]["term"]) == ("en", handed)
    assert "Order paid" in browser.get(f"/return?checkout={CHECKOUT}&locale=en").text


def test_a_return_without_a_checkout_is_a_page_with_400(new_shop):
    browser = new_shop()
    for query in ("", "?checkout=", "?checkout=chk_", "?checkout=pay_1", "?checkout=chk_" + "é" * 26):
        answer = browser.get(f"/return{query}")
        assert (answer.status_code, answer.mimetype) == (400, "text/html")
        assert "链接不完整" in answer.text
    assert browser.get("/nowhere?lang=en").status_code == 404


def test_orders_placed_at_once_have_numbers_of_their_own(phones, tmp_path):
    orders = phones.Orders(tmp_path / "shop.sqlite")
    with ThreadPoolExecutor(8) as shoppers:
        numbers = list(shoppers.map(lambda _: orders.place("Phone", 599_900), range(200)))
    assert len(set(numbers)) == 200
