"""The list of payments for operators: of all merchants, or of one in one mode, newest first."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.payments import commands
from tests.gateway.books import Books
from tests.one_database import database_url  # noqa: F401


def test_payments_are_listed_by_merchant_and_mode_newest_first(
    books: Books, new_merchant: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    neighbour = new_merchant()
    older, newer = books.api.approved(), books.api.captured(3)
    theirs = neighbour.approved(6)

    def listed(**asked: Any) -> list[dict[str, Any]]:
        usual = {"merchant": None, "mode": None, "limit": 9, "as_json": True}
        assert commands.show(books.gateway.db, **{**usual, **asked}) == 0
        rows: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
        return rows

    everybody = [row["id"] for row in listed()]
    assert everybody == [theirs["id"], newer["id"], older["id"]]
    assert [row["id"] for row in listed(limit=1)] == [theirs["id"]]
    assert listed(mode="live") == []
    assert [row["id"] for row in listed(mode="test")] == everybody
    mine = listed(merchant=books.tenant.merchant_id)
    assert [row["id"] for row in mine] == [newer["id"], older["id"]]
    assert mine[0] == {
        "id": newer["id"],
        "merchant": books.tenant.merchant_id,
        "mode": "test",
        "status": "captured",
        "amount_fen": 599_900,
        "captured_fen": 599_900,
        "refunded_fen": 0,
        "term": 3,
        "merchant_reference": newer["merchant_reference"],
        "created_at": books.clock.now.isoformat(),
    }
