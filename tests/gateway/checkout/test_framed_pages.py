"""A checkout inside a page of the shop: who may show it, and that inside a frame no cookie counts."""

from __future__ import annotations

from urllib.parse import urlencode, urlsplit

import pytest

from gateway.audit.service import Actor
from gateway.errors import InvalidRequest
from gateway.identity.invented import invented_id_number
from gateway.merchants import commands
from tests.gateway.checkout.test_entry import CONSENTS, confirm, forms, reviewed
from tests.one_database import database_url  # noqa: F401

OPERATOR = Actor("operator", "root")
SHOP = "https://shop.example"
FRAME = {"parent": SHOP, "channel": "0b9f2c1e-5c1a-4f0e-9d42-8f0a6f7f3b10"}
TYPED = {"term": "12", "name": "王小明", "id_number": invented_id_number("shopper"), "phone": "13800000001"}
NOBODY = "frame-ancestors 'none'"


def register(app, api, *origins: str, mode: str = "test", remove: tuple[str, ...] = ()) -> None:
    db = app.extensions["fenqi"].db
    merchant = api.credentials["merchant"]
    commands.frame_origins(db, OPERATOR, merchant, mode, add=origins, remove=remove)


def ancestors(answer) -> str:
    """Who may frame the answer; where somebody may, the header that knows no origins is absent."""
    policy = answer.headers["Content-Security-Policy"]
    found = next(part.strip() for part in policy.split(";") if "frame-ancestors" in part)
    assert (answer.headers.get("X-Frame-Options") == "DENY") == (found == NOBODY)
    return found


def opened(browser, checkout, **frame: str):
    return browser.get(f"{urlsplit(checkout['url']).path}?{urlencode({**FRAME, **frame})}")


def test_every_page_on_the_way_names_the_page_around_it_and_no_cookie_is_set(app, api, clock):
    register(app, api, SHOP)
    checkout, browser = api.checkout(), app.test_client()
    at = f"/checkout/{checkout['id']}"
    page = opened(browser, checkout)
    key = forms(page)[f"{at}/identity"]
    assert {**key, "key": ""} == {**FRAME, "key": ""}
    coded = browser.post(f"{at}/code", data={**TYPED, **key})
    wrong = browser.post(f"{at}/identity", data={**TYPED, **key, "code": "111111"})
    review = browser.post(f"{at}/identity", data={**TYPED, **key, "code": "000000"})
    proof = forms(review)[f"{at}/confirm"]
    english = browser.post(f"{at}/review?lang=en", data=proof)
    clock.advance(seconds=5)
    locked = confirm(browser, checkout, **key)
    result = confirm(browser, checkout, **proof)
    consents = browser.post(f"{at}/consents", data=proof)

    assert [answer.status_code for answer in (wrong, locked, result)] == [422, 403, 200]
    assert 'data-status="approved"' in result.text
    assert 'target="_top" data-leave' in result.text, "the shop's page never opens in its own frame"
    for answer in (page, coded, wrong, review, english, locked, result, consents):
        assert ancestors(answer) == f"frame-ancestors {SHOP}"
        assert "Set-Cookie" not in answer.headers
        assert f'data-parent="{SHOP}" data-channel="{FRAME["channel"]}"' in answer.text
        out = f"{at}/review"  # the form that leads out of the frame
        assert all(set(fields) >= set(FRAME) for to, fields in forms(answer).items() if out not in to)


@pytest.mark.parametrize(
    "frame",
    [
        {"parent": "https://evil.example"},
        {"parent": "https://shop.example.evil.example"},
        {"parent": "https://shop.example/"},
        {"parent": "http://shop.example"},
        {"parent": "https://shop.example; script-src *"},
        {"parent": "null"},
        {"parent": "*"},
        {"parent": ""},
        {"channel": ""},
        {"channel": "'><script>"},
    ],
)
def test_another_page_frames_nothing(app, api, frame):
    register(app, api, SHOP)
    answer = opened(app.test_client(), api.checkout(), **frame)
    assert (answer.status_code, ancestors(answer)) == (303, NOBODY), "a page of its own, as without a frame"


def test_origin_counts_for_its_merchant_its_mode_and_as_long_as_it_is_registered(app, api, new_merchant):
    register(app, api, SHOP, mode="live")
    register(app, new_merchant(), SHOP)
    checkout = api.checkout()
    browser = app.test_client()
    assert ancestors(opened(browser, checkout)) == NOBODY
    assert api.get("/v1/me").json["frame_origins"] == []
    register(app, api, SHOP)
    assert api.get("/v1/me").json["frame_origins"] == [SHOP]
    browser = app.test_client()
    key = forms(opened(browser, checkout))[f"/checkout/{checkout['id']}/identity"]
    register(app, api, remove=(SHOP,))
    later = browser.post(f"/checkout/{checkout['id']}/code", data={**TYPED, **key})
    assert (later.status_code, ancestors(later)) == (200, NOBODY)


def test_cookies_of_the_browser_do_nothing_inside_a_frame(app, api, clock):
    register(app, api, SHOP)
    checkout, browser = api.checkout(), app.test_client()
    reviewed(browser, checkout, clock)
    assert confirm(browser, checkout, **FRAME).status_code == 403
    framed = browser.get(f"/checkout/{checkout['id']}/review?{urlencode(FRAME)}")
    assert (framed.status_code, ancestors(framed)) == (403, f"frame-ancestors {SHOP}")
    assert confirm(browser, checkout, **CONSENTS).status_code == 303


def test_who_turns_back_inside_a_frame_stays_in_it(app, api):
    register(app, api, SHOP)
    checkout, browser = api.checkout(), app.test_client()
    key = forms(opened(browser, checkout))[f"/checkout/{checkout['id']}/cancel"]
    answer = browser.post(f"/checkout/{checkout['id']}/cancel", data=key)
    assert (answer.status_code, 'data-status="canceled"' in answer.text) == (200, True)
    assert ancestors(answer) == f"frame-ancestors {SHOP}"


@pytest.mark.parametrize(
    "origin",
    [
        "shop.example",
        "https://shop.example/x",
        "https://a@shop.example",
        "https://*.shop.example",
        "null",
        "",
        "*",
    ],
)
def test_what_is_no_origin_of_pages_is_refused(app, api, origin):
    with pytest.raises(InvalidRequest, match="not an origin of pages"):
        register(app, api, origin)
    assert api.get("/v1/me").json["frame_origins"] == []


def test_without_https_only_this_machine_may_frame_and_only_in_test_mode(app, api):
    for mode, origin in (("test", "http://shop.example"), ("live", "http://localhost:8080")):
        with pytest.raises(InvalidRequest, match="not an origin of pages"):
            register(app, api, origin, mode=mode)
    register(app, api, "http://localhost:8080", "https://shop.example:8443")
    assert api.get("/v1/me").json["frame_origins"] == ["http://localhost:8080", "https://shop.example:8443"]
    with pytest.raises(InvalidRequest, match="not among"):
        register(app, api, remove=("https://other.example",))
    with pytest.raises(InvalidRequest, match="at most 20"):
        register(app, api, *(f"https://shop{number}.example" for number in range(19)))
