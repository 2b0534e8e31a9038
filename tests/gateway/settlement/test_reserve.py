"""A reserve: part of each batch is held back by agreement and released in its time."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.cli import main
from gateway.errors import NotFound, ReserveInvalid
from gateway.merchants import service as merchants
from tests.gateway.books import Books
from tests.one_database import database_url, on_both  # noqa: F401


def agree(books: Books, rate: str, days: int) -> None:
    books.gateway.db.write(
        lambda tx: merchants.agree_reserve(tx, books.tenant.merchant_id, rate=rate, days=days) and None
    )


def batches(books: Books) -> list[dict[str, Any]]:
    books.api.login()
    found: list[dict[str, Any]] = books.api.get("/v1/settlements").json["data"]
    return found[::-1]


def test_five_percent_are_held_back_and_released_after_their_days(books: Books) -> None:
    agree(books, "0.05", 10)
    payment = books.api.captured(12)
    net = 599_900 - payment["captures"][0]["merchant_fee"]
    held = (net * 5 + 50) // 100
    books.pass_days(1)
    (first,) = batches(books)
    assert (first["reserve_change"], first["payout_amount"], first["closing"]) == (held, net - held, 0)
    assert books.of("merchant_reserve") == held
    agree(books, "0", 10)
    books.pass_days(9)
    assert books.of("merchant_reserve") == held
    books.pass_days(1)
    assert books.of("merchant_reserve") == books.of("merchant_available") == 0
    second = batches(books)[-1]
    assert (second["reserve_change"], second["payout_amount"]) == (-held, held)
    books.sound()


def test_a_released_reserve_pays_a_debt_first(books: Books) -> None:
    agree(books, "0.3", 5)
    payment = books.api.captured(12)
    books.pass_days(1)
    held = books.of("merchant_reserve")
    books.post("/v1/refunds", {"payment": payment["id"], "reason": "sent back"})
    owed = books.of("merchant_receivable")
    books.pass_days(6)
    assert books.of("merchant_reserve") == books.of("merchant_available") == 0
    assert books.of("merchant_receivable") == owed - held
    assert batches(books)[-1]["closing"] == held - owed
    books.sound()


@pytest.mark.parametrize(
    ("rate", "days"), [("0.31", 10), ("-0.1", 10), ("5 %", 10), ("0.05", 0), ("0.05", 366)]
)
@on_both
def test_a_reserve_has_bounds(books: Books, rate: str, days: int) -> None:
    with pytest.raises(ReserveInvalid):
        agree(books, rate, days)


def test_the_command_agrees_it(books: Books, monkeypatch: Any) -> None:
    monkeypatch.setenv("DATABASE_URL", books.gateway.settings.database_url)
    monkeypatch.setenv("FENQI_DATA_DIR", str(books.gateway.settings.data_dir))
    assert main(["merchant", "reserve", books.tenant.merchant_id, "--rate", "0.1"]) == 0
    with books.gateway.db.read() as tx:
        merchant = merchants.get(tx, books.tenant.merchant_id)
    assert (merchant.reserve_rate, merchant.reserve_days) == ("0.1", 30)
    assert main(["merchant", "reserve", "mer_nobody", "--rate", "0.1"]) == 1
    with pytest.raises(NotFound), books.gateway.db.read() as tx:
        merchants.get(tx, "mer_nobody")
