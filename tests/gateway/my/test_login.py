"""Logging in to one's own place: by a code to the phone, never learning who else is known."""

from __future__ import annotations

import re
from typing import Any

import pytest

from gateway.identity import sessions
from gateway.identity.invented import invented_id_number
from gateway.identity.models import Shopper
from gateway.my import login
from gateway.process.worker import drain
from tests.gateway.my.visitors import ID_NUMBER, NAME, PHONE, bought, log_in
from tests.one_database import database_url  # noqa: F401


def seen(answer: Any) -> tuple[int, str, str]:
    """What a stranger sees of an answer."""
    page = re.sub(r'value="[^"]*"', "", answer.text)
    return answer.status_code, answer.location or "", page


def test_a_shopper_logs_in_and_sees_the_loans(app, api):
    bought(api)
    pages = log_in(app.test_client())
    page = pages.get("/my/test").text
    for words in ("商户1", "¥5,999.00", 'data-state="active"', "测试模式"):
        assert words in page


def test_without_a_session_every_page_leads_to_the_login(app, api):
    bought(api)
    rules = [rule for rule in app.url_map.iter_rules() if rule.endpoint.startswith("my_test.")]
    assert len(rules) > 20
    for rule in rules:
        path = re.sub(r"<\w+>", "loan_01", rule.rule)
        for method in sorted((rule.methods or set()) & {"GET", "POST"}):
            answer = app.test_client().open(path, method=method)
            is_login = path.startswith("/my/test/login")
            assert is_login or (answer.status_code, answer.location) == (303, "/my/test/login"), path
            assert NAME not in answer.text


def test_the_two_modes_never_meet(app, api):
    bought(api)
    pages = log_in(app.test_client())
    assert pages.get("/my").location == "/my/login"
    pages.set_cookie("fenqi_my", pages.get_cookie("fenqi_my_test").value)
    assert pages.get("/my").location == "/my/login"
    answer = app.test_client().post("/my/login/code", data={"phone": PHONE})
    assert answer.status_code == 503, "nothing is sent in live mode without a provider"


def test_a_stranger_does_not_learn_which_phones_are_known(app, api, books):
    bought(api)
    known, unknown = app.test_client(), app.test_client()
    sent: list[str] = []
    notifier = books.gateway.ports.unguarded("notifier")
    notifier.send_code = lambda mode, phone, code, reference: sent.append(phone)
    for turn in range(4):
        mine = known.post("/my/test/login/code", data={"phone": "13800000001"})
        other = unknown.post("/my/test/login/code", data={"phone": "13912345678"})
        if turn < 3:
            assert seen(mine) == seen(other)
            assert mine.status_code == 303
    assert (mine.status_code, other.status_code) == (429, 429)
    while drain(books.gateway):
        pass
    assert set(sent) == {"+8613800000001"}
    wrong = known.post("/my/test/login", data={"phone": "13800000001", "code": "123456"})
    other = unknown.post("/my/test/login", data={"phone": "13912345678", "code": "123456"})
    assert wrong.status_code == 422
    assert seen(wrong) == seen(other)


def test_a_code_is_good_in_the_browser_that_asked_for_it_and_once(app, api):
    bought(api)
    mine, other = app.test_client(), app.test_client()
    mine.post("/my/test/login/code", data={"phone": PHONE})
    typed = {"phone": PHONE, "code": "000000"}
    assert other.post("/my/test/login", data=typed).status_code == 422
    assert mine.post("/my/test/login", data=typed).status_code == 303
    assert mine.post("/my/test/login", data=typed).status_code == 422
    assert other.get("/my/test/login/who").location == "/my/test/login"


def test_name_and_number_say_which_of_several_it_is(app, api):
    bought(api)
    other = api.checkout()
    another = {"name": "李四", "id_number": invented_id_number("another")}
    body = {"term": 12, "phone": PHONE, **another}
    api.post(f"/v1/test_helpers/checkouts/{other['id']}/complete", body)
    pages = app.test_client()
    pages.post("/my/test/login/code", data={"phone": PHONE})
    pages.post("/my/test/login", data={"phone": PHONE, "code": "000000"})
    for wrong in (
        {"name": NAME, "id_number": another["id_number"]},
        {"name": "王五", "id_number": ID_NUMBER},
    ):
        answer = pages.post("/my/test/login/who", data=wrong)
        assert answer.status_code == 422
        assert another["id_number"] not in answer.text
    assert pages.post("/my/test/login/who", data=another).location == "/my/test"
    assert "待发货" in pages.get("/my/test").text


def test_a_live_phone_of_one_person_needs_the_code_only() -> None:
    assert not login.needs_more("live", ["shp_1"])
    assert login.needs_more("live", ["shp_1", "shp_2"])
    assert login.needs_more("test", ["shp_1"])


def test_a_session_ends_by_idleness_age_logout_and_from_another_device(app, api, clock):
    bought(api)
    pages, other = log_in(app.test_client()), log_in(app.test_client())
    clock.advance(minutes=20)
    assert pages.get("/my/test").status_code == 200
    clock.advance(minutes=20)
    assert pages.get("/my/test").status_code == 200, "use keeps it"
    assert other.get("/my/test").status_code == 303, "idle"
    other = log_in(app.test_client())
    session = re.search(r'name="session" value="(mys_\w+)"', pages.get("/my/test/devices").text)
    assert session is not None
    for _ in range(2):
        assert pages.post("/my/test/devices/end", data={"session": session.group(1)}).status_code == 303
    assert other.get("/my/test").status_code == 303
    stolen = pages.get_cookie("fenqi_my_test").value
    assert pages.post("/my/test/logout").status_code == 303
    other.set_cookie("fenqi_my_test", stolen)
    assert other.get("/my/test").status_code == 303
    pages = log_in(app.test_client())
    for _ in range(26):
        clock.advance(minutes=29)
        last = pages.get("/my/test").status_code
    assert last == 303, "twelve hours are the most"


def test_a_session_ends_with_the_phone_and_nobody_ends_anothers(app, api, books):
    bought(api)
    pages = log_in(app.test_client())
    gateway, shopper = books.gateway, books.shopper()
    with gateway.db.read() as tx:
        row = sessions.open_of(tx, shopper)[0]
    with pytest.raises(Exception, match="no such session"):
        gateway.db.write(lambda tx: sessions.end(tx, "shp_other", row.id))
    assert pages.get("/my/test").status_code == 200
    gateway.db.write(lambda tx: _other_phone(tx, shopper))
    assert pages.get("/my/test").status_code == 303


def _other_phone(tx: Any, shopper: str) -> None:
    row = tx.get_one(Shopper, shopper)
    row.phone_lookup = "0" * 64
    tx.add(row)


@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}])
def test_a_form_of_another_site_is_refused(app, api, headers):
    bought(api)
    pages = log_in(app.test_client())
    assert pages.post("/my/test/logout", headers=headers).status_code == 403
    assert pages.get("/my/test").status_code == 200
