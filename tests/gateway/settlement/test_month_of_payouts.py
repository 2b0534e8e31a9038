"""A month of payouts by a fake bank that is a process of its own: each of its faults, and its own statements."""

from __future__ import annotations

import io
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.institution.fake_bank_client import FakeBank
from gateway.ledger.integrity.verify import verify
from gateway.payments import reconciling
from gateway.process.worker import drain
from gateway.proof.book_agreements import AGREEMENTS
from tests import fake_banks
from tests.gateway.books import Books

pytestmark = pytest.mark.long(40)

FAULTS = {
    1: "slow",
    3: "return",
    5: "twice",
    7: "less",
    9: "unknown",
    11: "more",
    13: "fail",
    15: "lost",
    19: "return",
}
"""By the number of the payout what goes wrong with it."""
DOWN = 17
DAYS = 30
ENDS = {
    "return": "returned",
    "fail": "failed",
    "twice": "in_transit",
    "less": "in_transit",
    "more": "in_transit",
}


@pytest.fixture
def bank(tmp_path: Path) -> Any:
    with fake_banks.running(tmp_path / "bank") as found:
        yield found


def a_month(books: Books, bank: fake_banks.Bank) -> dict[str, str]:
    """A payout on each banking day, with the faults; returns by reference what was wanted of it."""
    wanted: dict[int, str] = {}
    known = 0
    for count in range(1, DAYS + 1):
        books.api.login()
        books.api.captured(3, amount=100_000 + 1_000 * count)
        if known + 1 in FAULTS and known + 1 not in wanted:
            wanted[known + 1] = FAULTS[known + 1]
            bank.next(FAULTS[known + 1], days={"slow": 2, "return": 3}.get(FAULTS[known + 1], 0))
        bank.control("down", down=known + 1 == DOWN)
        books.clock.advance(days=1)
        books.work()
        bank.control("down", down=False)
        books.work()
        books.api.login()
        known = len(everything(books))
    for _ in range(5):
        books.clock.advance(days=1)
        books.work()
    return {row["reference"]: row["behaviour"] for row in bank.journal()}


def everything(books: Books) -> list[dict[str, Any]]:
    books.api.login()
    return list(books.api.get("/v1/payouts?limit=100").json["data"])


def by_reference(books: Books) -> dict[str, dict[str, Any]]:
    with books.gateway.db.read() as tx:
        from gateway.settlement.models import Payout  # noqa: PLC0415

        names = {row.id: row.reference or row.id for row in tx.exec(reconciling.select(Payout))}
    return {names[row["id"]]: row for row in everything(books)}


def counted(books: Books, content: bytes, name: str) -> dict[str, int]:
    """What a reconciliation of a statement counts."""
    books.api.login()
    form = {"kind": "bank_statement", "file": (io.BytesIO(content), name)}
    headers = {"Authorization": f"Bearer {books.api.token}", "Idempotency-Key": f"file-of-{len(content)}"}
    path = "/v1/reconciliations"
    row = books.api.client.post(path, data=form, headers=headers, content_type="multipart/form-data").json
    assert row["status"] in ("mapping", "running"), row
    if row["status"] == "mapping":
        confirmed = books.api.post(f"{path}/{row['id']}/confirm", {"columns": row["columns"]})
        assert confirmed.status_code == 200, confirmed.text
    while drain(books.gateway):
        pass
    done = books.api.get(f"{path}/{row['id']}").json
    assert done["status"] == "completed", done
    return {verdict: count for verdict, count in done["counts"].items() if count}


def test_every_payout_ends_right_or_is_named(books: Books, bank: fake_banks.Bank) -> None:
    books.gateway.ports.institution = FakeBank(bank.url)
    plays = a_month(books, bank)
    rows = by_reference(books)
    faults = Counter(behaviour for behaviour in plays.values() if behaviour != "prompt")
    assert faults == Counter(fault for fault in FAULTS.values() if fault != "lost")
    for reference, row in rows.items():
        assert row["status"] == ENDS.get(plays[reference], "paid"), (plays[reference], row)
        named = plays[reference] in ("twice", "less", "more")
        assert (row["problem"] == "amount_differs") == named
    with books.gateway.db.read() as tx:
        broken = [(check.name, check.broken) for check in verify(tx, AGREEMENTS).checks if not check.ok]
    assert broken == [("payout_moved_as_booked", 3)]
    differences = reconciling.differences(books.gateway, since=None)
    assert {row["id"] for row in differences} == {row["id"] for row in rows.values() if row["problem"]}
    assert all(row["days"] > 0 for row in differences)

    last = books.clock.now.date()
    period = (str(last - timedelta(days=DAYS + 10)), str(last))
    statements = [bank.statement(books.tenant.merchant_id, *period, form) for form in ("csv", "xml")]
    assert "贷方发生额" in statements[0].decode("gb18030")
    moved = sum(
        len([one for one in row["planned"] if one["amount"]])
        for row in bank.journal()
        if row["movement"] == "payout"
    )
    verdicts = {"matched": moved - 3, "amount_differs": 2, "duplicate": 1}
    for content, name in zip(statements, ("流水.csv", "statement.xml"), strict=True):
        assert counted(books, content, name) == verdicts

    for row in differences:
        bank.control("correct", reference=row["reference"])
    for _ in range(3):
        books.clock.advance(days=1)
        books.work()
    rows = by_reference(books)
    assert [row for row in rows.values() if row["problem"]] == []
    assert {row["status"] for row in rows.values()} == {"paid", "returned", "failed"}
    assert reconciling.differences(books.gateway, since=None) == []
    booked = {reference: row["amount"] if row["status"] == "paid" else 0 for reference, row in rows.items()}
    assert {reference: bank.moved()[reference] for reference in booked} == booked
    books.sound()
