"""Limits: 5,000 to 100,000 yuan, every movement with its reason, and never more held than lent."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.cli import main
from gateway.decision import limits
from gateway.decision.funder import Ruling
from tests.gateway.books import Books
from tests.one_database import database_url, on_both  # noqa: F401


def history(books: Books) -> list[tuple[str, int]]:
    with books.gateway.db.read() as tx:
        shopper = tx.connection().exec_driver_sql("SELECT shopper_id FROM payment").scalar_one()
        return [(row.reason, row.amount_fen) for row in limits.history(tx, shopper)]


def test_every_movement_of_a_limit_has_its_reason(books: Books) -> None:
    payment = books.api.approved(3, amount=300_000)
    ask = f"/v1/payments/{payment['id']}"
    books.post(f"{ask}/capture", {"amount": 200_000})
    books.post(f"{ask}/void", {"reason": "sold out"})
    books.until("2026-12-23")
    books.post("/v1/refunds", {"payment": payment["id"], "amount": 50_000, "reason": "scratched"})
    repaid = 200_000 // 3
    assert history(books) == [
        ("granted", 10_000_000),
        ("authorized", 300_000),
        ("voided", -100_000),
        ("repaid", -repaid),
        ("refunded", -50_000),
    ]
    assert books.limit_held() == 200_000 - repaid - 50_000


@on_both
def test_the_command_prints_the_history(books: Books, capsys: Any, monkeypatch: Any) -> None:
    books.api.approved(3)
    monkeypatch.setenv("DATABASE_URL", books.gateway.settings.database_url)
    monkeypatch.setenv("FENQI_DATA_DIR", str(books.gateway.settings.data_dir))
    with books.gateway.db.read() as tx:
        shopper = tx.connection().exec_driver_sql("SELECT shopper_id FROM payment").scalar_one()
    assert main(["limit", "history", shopper]) == 0
    assert [line.split()[1] for line in capsys.readouterr().out.splitlines()] == [
        "reason",
        "granted",
        "authorized",
    ]
    assert main(["limit", "history", "shp_nobody"]) == 1


@pytest.mark.parametrize(("granted", "status"), [(499_999, "declined"), (500_000, "approved")])
def test_a_lender_grants_no_limit_below_5000_yuan(app: Any, api: Any, granted: int, status: str) -> None:
    class Lender:
        def decide(self, submission: Any) -> Ruling:
            return Ruling("approve", granted, "a careful lender")

    app.extensions["fenqi"].ports.funder = Lender()
    checkout = api.checkout(amount=100_000)
    done = api.post(f"/v1/test_helpers/checkouts/{checkout['id']}/complete", {"phone": "13800000001"})
    assert done.json["status"] == status
