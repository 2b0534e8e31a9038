"""Who bears what comes back after a payout, which entries are a capture's refunds, and whose lines one reads."""

from __future__ import annotations

import csv
import io
from typing import Any

from sqlmodel import select

from gateway.core.references import reference
from gateway.settlement import service
from gateway.settlement.models import Payout, SettlementLine
from gateway.settlement.service import Bearing
from tests.gateway.books import Books
from tests.one_database import database_url  # noqa: F401


def captured(books: Books, phone: str) -> dict[str, Any]:
    checkout = books.api.checkout()
    path = f"/v1/test_helpers/checkouts/{checkout['id']}/complete"
    payment = books.post(path, {"term": 3, "phone": phone}).json["payment"]
    found: dict[str, Any] = books.post(f"/v1/payments/{payment}/capture").json
    return found


def test_what_is_available_bears_first_and_the_merchant_owes_the_rest(books: Books) -> None:
    captured(books, "13800000007")  # its payout comes back
    books.pass_days(1)
    available = books.of("merchant_available")
    assert available > 0
    with books.gateway.db.read() as tx:
        assert service.bearing_settled(tx, books.tenant, net_fen=available - 5) == Bearing(
            0, available - 5, 0
        )
        assert service.bearing_settled(tx, books.tenant, net_fen=available + 5) == Bearing(0, available, 5)
        bearer = service.Bearer(tx, books.tenant)
        assert bearer.settled(7) == Bearing(0, 7, 0)
        assert bearer.settled(available) == Bearing(0, available - 7, 7), "what is taken is not there again"
        payout = tx.exec(select(Payout)).one()
        assert payout.reference == reference("po", books.tenant, 1), "the same after a restore"
    books.pass_days(1)
    with books.gateway.db.read() as tx:
        assert tx.exec(select(Payout.reference).order_by(Payout.id)).all()[1] == reference(
            "po", books.tenant, 2
        )


def test_the_refunds_of_a_capture_are_its_own_and_the_newest_is_the_last(books: Books) -> None:
    payments = [captured(books, "13800000001") for _ in range(2)]
    made: list[tuple[str, str]] = []
    for payment in (payments[0], payments[1], payments[0]):
        body = {"payment": payment["id"], "amount": 1_000, "kind": "goodwill", "reason": "late"}
        refund = books.post("/v1/refunds", body).json["id"]
        with books.gateway.db.read() as tx:
            lines = tx.exec(select(SettlementLine).where(SettlementLine.kind == "refund")).all()
        (entry,) = [line.entry_id for line in lines if line.object_id.startswith(refund)]
        made.append((refund, entry))
    first, second = ({"payment_id": one["id"], "capture_id": one["captures"][0]["id"]} for one in payments)
    with books.gateway.db.read() as tx:
        assert service.refund_entries(tx, **first) == {made[0][1], made[2][1]}
        assert service.refund_entries(tx, **second) == {made[1][1]}
        assert service.last_refund(tx, **first) == made[2][0]
        assert service.last_refund(tx, **second) == made[1][0]
        crossed = {"payment_id": first["payment_id"], "capture_id": second["capture_id"]}
        assert service.refund_entries(tx, **crossed) == set()


def test_the_lines_of_a_settlement_are_a_list_and_a_file_for_their_merchant_only(
    books: Books, new_merchant: Any
) -> None:
    for _ in range(3):
        captured(books, "13800000001")
    books.pass_days(1)
    books.api.login()
    (batch,) = books.api.get("/v1/settlements").json["data"]
    path = f"/v1/settlements/{batch['id']}/lines"
    first = books.api.get(f"{path}?limit=2").json
    rest = books.api.get(f"{path}?limit=2&cursor={first['next_cursor']}").json
    assert (first["has_more"], rest["has_more"]) == (True, False)
    listed = [*first["data"], *rest["data"]]
    assert len({row["id"] for row in listed}) == 3
    assert sum(row["net"] for row in listed) == batch["payout_amount"]
    file = books.api.get(path, Accept="text/csv")
    rows = list(csv.DictReader(io.StringIO(file.text.removeprefix("\ufeff"))))
    assert [row["id"] for row in rows] == sorted(row["id"] for row in listed)
    assert sum(int(row["net"]) for row in rows) == batch["payout_amount"]
    stranger = new_merchant()
    for accept in ("application/json", "text/csv"):
        assert stranger.get(path, Accept=accept).status_code == 404
