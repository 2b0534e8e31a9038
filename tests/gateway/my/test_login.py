"""Logging in to one's own place: by a code to the phone, never learning who else is known."""

from __future__ import annotations

from tests.gateway.my.visitors import bought, log_in
from tests.one_database import database_url  # noqa: F401


def test_a_shopper_logs_in_and_sees_the_loans(app, api):
    bought(api)
    pages = log_in(app.test_client())
    page = pages.get("/my/test").text
    assert "商户1" in page
    assert "¥5,999.00" in page
    assert 'data-state="active"' in page
