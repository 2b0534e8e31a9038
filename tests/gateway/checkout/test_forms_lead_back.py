"""A form that is not taken leads back to its page, with what was typed; who is identified types nothing again."""

from __future__ import annotations

import re
from typing import Any

import pytest

from gateway.checkout import typed
from gateway.identity.invented import invented_id_number
from tests.gateway.shopper import enter, identify
from tests.one_database import database_url  # noqa: F401

TYPED = {
    "term": "12",
    "name": "王小明",
    "id_number": invented_id_number("shopper"),
    "phone": "13800000001",
    "code": "000000",
}


@pytest.fixture
def pages(app: Any) -> Any:
    return app.test_client()


def test_after_a_code_and_after_an_error_the_page_is_read_by_get_and_keeps_what_was_typed(pages, api):
    checkout = api.checkout()
    path = f"/checkout/{checkout['id']}"
    enter(pages, checkout)
    for step, more, words in (("code", {}, "验证码短信"), ("identity", {"name": ""}, "请填写真实姓名")):
        answer = pages.post(f"{path}/{step}", data={**TYPED, **more})
        assert (answer.status_code, answer.location.partition("#")[0]) == (303, path)
        for lang in ("", "", "?lang=en"):  # a reload, and the other language
            page = pages.get(path + lang)
            assert f'value="{TYPED["id_number"]}"' in page.text
            assert re.search(r'id="term-12" value="12" checked', page.text)
        assert words in pages.get(path).text
    assert "Enter your full name" in pages.get(f"{path}?lang=en").text


def test_what_was_typed_is_sealed_in_the_browser_ends_soon_and_opens_for_no_other_checkout(pages, api, clock):
    checkout, other = api.checkout(), api.checkout()
    enter(pages, checkout)
    answer = pages.post(f"/checkout/{checkout['id']}/code", data=TYPED)
    (cookie,) = [one for one in answer.headers.getlist("Set-Cookie") if one.startswith(typed.COOKIE)]
    assert {"HttpOnly", "SameSite=Lax", "Max-Age=600"} <= set(cookie.split("; "))
    assert TYPED["id_number"] not in cookie
    enter(pages, other)
    assert pages.get_cookie(typed.COOKIE) is None, "who enters begins with an empty form"
    pages.post(f"/checkout/{checkout['id']}/code", data=TYPED)
    assert TYPED["id_number"] not in pages.get(f"/checkout/{other['id']}").text
    assert TYPED["id_number"] in pages.get(f"/checkout/{checkout['id']}").text
    clock.advance(seconds=typed.LIFE.total_seconds())
    assert TYPED["id_number"] not in pages.get(f"/checkout/{checkout['id']}").text
    pages.set_cookie(typed.COOKIE, "AAAA")
    assert pages.get(f"/checkout/{checkout['id']}").status_code == 200


def test_enter_in_the_code_field_continues_and_the_focus_stays_there_after_sending(pages, api):
    checkout = api.checkout()
    page = enter(pages, checkout).text
    submits = re.findall(r"<button[^>]*type=\"submit\"[^>]*>", page)
    assert 'class="hide"' in submits[0], "Enter presses the first button of a form"
    assert "formaction" not in submits[0]
    answer = pages.post(f"/checkout/{checkout['id']}/code", data=TYPED)
    assert answer.location.endswith("#code")
    sent = pages.get(f"/checkout/{checkout['id']}").text
    assert re.search(r'id="code"[^>]* autofocus', sent)
    assert 'data-wait="30"' in sent
    assert "autofocus" not in page


def test_who_is_identified_changes_the_plan_without_name_number_phone_or_code(pages, api, app):
    checkout = api.checkout()
    path = f"/checkout/{checkout['id']}"
    identify(pages, checkout, TYPED)
    page = pages.get(path).text
    assert "data-proven" in page
    assert TYPED["id_number"] not in page, "masked"
    assert 'id="name"' not in page
    answer = pages.post(f"{path}/identity", data={"known": "yes", "term": "6"})
    assert (answer.status_code, answer.location) == (303, f"{path}/review")
    assert "您选择了 6 期" in pages.get(f"{path}/review").text
    assert api.get(f"/v1/checkouts/{checkout['id']}").json["term"] == 6
    assert 'id="name"' in pages.get(f"{path}?details=new").text, "or gives other details"
    stranger = app.test_client()
    enter(stranger, checkout)
    assert stranger.post(f"{path}/identity", data={"known": "yes", "term": "3"}).location == path
    assert api.get(f"/v1/checkouts/{checkout['id']}").json["term"] == 6


def test_a_confirmation_that_is_not_taken_leads_back_with_its_ticks(pages, api, clock):
    checkout = api.checkout()
    path = f"/checkout/{checkout['id']}"
    identify(pages, checkout, TYPED)
    pages.get(f"{path}/review")
    clock.advance(seconds=5)
    answer = pages.post(f"{path}/confirm", data={"credit_service": "yes", "marketing": "yes"})
    assert (answer.status_code, answer.location) == (303, f"{path}/review")
    page = pages.get(f"{path}/review").text
    assert "请先勾选三项必选授权" in page
    assert re.findall(r'id="(\w+)"[^>]* checked', page) == ["credit_service", "marketing"]
