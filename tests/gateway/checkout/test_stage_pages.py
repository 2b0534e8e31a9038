"""The shopper's page of stages: what the shop says is done, and a contest that works in live mode and without JS."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from tests.gateway.books import Books
from tests.gateway.shopper import go_on_by_code
from tests.one_database import database_url  # noqa: F401

PHONE = "13800000001"


def staged(books: Books) -> tuple[dict[str, Any], str, str]:
    """A checkout, its payment and a claimed stage of it."""
    api = books.api
    checkout = api.checkout(amount=600_000)
    done = api.post(f"/v1/test_helpers/checkouts/{checkout['id']}/complete", {"term": 3, "phone": PHONE})
    path = f"/v1/payments/{done.json['payment']}"
    stages = [
        api.post(f"{path}/milestones", {"kind": "lesson", "amount": 300_000, "description": name}).json["id"]
        for name in ("第 1-10 课", "第 11-20 课")
    ]
    api.post(f"{path}/capture")
    evidence = {"text": "已完成十课", "files": [{"name": "签到表.pdf", "sha256": "a" * 64, "size": 3}]}
    assert api.post(f"{path}/milestones/{stages[0]}/claim", evidence).status_code == 200
    books.work()  # tells the shopper, whose window begins
    return checkout, path, stages[0]


def test_the_shopper_contests_a_stage_on_another_device_and_reads_the_answer(app: Any, books: Books) -> None:
    checkout, path, stage = staged(books)
    pages = app.test_client()
    result = go_on_by_code(pages, checkout["id"])
    address = f"/checkout/{checkout['id']}/stages"
    assert address in result.text
    page = pages.get(address)
    for words in ("第 1-10 课", "第 11-20 课", "已完成十课", "签到表.pdf", "商家申报已完成", "提出异议"):
        assert words in page.text, words
    assert "SHA-256" not in page.text
    assert "Contest this stage" in pages.get(f"{address}?lang=en").text
    short = pages.post(f"{address}/contest", data={"milestone": stage, "reason": "我的手机是 13912345678"})
    assert short.status_code == 422
    assert "不要填写证件号" in short.text
    assert "13912345678" in short.text  # what was typed stays
    assert books.api.get(f"{path}/milestones/{stage}").json["status"] == "claimed"
    typed = {"milestone": stage, "reason": "只上了三节课\r\n老师没有来"}
    assert pages.post(f"{address}/contest", data=typed, follow_redirects=True).status_code == 200
    shown = books.api.get(f"{path}/milestones/{stage}").json
    assert (shown["status"], shown["contest"]["reason"]) == ("contested", "只上了三节课 老师没有来")
    again = pages.post(f"{address}/contest", data=typed)
    assert (again.status_code, "现在不能提出异议" in again.text) == (409, True)
    books.api.post(f"{path}/milestones/{stage}/respond", {"text": "补课已安排"})
    assert "补课已安排" in pages.get(address).text
    assert pages.get(f"{address}/contest").status_code == 303
    books.sound()


def test_the_window_ends_and_nobody_else_sees_or_contests(app: Any, books: Books) -> None:
    checkout, path, stage = staged(books)
    address, typed = f"/checkout/{checkout['id']}/stages", {"reason": "没有上课"}
    stranger, by_address = app.test_client(), app.test_client()
    by_address.get(urlsplit(checkout["url"]).path)
    for pages in (stranger, by_address):
        assert "第 1-10 课" not in pages.get(address, follow_redirects=True).text
        pages.post(f"{address}/contest", data={**typed, "milestone": stage})
    assert books.api.get(f"{path}/milestones/{stage}").json["status"] == "claimed"
    other, _, other_stage = staged(books)
    pages = app.test_client()
    go_on_by_code(pages, checkout["id"])
    wrong = pages.post(f"{address}/contest", data={**typed, "milestone": other_stage})
    assert (wrong.status_code, other["id"] == checkout["id"]) == (404, False)
    books.clock.advance(days=7)
    pages = app.test_client()
    go_on_by_code(pages, checkout["id"])
    assert "<textarea" not in pages.get(address).text
    late = pages.post(f"{address}/contest", data={**typed, "milestone": stage})
    assert late.status_code == 409


def test_a_browser_without_cookies_carries_its_key(app: Any, books: Books) -> None:
    checkout, path, stage = staged(books)
    pages = app.test_client(use_cookies=False)
    start = f"/checkout/{checkout['id']}/continue"
    pages.post(f"{start}/code", data={"phone": PHONE})
    result = pages.post(start, data={"phone": PHONE, "code": "000000"})
    key = result.text.split('name="key" value="')[1].split('"')[0]
    address = f"/checkout/{checkout['id']}/stages"
    assert "第 1-10 课" in pages.post(address, data={"key": key}).text
    done = pages.post(f"{address}/contest", data={"key": key, "milestone": stage, "reason": "没有上课"})
    assert done.status_code == 200
    assert "您已提出异议" in done.text
    assert books.api.get(f"{path}/milestones/{stage}").json["status"] == "contested"
