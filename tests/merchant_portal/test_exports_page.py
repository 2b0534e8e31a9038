"""The pages of exports and months: asked for without JavaScript, downloaded as the API gives it, printed as it is."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.process.worker import drain
from tests.gateway.books import Books
from tests.one_database import database_url  # noqa: F401


@pytest.fixture
def books(app, api, clock):
    return Books(app, api, clock)


def kept(name: str, text: str) -> None:
    """Keep a page to be looked at, where somebody asks for it."""
    if folder := os.environ.get("FENQI_PAGES"):
        css = Path("merchant_portal/static/portal.css").read_text("utf-8")
        Path(folder, f"{name}.html").write_text(
            text.replace("</head>", f"<style>{css}</style></head>"), "utf-8"
        )


def test_a_list_hands_its_filter_over_and_the_file_is_the_api_s(app, api, books, person) -> None:
    found, other = api.captured(merchant_reference="=A-1"), api.captured()
    assert person.log_in(api.credentials).status_code == 303
    page = person.portal.get("/payments?reference=%3DA-1&created_from=2026-11-01&amount_min=1")
    link = page.text.partition('href="/exports?')[2].partition('"')[0].replace("&amp;", "&")
    form = person.portal.get(f"/exports?{link}").text
    assert 'name="merchant_reference" value="=A-1"' in form
    assert 'name="amount_min" value="100"' in form
    assert 'value="2026-11-01"' in form
    sent = {"kind": "payments", "format": "csv", "from": "2026-11-01"}
    assert person.send("/exports", form, **sent).status_code == 303
    assert person.send("/exports", form, **sent).status_code == 303  # a second click is the same request
    assert "生成中" in person.portal.get("/exports").text
    drain(app.extensions["fenqi"])
    page = person.portal.get("/exports")
    kept("exports", page.text)
    kept("exports-en", person.portal.get("/exports?lang=en").text)
    (export,) = api.get("/v1/exports").json["data"]
    assert export["lines"] == 1
    answer = person.portal.get(f"/exports/{export['id']}/file")
    assert answer.data == api.get(f"/v1/exports/{export['id']}/file").data
    assert found["id"].encode() in answer.data
    assert other["id"].encode() not in answer.data
    assert export["file"]["name"] in answer.headers["Content-Disposition"]
    assert person.send(f"/exports/{export['id']}/delete", page.text).status_code == 303
    assert "已过期" in person.portal.get("/exports?lang=zh-CN").text
    assert person.portal.get(f"/exports/{export['id']}/file").status_code == 303


def test_what_does_not_go_together_is_said_and_nothing_is_made(api, person) -> None:
    assert person.log_in(api.credentials).status_code == 303
    form = person.portal.get("/exports").text
    refused = person.send("/exports", form, kind="payments", format="vouchers")
    assert refused.status_code == 422
    assert 'role="alert"' in refused.text
    assert api.get("/v1/exports").json["data"] == []
    assert (
        person.send("/exports", form, kind="payments", format="csv", idempotency_key="mine").status_code
        == 400
    )


def test_a_closed_month_is_shown_as_it_is_certified(api, books, clock, person) -> None:
    api.captured()
    books.pass_days(5)
    assert person.log_in(api.credentials).status_code == 303
    early = person.portal.get("/months/2026-11")
    assert early.status_code == 409
    assert "次月 10 日" in early.text
    clock.now = datetime(2026, 12, 10, 4, tzinfo=UTC)
    assert person.log_in(api.credentials).status_code == 303
    assert person.portal.get("/months?month=2026-11").location.endswith("/months/2026-11")
    page = person.portal.get("/months/2026-11")
    kept("month", page.text)
    api.login()
    shown = api.get("/v1/certificates/2026-11").json
    assert shown["sha256"] in page.text
    answer = person.portal.get("/months/2026-11/certificate.json")
    assert json.loads(answer.data) == shown
    assert person.portal.get("/months?month=x").location.endswith("/exports")
