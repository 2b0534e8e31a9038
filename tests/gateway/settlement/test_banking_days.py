"""Settlement rests where banks do: no batch closes and no payout leaves on a day without banking."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

from gateway.cli import main
from gateway.core.calendar import OfficialWorkingDays
from gateway.errors import InvalidRequest
from gateway.institution.simulator import SimulatedInstitution
from gateway.merchants import service as merchants
from gateway.process import daily, worker
from tests.gateway.books import Books
from tests.one_database import database_url  # noqa: F401


def go_to(books: Books, day: str, hour: int = 4) -> None:
    """Let the machine's time be a day at noon in Shanghai, without a job."""
    books.clock.now = datetime.fromisoformat(day).replace(hour=hour, tzinfo=UTC)
    books.api.login()


def batches(books: Books) -> list[tuple[str, int]]:
    books.api.login()
    return [
        (row["date"], row["payout_amount"]) for row in books.api.get("/v1/settlements").json["data"][::-1]
    ]


def payouts(books: Books) -> list[tuple[str, str | None]]:
    books.api.login()
    rows = books.api.get("/v1/payouts").json["data"][::-1]
    return [(row["status"], (row["paid_at"] or "")[:10] or None) for row in rows]


def test_a_dispute_won_on_a_saturday_is_paid_on_monday(books: Books) -> None:
    go_to(books, "2027-01-11")
    old = books.api.captured(3, amount=600_000)
    go_to(books, "2027-01-12")
    books.work()
    dispute = books.post("/v1/test_helpers/disputes", {"payment": old["id"]}).json
    go_to(books, "2027-01-13")
    books.work()
    go_to(books, "2027-01-15")
    friday = books.api.captured(3, amount=600_000)
    assert friday["captures"][0]["settlement_date"] == "2027-01-18"
    before = batches(books)
    go_to(books, "2027-01-16")
    assert (
        books.post(f"/v1/test_helpers/disputes/{dispute['id']}/resolve", {"outcome": "won"}).status_code
        == 200
    )
    books.work()
    go_to(books, "2027-01-17")
    books.work()
    assert batches(books) == before
    go_to(books, "2027-01-18")
    books.work()
    closed = batches(books)
    assert [day for day, _ in closed if day not in dict(before)] == ["2027-01-18"]
    assert payouts(books)[-1] == ("paid", "2027-01-18")
    books.sound()


def test_a_payout_that_was_held_up_does_not_leave_on_a_saturday(books: Books, monkeypatch: Any) -> None:
    reached: list[str] = []
    carry_out = SimulatedInstitution.carry_out

    def down(self: Any, instruction: Any) -> Any:
        reached.append(instruction.reference)
        raise OSError("no answer")

    books.api.captured(3)
    monkeypatch.setattr(SimulatedInstitution, "carry_out", down)
    books.clock.advance(days=1)
    books.work()
    assert len(reached) == 1
    for day in ("2026-11-28", "2026-11-29"):
        go_to(books, day)
        books.work()
    assert len(reached) == 1, "asked only what it knows"
    monkeypatch.setattr(SimulatedInstitution, "carry_out", carry_out)
    with books.gateway.db.read() as tx:
        waits = tx.execute(text("SELECT last_error FROM outbox WHERE done_at IS NULL")).scalars().all()
    assert waits == ["waits for 2026-11-30, the next banking day"]
    go_to(books, "2026-11-29", hour=16)
    books.work()
    assert payouts(books) == [("paid", "2026-11-29")], "midnight of Monday in Shanghai"


def test_a_reserve_is_not_released_on_a_holiday(books: Books) -> None:
    go_to(books, "2027-04-28")
    books.api.captured(3)
    for day in range(1, 8):
        books.clock.advance(days=1)
        books.work()
        today = date(2027, 4, 28) + timedelta(days=day)
        assert all(
            OfficialWorkingDays().is_working_day(date.fromisoformat(row[0])) for row in batches(books)
        ), today


def test_settling_a_day_without_banking_is_refused_in_a_sentence(
    books: Books, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    books.api.captured(3)
    monkeypatch.setenv("DATABASE_URL", books.gateway.settings.database_url)
    with pytest.raises(InvalidRequest, match="not a banking day"):
        daily.settle(books.gateway, date(2026, 11, 28))
    assert main(["settle", "--data", str(books.gateway.settings.data_dir), "--date", "2027-01-01"]) == 1
    said = capsys.readouterr().err
    assert "2027-01-01 (Friday) is not a banking day" in said
    assert "2027-01-04" in said
    assert batches(books) == []


def test_settle_warns_of_a_year_whose_list_is_not_known(
    books: Books, monkeypatch: pytest.MonkeyPatch, caplog: Any, tmp_path: Any
) -> None:
    monkeypatch.setenv("DATABASE_URL", books.gateway.settings.database_url)
    assert main(["settle", "--data", str(tmp_path), "--date", "2026-11-30"]) == 0
    assert "working days" not in caplog.text
    assert main(["settle", "--data", str(tmp_path), "--date", "2099-01-05"]) == 0
    assert "The official working days of 2099 are not known" in caplog.text


def test_readiness_says_when_the_list_of_the_next_weeks_is_missing(app: Flask, clock: Any) -> None:
    client = app.test_client()
    assert client.get("/readyz").json["working_days"] == "official"
    clock.now = datetime(2026, 12, 10, tzinfo=UTC)
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json["working_days"]) == (200, "estimated for 2027")


def test_a_test_clock_closes_on_banking_days_only(api: Any, app: Flask) -> None:
    gateway, merchant = app.extensions["fenqi"], api.credentials["merchant"]
    gateway.db.write(lambda tx: merchants.agree_reserve(tx, merchant, rate="0.05", days=4) and None)
    api.captured(3)
    clock = api.post("/v1/test_clocks", {}).json["id"]
    api.post(f"/v1/test_clocks/{clock}/advance", {"days": 8})
    while worker.drain(gateway):
        pass
    days = [row["date"] for row in api.get("/v1/settlements").json["data"][::-1]]
    assert days == ["2026-11-24", "2026-11-30"], "what is released on Saturday the 28th is paid on Monday"
    paid = [row["paid_at"][:10] for row in api.get("/v1/payouts").json["data"][::-1]]
    assert paid == days
