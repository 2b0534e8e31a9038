"""The page of a payment shows its stages, and the settlement what they keep back."""

from __future__ import annotations

import re

import pytest

from tests.gateway.books import Books
from tests.one_database import database_url  # noqa: F401


@pytest.fixture
def books(app, api, clock):
    return Books(app, api, clock)


def test_stages_are_shown_and_their_lines_add_up(api, books, person):
    payment = api.approved(12)
    path = f"/v1/payments/{payment['id']}"
    for body in (
        {"kind": "lesson", "amount": 200_000, "description": "第一阶段"},
        {"kind": "delivery", "amount": 100_000},
    ):
        assert api.post(f"{path}/milestones", body).status_code == 201
    api.post(f"{path}/capture")
    stage = api.get(f"{path}/milestones").json["data"][1]["id"]
    api.post(f"{path}/milestones/{stage}/claim", {"text": "done"})
    books.pass_days(12)
    assert person.log_in(api.credentials).status_code == 303
    shown = person.portal.get(f"/payments/{payment['id']}").text
    for words in ("履约阶段", "第一阶段", "送货", "已释放", "未申报"):
        assert words in shown, words
    assert "待履约" in person.portal.get("/balance").text
    api.login()
    pages = [
        person.portal.get(f"/settlements/{row['id']}").text
        for row in books.api.get("/v1/settlements").json["data"]
    ]
    assert all(re.search(r'class="proof good" id="sum"', page) for page in pages)
    assert "待履约扣留" in pages[-1]
    assert "履约完成释放" in pages[0]
    assert "Stages" in person.portal.get(f"/payments/{payment['id']}?lang=en").text
