"""The portal's first page: what is to do, the last settlements as bars, and an error page with the way on."""

from __future__ import annotations

import re
from types import SimpleNamespace

from merchant_portal.home import DAYS, HEIGHT, _series
from tests.gateway.conftest import books  # noqa: F401
from tests.one_database import database_url  # noqa: F401


def tasks(page: str) -> dict[str, tuple[str, str]]:
    """By kind, the count and the amount that are shown."""
    found = re.findall(
        r'<li class="task (\w+)">.*?task-count"[^>]*>([^<]+)<.*?class="amount">([^<]+)<', page, re.S
    )
    return {kind: (count, amount) for kind, count, amount in found}


def test_what_waits_is_named_with_its_amount_and_leads_there(desk, api):
    page = desk.get("/").text
    assert tasks(page) == {}
    assert "没有需要处理的事项" in page
    waiting = [api.approved(amount=100_000), api.approved(amount=200_000)]
    contested = api.captured()
    dispute = api.post("/v1/test_helpers/disputes", {"payment": contested["id"]}).json
    page = desk.get("/").text
    assert tasks(page) == {"dispute": ("1", "¥5,999.00"), "ship": ("2", "¥3,000.00")}
    assert page.index("task dispute") < page.index("task ship"), "the most urgent first"
    assert f'href="/disputes/{dispute["id"]}"' in page
    assert 'href="/payments?status=authorized"' in page
    for payment in waiting:
        assert api.post(f"/v1/payments/{payment['id']}/void", {"reason": "sold out"}).status_code == 200
    assert set(tasks(desk.get("/").text)) == {"dispute"}
    assert "Disputes to answer: 1" in desk.get("/?lang=en").text


def test_the_last_settlements_are_bars_with_their_sum(person, desk, api, books):  # noqa: F811
    assert 'class="bars"' not in desk.get("/").text
    api.captured()
    books.pass_days(3)
    assert person.log_in(api.credentials).status_code == 303, "the login ended with the days"
    page = desk.get("/").text
    assert page.count('class="bars"') == 3
    assert "最近 1 次结算" in page


def test_bars_are_to_scale_and_the_oldest_stands_first():
    rows = [SimpleNamespace(to_dict=lambda value=value: {"captures": value}) for value in (0, 400, -200)]
    drawn = _series("captures", rows)
    assert [bar["height"] for bar in drawn["bars"]] == [HEIGHT // 2, HEIGHT, 1]
    assert (drawn["total"], [bar["at"] for bar in drawn["bars"]]) == (600, [0, 10, 20])
    assert _series("captures", rows[:1])["bars"][0]["height"] == 1, "nothing is drawn as a line"
    assert len(rows) <= DAYS


def test_an_error_page_keeps_the_navigation(desk):
    page = desk.get("/payments/pay_x")
    assert page.status_code == 404
    for path in ("/", "/payments", "/team", "/security"):
        assert f'href="{path}"' in page.text
