"""The messages that were sent to a person, page by page, and nobody else's."""

from __future__ import annotations

import re

from gateway.my import message_pages
from tests.gateway.my.visitors import bought, log_in
from tests.one_database import database_url, on_both  # noqa: F401


@on_both
def test_a_person_reads_what_was_sent_page_by_page(app, api, books, monkeypatch):
    monkeypatch.setattr(message_pages, "SHOWN", 1)
    for _ in range(2):
        loan = bought(api)["captures"][0]["loan"]
        api.post(f"/v1/test_helpers/loans/{loan}/repay", {"instalments": 1})
    books.pass_days(40)
    books.work()
    pages = log_in(app.test_client())
    path, seen, texts = "/my/test/messages?lang=en", [], ""
    while path:
        page = pages.get(path).text
        seen += re.findall(r'data-message="(\w+)"', page)
        texts += page
        older = re.search(r'href="([^"]+)" id="older"', page)
        path = older[1].replace("&amp;", "&") if older else ""
    assert len(seen) >= 2
    assert "paid" in seen
    assert f"/my/test/loans/{loan}" in texts
    assert "Messages to you" in texts
    api.login()
    other = api.checkout()
    body = {"term": 12, "phone": "13800000001", "name": "李四", "id_number": "110105199003071239"}
    api.post(f"/v1/test_helpers/checkouts/{other['id']}/complete", body)
    stranger = log_in(app.test_client(), name="李四", id_number="110105199003071239")
    assert loan not in stranger.get("/my/test/messages").text
