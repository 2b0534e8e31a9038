"""A closed month stays as it was certified, whatever is reported late, in any order; what is late says of which day."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fenqi import statements
from fenqi._cli import main
from gateway.core.closed_months import closes_on, is_closed, open_day
from gateway.db.transactions import Database
from gateway.errors import InvalidRequest
from gateway.ledger import certificates
from gateway.ledger import service as ledger
from gateway.ledger.booking import postings
from gateway.ledger.integrity.verify import verify
from gateway.process import daily
from tests.gateway.books import Books
from tests.gateway.conftest import Api, problem
from tests.one_database import database_url, on_both  # noqa: F401


def test_a_month_closes_on_the_tenth_of_the_next() -> None:
    november = date(2026, 11, 30)
    assert closes_on(november) == date(2026, 12, 10)
    assert closes_on(date(2026, 12, 1)) == date(2027, 1, 10)
    assert not is_closed(november, date(2026, 12, 9))
    assert is_closed(november, date(2026, 12, 10))
    assert open_day(november, date(2026, 12, 9)) == november
    assert open_day(november, date(2026, 12, 10)) == date(2026, 12, 1)
    assert open_day(november, date(2027, 1, 9)) == date(2026, 12, 1)
    assert open_day(november, date(2027, 1, 10)) == date(2027, 1, 1)


def drawdown(books: Books, number: int, on: date) -> ledger.Event:
    lines = postings.drawdown(
        loan=f"loan_{number}", payment=f"pay_{number}", funder=books.gateway.settings.funder,
        merchant=books.tenant.merchant_id, principal_fen=10_000 + number, fee_net_fen=90, vat_fen=10, subsidy_fen=0,
    )  # fmt: skip
    return ledger.Event("capture", ("payment", f"pay_{number}"), lines, on=on)


def of_month(books: Books, month: str) -> dict[str, Any]:
    books.api.login()
    answer = books.api.get(f"/v1/certificates/{month}")
    assert answer.status_code == 200, answer.text
    return dict(answer.json)


@on_both
def test_what_is_late_is_booked_in_the_open_month_and_says_so(app, api: Api, clock) -> None:
    books = Books(app, api, clock)
    db: Database = books.gateway.db
    own, late = (drawdown(books, number, date(2026, 11, 20)) for number in (1, 2))
    first = db.write(lambda tx: ledger.book(tx, books.tenant, own))
    told = problem(api.get("/v1/certificates/2026-11"))
    assert (told["code"], "2026-12-10" in told["detail"]) == ("month_open", True)
    assert problem(api.get("/v1/certificates/2026-13"))["code"] == "invalid_request"
    clock.now = datetime(2026, 12, 9, 16, 0, tzinfo=UTC)  # the beginning of the 10th in Shanghai
    before = of_month(books, "2026-11")
    assert before["closing"]["pending"] == 9_901
    booked = db.write(lambda tx: ledger.book_many(tx, books.tenant, [own, late]))
    assert booked[0] == first  # the same event again is the same entry, also when its month is closed
    assert db.write(lambda tx: ledger.book(tx, books.tenant, late)) == booked[1]
    assert of_month(books, "2026-11") == before
    shown = {row["entry"]: row for row in api.get("/v1/balance_entries").json["data"]}
    assert (shown[first]["effective_date"], shown[first]["value_date"]) == ("2026-11-20", "2026-11-20")
    assert (shown[booked[1]]["effective_date"], shown[booked[1]]["value_date"]) == (
        "2026-12-01",
        "2026-11-20",
    )
    clock.now = datetime(2027, 1, 10, 4, tzinfo=UTC)
    december = of_month(books, "2026-12")
    assert december["late"] == [{"entry": booked[1], "value_date": "2026-11-20"}]
    assert december["opening"] == before["closing"]
    with db.read() as tx:
        report = verify(tx)
    assert report.ok, [check for check in report.checks if not check.ok]
    with pytest.raises(InvalidRequest, match="2026-11 is closed since 2026-12-10"):
        daily.settle(books.gateway, date(2026, 11, 30))


def test_verify_names_what_was_dated_into_a_closed_month(
    app, api: Api, clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    books = Books(app, api, clock)
    clock.now = datetime(2026, 12, 12, 4, tzinfo=UTC)
    monkeypatch.setattr(ledger, "open_day", lambda day, today: day)
    entry = books.gateway.db.write(
        lambda tx: ledger.book(tx, books.tenant, drawdown(books, 1, date(2026, 11, 20)))
    )
    with books.gateway.db.read() as tx:
        found = {check.name: check for check in verify(tx).checks if not check.ok}
    assert found["months_stay_closed"].first == entry


def test_a_certificate_is_checked_offline_and_no_other_text_is(
    app, api: Api, clock, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    books = Books(app, api, clock)
    api.captured(amount=60_000)
    books.pass_days(20)
    found = of_month(books, "2026-11")
    keys = api.get("/v1/signing_keys").text
    path = tmp_path / "2026-11.json"
    path.write_text(json.dumps(found), "utf-8")
    checked = statements.verify_certificate(path, keys)
    assert checked["closing"] == found["closing"]
    (tmp_path / "keys.pem").write_text(keys)
    assert main(["verify-certificate", str(path), "--keys", str(tmp_path / "keys.pem")]) == 0
    assert "2026-11 (test mode), closed on 2026-12-10" in capsys.readouterr().out
    text = json.loads(found["text"])
    assert {name: found[name] for name in text} == text
    for name, changed in (
        ("closing", {**found["closing"], "available": found["closing"]["available"] + 1}),
        ("text", found["text"].replace('"month":"2026-11"', '"month":"2026-10"')),
        ("month", "2026-10"),
        ("signature", {**found["signature"], "key_id": "0" * 16}),
    ):
        path.write_text(json.dumps({**found, name: changed}), "utf-8")
        with pytest.raises(statements.StatementError):
            statements.verify_certificate(path, keys)
    assert main(["verify-certificate", str(path), "--keys", str(tmp_path / "keys.pem")]) == 1


STEPS = st.lists(st.sampled_from(["late", "refund", "return", "capture", "day"]), min_size=1, max_size=8)


@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=STEPS)
def test_no_order_of_late_reports_changes_a_closed_month(
    steps: list[str], request: pytest.FixtureRequest
) -> None:
    books = request.getfixturevalue("a_month_of_trade")
    books.api.login()
    before = of_month(books, "2026-11")
    for step in steps:
        play(books, step)
        assert of_month(books, "2026-11") == before
    with books.gateway.db.read() as tx:
        assert certificates.contents(tx, books.tenant, date(2026, 11, 1))["closing"] == before["closing"]
    books.sound()


@pytest.fixture
def a_month_of_trade(app, api: Api, clock) -> Books:
    books = Books(app, api, clock)
    books.paid = [api.captured(amount=60_000 + number) for number in range(6)]  # type: ignore[attr-defined]
    books.number = 0  # type: ignore[attr-defined]
    books.pass_days(4)
    books.jump_to("2026-12-11")
    return books


def play(books: Any, step: str) -> None:
    api = books.api
    if step == "late":
        books.jump(1)
        api.login()
    elif step == "refund" and books.paid:
        payment = books.paid.pop()
        api.login()
        api.post("/v1/refunds", {"payment": payment["id"], "reason": "late", "kind": "return"})
    elif step == "return":
        paid = [row for row in api.get("/v1/payouts").json["data"] if row["status"] == "paid"]
        if paid:
            books.post(f"/v1/test_helpers/payouts/{paid[0]['id']}/return")
    elif step == "capture":
        api.captured(amount=70_000)
    else:
        books.clock.now += timedelta(days=1)
        books.work()
        api.login()
