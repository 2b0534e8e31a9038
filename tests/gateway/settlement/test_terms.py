"""Settlement terms: when captures are settled, what is carried, and what is held back, from a day on."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.core.calendar import OfficialWorkingDays
from gateway.db.transactions import READ_COMMITTED
from gateway.errors import InvalidRequest
from gateway.process.daily import settle
from gateway.settlement import invoices, terms
from gateway.settlement.terms import Terms
from tests.gateway.books import Books
from tests.gateway.operators.shell import Shell, opened
from tests.one_database import database_url, on_both  # noqa: F401

DAYS = OfficialWorkingDays()


@pytest.fixture
def shell(tmp_path: Path, sqlite_template: Path, monkeypatch: Any, capsys: Any) -> Shell:
    """The command line before a fresh database."""
    return opened(tmp_path, sqlite_template, monkeypatch, capsys)


def agree(books: Books, day: date | None = None, **changes: Any) -> Terms:
    standard = terms.standard(books.gateway.settings)
    _, new = books.gateway.db.write(
        lambda tx: terms.agree(tx, books.tenant, valid_from=day, changes=changes, standard=standard)
    )
    return new


def batches(books: Books) -> list[dict[str, Any]]:
    books.api.login()
    found: list[dict[str, Any]] = books.api.get("/v1/settlements").json["data"]
    return found[::-1]


def captured(books: Books) -> dict[str, Any]:
    books.api.login()
    return books.api.captured(3, amount=60_000)


def shanghai(text: str) -> datetime:
    return (datetime.fromisoformat(text) - timedelta(hours=8)).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("t_plus", "days", "captured_at", "settled_on"),
    [
        (1, "banking", "2026-09-24T16:59:59.999999", "2026-09-28"),  # Mid-Autumn: 25 to 27 September
        (1, "banking", "2026-09-24T17:00:00", "2026-09-28"),
        (0, "banking", "2026-09-24T16:59:59.999999", "2026-09-24"),
        (0, "banking", "2026-09-24T17:00:00", "2026-09-28"),
        (0, "calendar", "2026-09-26T12:00:00", "2026-09-28"),
        (3, "calendar", "2026-09-28T12:00:00", "2026-10-08"),  # 1 October is a holiday, and so is the week
        (2, "calendar", "2026-09-28T12:00:00", "2026-09-30"),
        (3, "banking", "2026-09-28T12:00:00", "2026-10-08"),
    ],
)
def test_days_and_the_cut_off_at_its_very_second(
    t_plus: int, days: str, captured_at: str, settled_on: str
) -> None:
    agreed = Terms(t_plus, "17:00", days=days)
    assert agreed.settlement_date(shanghai(captured_at), DAYS) == date.fromisoformat(settled_on)


def test_terms_begin_tomorrow_at_the_earliest_and_keep_what_is_not_named(books: Books) -> None:
    today = books.clock.now.date()
    with pytest.raises(InvalidRequest, match="the first day can be"):
        agree(books, today, t_plus=0)
    first = agree(books, today + timedelta(days=10), t_plus=3)
    second = agree(books, today + timedelta(days=12), cutoff="15:00")
    assert (second.t_plus, second.cutoff, first.cutoff) == (3, "15:00", "23:00")
    with books.gateway.db.read() as tx:
        standard = terms.standard(books.gateway.settings)
        seen = [
            terms.in_force(tx, books.tenant, today + timedelta(days=ahead), standard).id
            for ahead in (0, 9, 10, 11, 12, 99)
        ]
    assert seen == [None, None, first.id, first.id, second.id, second.id]


@pytest.mark.parametrize(
    "changes",
    [
        {"t_plus": 31},
        {"days": "working"},
        {"cutoff": "24:00"},
        {"cutoff": "9:00"},
        {"minimum_payout_fen": 1_000_000_001},
        {"reserve_rate": "0.31"},
        {"reserve_rate": "5 %"},
        {"reserve_days": 0},
        {"invoice_after_days": 0},
        {"invoice_due_days": 366},
    ],
)
def test_what_cannot_be_agreed_is_named_and_changes_nothing(books: Books, changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest) as refused:
        agree(books, **changes)
    assert refused.value.param == next(iter(changes)).removesuffix("_fen")
    assert books.figure("SELECT count(*) FROM settlement_terms") == 0


@on_both
def test_a_capture_is_settled_by_the_terms_of_its_day(books: Books) -> None:
    before = books.api.captured(3)["captures"][0]["settlement_date"]
    agree(books, t_plus=5, days="calendar")
    same_day = books.api.captured(3)["captures"][0]["settlement_date"]
    books.pass_days(1)
    books.api.login()
    after = books.api.captured(3)["captures"][0]["settlement_date"]
    agreed = Terms(5, "23:00", days="calendar")
    assert same_day == before
    assert after == agreed.settlement_date(books.clock.now, DAYS).isoformat() > before
    books.pass_days(10)
    assert [row["closing"] for row in batches(books)] == [0, 0]
    books.sound()


@on_both
def test_what_is_below_the_minimum_is_carried_until_it_is_reached(books: Books) -> None:
    agree(books, minimum_payout_fen=150_000)
    books.pass_days(3)
    for _ in range(3):
        books.api.login()
        books.api.captured(3, amount=60_000)
        books.pass_days(4)
    found = batches(books)
    nets = [row["captures"] - row["merchant_fees"] - row["merchant_subsidies"] for row in found]
    assert [row["opening"] for row in found] == [0, nets[0], nets[0] + nets[1]]
    assert [row["payout_amount"] for row in found] == [0, 0, sum(nets)]
    assert [row["closing"] for row in found] == [nets[0], nets[0] + nets[1], 0]
    assert books.of("merchant_available") == 0
    books.sound()


def test_what_is_carried_is_paid_when_the_terms_allow_it(books: Books) -> None:
    agree(books, minimum_payout_fen=150_000)
    books.pass_days(3)
    books.api.login()
    books.api.captured(3, amount=60_000)
    books.pass_days(4)
    (first,) = batches(books)
    agree(books, minimum_payout_fen=0)
    books.pass_days(5)
    second = batches(books)[-1]
    assert (second["opening"], second["payout_amount"]) == (first["closing"], first["closing"])
    assert books.api.get(f"/v1/settlements/{second['id']}/lines").json["data"] == []
    assert books.of("merchant_available") == 0
    books.sound()


def test_a_refund_takes_what_is_carried(books: Books) -> None:
    agree(books, minimum_payout_fen=150_000)
    books.pass_days(3)
    books.api.login()
    payment = books.api.captured(3, amount=60_000)
    books.pass_days(4)
    carried = batches(books)[-1]["closing"]
    assert books.of("merchant_available") == carried > 0
    books.post("/v1/refunds", {"payment": payment["id"], "reason": "sent back"})
    books.pass_days(4)
    last = batches(books)[-1]
    assert (last["opening"], last["closing"], last["payout_amount"]) == (carried, 0, 0)
    books.sound()


def test_a_reserve_has_an_upper_bound_and_its_releases_are_listed(books: Books) -> None:
    agree(books, reserve_rate="0.1", reserve_days=7, reserve_most_fen=8_000)
    books.pass_days(3)
    for _ in range(2):
        books.api.login()
        books.api.captured(3, amount=60_000)
        books.pass_days(1)
    books.pass_days(3)
    found = batches(books)
    held = [row["reserve_change"] for row in found]
    assert sum(held) == books.of("merchant_reserve") == 8_000
    listed = books.api.get("/v1/reserve_releases").json["data"][::-1]
    assert [(row["amount"], row["held_by"]) for row in listed] == [
        (fen, row["id"]) for fen, row in zip(held, found, strict=True) if fen
    ]
    first = date.fromisoformat(found[0]["date"])
    assert listed[0]["release_date"] == (first + timedelta(days=7)).isoformat()
    books.pass_days(12)
    assert books.of("merchant_reserve") == 0
    books.api.login()
    assert all(row["released_by"] for row in books.api.get("/v1/reserve_releases").json["data"])
    books.sound()


def test_with_t_0_the_batch_of_a_day_closes_after_the_cut_off(books: Books) -> None:
    agree(books, t_plus=0, cutoff="17:00")
    books.pass_days(3)
    while not DAYS.is_working_day(books.clock.now.date()):
        books.pass_days(1)
    books.clock.now = books.clock.now.replace(hour=2)  # 10:00 in Shanghai
    books.api.login()
    day = books.clock.now.date().isoformat()
    assert books.api.captured(3, amount=60_000)["captures"][0]["settlement_date"] == day
    books.work()
    assert batches(books) == []
    books.api.captured(3, amount=60_000)
    books.clock.now = books.clock.now.replace(hour=8, minute=59, second=59)
    books.work()
    assert batches(books) == []
    books.clock.now = books.clock.now.replace(hour=9, minute=0, second=0)
    books.work()
    (batch,) = batches(books)
    assert (batch["date"], batch["captures"]) == (day, 120_000)
    books.sound()


def test_the_merchant_reads_its_terms_and_nobody_elses(books: Books, new_merchant: Any) -> None:
    books.api.login()
    standard = books.api.get("/v1/settlement_terms/current").json
    assert (standard["id"], standard["t_plus"], standard["minimum_payout"]) == (None, 1, 0)
    new = agree(books, minimum_payout_fen=100)
    books.pass_days(1)
    books.api.login()
    assert books.api.get("/v1/settlement_terms/current").json["id"] == new.id
    assert [row["id"] for row in books.api.get("/v1/settlement_terms").json["data"]] == [new.id]
    stranger = new_merchant()
    assert stranger.get("/v1/settlement_terms").json["data"] == []
    assert stranger.get("/v1/settlement_terms/current").json["id"] is None


def test_two_operators_set_them_at_the_command_line(shell: Shell) -> None:
    made = shell(
        "merchant",
        "create",
        "--name",
        "店",
        "--name-en",
        "Shop",
        "--category",
        "3c",
        "--email",
        "owner@shop.example",
    )
    merchant, terms_of = made["merchant"], ("settlement", "terms")
    shell.operator("li.na")
    shell.operator("wang.wei", by="li.na")

    def propose(*options: str, code: int = 0) -> Any:
        asked = (*options, "--by", "li.na", "--reason", "contract 7")
        return shell(*terms_of, "propose", merchant, *asked, types=shell.app("li.na"), code=code)

    def decide(verb: str, id: str, by: str, code: int = 0) -> Any:
        asked = ("--by", by, "--reason", "as agreed")
        return shell(*terms_of, verb, id, *asked, types=shell.app(by), code=code)

    first = propose("--t-plus", "0", "--cutoff", "16:30", "--minimum-payout", "10000")
    assert (first["before"]["cutoff"], first["after"]["cutoff"]) == ("23:00", "16:30")
    assert "yourself: another operator" in decide("confirm", first["id"], "li.na", code=1)
    assert shell(*terms_of, "show", merchant, "--json")[0]["id"] is None
    new = decide("confirm", first["id"], "wang.wei")
    assert (new["cutoff"], new["t_plus"]) == ("16:30", 0)
    for most in ("500", "never"):
        decide("confirm", propose("--reserve-most", most)["id"], "wang.wei")
    shown = shell(*terms_of, "show", merchant, "--json")
    assert [row["reserve_most"] for row in shown] == [None, 500, None, None]
    assert (shown[-1]["in_force"], shown[-1]["id"]) == (True, None)
    assert "is rejected" in decide("reject", propose("--t-plus", "5")["id"], "wang.wei")
    assert "is withdrawn" in decide("withdraw", propose("--t-plus", "6")["id"], "li.na")
    listed = shell(*terms_of, "proposals", "--merchant", merchant, "--json")
    assert [row["status"] for row in listed] == ["withdrawn", "rejected", *["confirmed"] * 3]
    assert listed[-1] | {"decided_by": "wang.wei", "changes": first["changes"]} == listed[-1]
    assert "is not a time of day" in propose("--cutoff", "25:00", code=1)
    assert "settlement terms propose" in shell("merchant", "reserve", merchant, "--rate", "0.1", code=1)
    merchant = "mer_nobody"
    assert "mer_nobody" in propose("--t-plus", "1", code=1)


def test_settling_by_hand_before_the_cut_off_leaves_t_0_alone(books: Books) -> None:
    agree(books, t_plus=0, cutoff="23:59")
    books.pass_days(1)
    books.until("2026-11-30")
    books.api.login()
    books.api.captured(3, amount=60_000)
    assert settle(books.gateway, books.clock.now.date()) == []


@on_both
@pytest.mark.parametrize("returned", [False, True])
def test_what_a_refund_takes_beyond_its_claim_waits_for_the_batch_of_its_capture(
    books: Books, returned: bool
) -> None:
    """Batches before it pay out the money of other captures: it is neither taken from that nor paid by it."""
    books.api.captured(3, amount=60_000)
    agree(books, t_plus=9)
    books.pass_days(1)
    if returned:
        books.pass_days(3)
        payout = books.api.login() or books.api.get("/v1/payouts").json["data"][0]["id"]
        assert books.post(f"/v1/test_helpers/payouts/{payout}/return").status_code == 200
    late = captured(books)
    body = {"payment": late["id"], "kind": "goodwill", "amount": 59_999, "reason": "scratches"}
    assert books.post("/v1/refunds", body).status_code == 201
    kept = late["captures"][0]["merchant_fee"] + late["captures"][0]["merchant_subsidy"]
    beyond = kept - 1
    assert books.of("merchant_receivable") == beyond > 0
    books.pass_days(6)
    books.sound()
    assert batches(books)[-1]["payout_amount"] == 60_000 - kept
    assert books.of("merchant_receivable") == beyond
    books.pass_days(12)
    assert batches(books)[-1]["closing"] == -beyond
    books.sound()


@on_both
def test_paying_an_invoice_does_not_pay_what_a_later_batch_takes_off(books: Books) -> None:
    paid = books.api.captured(3, amount=60_000)
    agree(books, t_plus=9, invoice_after_days=1)
    books.pass_days(4)
    books.post(
        "/v1/refunds", {"payment": paid["id"], "kind": "goodwill", "amount": 500, "reason": "scratches"}
    )
    books.pass_days(4)
    late = captured(books)
    body = {"payment": late["id"], "kind": "goodwill", "amount": 59_999, "reason": "scratches"}
    books.post("/v1/refunds", body)
    funder = books.gateway.settings.funder
    invoice = books.figure("SELECT id FROM merchant_invoice")
    books.gateway.db.write(
        lambda tx: (
            invoices.pay(tx, books.tenant, invoice, received_fen=600, reference="bank-1", funder=funder)
            and None
        ),
        READ_COMMITTED,
    )
    books.pass_days(3)
    assert batches(books)[-1]["payout_amount"] == 100
    books.sound()
    books.pass_days(15)
    books.sound()
