"""What a shopper is told in the life of an order and its loan: once, by day, at most three times a day."""

from __future__ import annotations

import json
import re
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import bindparam
from sqlalchemy import text as sql
from sqlalchemy.exc import DBAPIError
from sqlmodel import select

from gateway.cli import main
from gateway.core.calendar import SHANGHAI
from gateway.data_requests import export
from gateway.db.types import Day, UtcTime
from gateway.decision.funder import Ruling
from gateway.identity.notifier import MessageRefused
from gateway.messages import service as messages
from gateway.messages.models import Message
from gateway.process.worker import drain
from tests.gateway.books import Books
from tests.gateway.first_merchant import START
from tests.gateway.messages.conftest import Phones
from tests.gateway.shopper import identify
from tests.one_database import on_both

CONSENTS = dict.fromkeys(("credit_service", "bureau_query", "funder_sharing"), "yes")
ID_NUMBER, PHONE = "11010519491231002X", "13912345678"
OTHER_ID_NUMBER = "110105199003071239"


def rows(books: Books) -> list[Message]:
    with books.gateway.db.read() as tx:
        return list(tx.exec(select(Message).order_by(Message.id)))


def kinds(books: Books, status: str = "sent") -> Counter[str]:
    return Counter(row.kind for row in rows(books) if row.status == status)


def at_hour(books: Books, hour: int) -> None:
    """On to an hour of the day in Shanghai."""
    here = books.clock.now.astimezone(SHANGHAI)
    books.clock.advance(minutes=((hour - here.hour) % 24) * 60 - here.minute)


def lawful(books: Books, phones: Phones) -> None:
    """Nothing came at night, and nobody got four a day."""
    a_day: Counter[Any] = Counter()
    for one in phones.came:
        here = one.at.astimezone(SHANGHAI)
        assert 8 <= here.hour < 22, here
        a_day[one.phone, here.date()] += 1
    assert max(a_day.values(), default=0) <= 3


def purchase(pages: Any, api: Any, clock: Any, *, lang: str = "zh-CN", id_number: str = ID_NUMBER) -> str:
    """A purchase on the pages in a language; returns the payment."""
    api.login()
    checkout = api.checkout()
    path = f"/checkout/{checkout['id']}"
    typed = {"term": "12", "name": "王小明", "id_number": id_number, "phone": PHONE}
    identify(pages, checkout, typed)
    quote = re.search(r'name="quote_hash" value="([^"]+)"', pages.get(f"{path}/review").text)
    clock.advance(seconds=4)
    form = {"quote_hash": quote[1], **CONSENTS}
    answer = pages.post(f"{path}/confirm?lang={lang}", data=form)
    assert answer.status_code == 303, answer.text
    return api.get(f"/v1/checkouts/{checkout['id']}").json["payment"]  # type: ignore[no-any-return]


def test_an_order_and_its_loan_are_told_from_the_approval_to_the_payment(
    books: Books, phones: Phones
) -> None:
    payment = books.api.captured(3)
    books.work()
    ((_, _, phone, text, _),) = phones.came
    assert phone == "+8613800000001"
    assert "已由资金方示范银行（模拟）批准" in text
    assert "the contract is concluded" in text
    assert f"/checkout/{payment['checkout']}/contract" in text
    books.pass_days(40)
    assert {**kinds(books), "due_today": 1} == {"approved": 1, "due_soon": 1, "due_today": 1, "paid": 1}
    assert kinds(books, "dropped")["overdue"] == 1  # it was paid
    due = [text for text in phones.texts() if "将于" in text]
    assert "第 1 期" in due[0]
    assert "12 月 23 日到期" in due[0]
    assert all("示范银行" in text and "商户1" in text for text in phones.texts())
    soon = [row for row in rows(books) if row.kind == "due_soon"]
    days = [(row.planned_at.astimezone(SHANGHAI), row.facts["due"]) for row in soon]
    assert next((f"{at:%m-%d}", due) for at, due in days) == ("12-20", "2026-12-23")
    lawful(books, phones)
    books.sound()


def test_what_fails_and_what_is_overdue_is_told_once_and_a_refund_too(books: Books, phones: Phones) -> None:
    payment = books.api.captured(3)
    loan = payment["captures"][0]["loan"]
    books.post(f"/v1/test_helpers/loans/{loan}/miss", {"instalments": 1})
    books.pass_days(36)
    told = kinds(books)
    assert (told["collection_failed"], told["overdue"]) == (1, 1)
    assert any("余额不足" in text and "balance is too low" in text for text in phones.texts())
    overdue = next(text for text in phones.texts() if "已逾期" in text)
    assert "12 月 23 日到期" in overdue
    made = books.post("/v1/refunds", {"payment": payment["id"], "amount": 10_000, "reason": "scratch"})
    assert made.status_code == 201, made.text
    books.pass_days(1)
    assert kinds(books)["refunded"] == 1
    assert any("退款 ¥100.00" in text for text in phones.texts())
    lawful(books, phones)


def test_the_language_of_the_pages_is_that_of_the_messages(
    app: Any, books: Books, phones: Phones, clock: Any
) -> None:
    for lang, words, others in (("en", "Approved: the lender", "已由"), ("zh-CN", "已由资金方", "Approved")):
        phones.came.clear()
        purchase(app.test_client(), books.api, clock, lang=lang)
        books.work()
        (text,) = phones.texts()
        assert words in text
        assert others not in text
        assert PHONE not in text


@on_both
def test_a_fourth_message_of_a_day_waits_for_the_next_and_receipts_are_one(
    books: Books, phones: Phones
) -> None:
    """Of all merchants together: the places belong to the person."""
    payment = books.api.captured(12)
    shopper, tenant = books.shopper(), books.tenant
    facts = {"loan": payment["captures"][0]["loan"]}

    def plan(number: int) -> None:
        books.gateway.db.write(
            lambda tx: messages.plan(
                tx,
                tenant,
                shopper_id=shopper,
                kind="refunded",
                about=f"r{number}",
                facts={"payment": payment["id"], "amount_fen": 1, "reduction_fen": 1, "returned_fen": 0},
            )
        )

    for number in range(5):
        plan(number)
        plan(number)  # the same thing is told once
    while drain(books.gateway):
        pass
    assert len(phones.came) == 3
    at_hour(books, 23)
    for number in range(2):
        books.gateway.db.write(
            lambda tx, number=number: messages.plan(
                tx,
                tenant,
                shopper_id=shopper,
                kind="paid",
                about=f"{number}",
                facts={**facts, "amount_fen": 1_00},
            )
        )
    books.clock.advance(hours=10)
    drain(books.gateway)
    assert len(phones.came) == 6
    receipts = [text for text in phones.texts() if "还款成功" in text]
    assert len(receipts) == 1
    assert "¥2.00" in receipts[0]
    assert [row.why for row in rows(books) if row.status == "dropped"] == [
        f"merged into {row.id}" for row in rows(books) if row.kind == "paid" and row.status == "sent"
    ]
    lawful(books, phones)


@on_both
def test_two_people_with_one_phone_get_three_a_day_between_them(
    app: Any, books: Books, phones: Phones, clock: Any
) -> None:
    payments = []
    for id_number in (ID_NUMBER, OTHER_ID_NUMBER):
        payments.append(purchase(app.test_client(), books.api, clock, id_number=id_number))
        clock.advance(minutes=20)  # a phone gets so many codes
    books.work()
    facts = {"payment": payments[0], "amount_fen": 1, "reduction_fen": 1, "returned_fen": 0}
    shoppers = sorted({row.shopper_id for row in rows(books)})
    assert len(shoppers) == 2
    for number, shopper in enumerate(shoppers):
        books.gateway.db.write(
            lambda tx, shopper=shopper, number=number: messages.plan(
                tx, books.tenant, shopper_id=shopper, kind="refunded", about=f"r{number}", facts=facts
            )
        )
    books.work()
    assert (len(rows(books)), len(phones.came)) == (4, 3)
    clock.advance(days=1)
    books.work()
    assert len(phones.came) == 4
    lawful(books, phones)


REFUSED = (
    "UPDATE message SET left_at = :night, day = :day",
    "UPDATE message SET planned_at = :night WHERE status = 'planned'",
    "INSERT INTO message_slot VALUES (:shopper, :day, 4, :noon)",
    "INSERT INTO message_slot VALUES (:shopper, :day, 1, :noon)",
    "INSERT INTO message_slot VALUES (:shopper, :day, 2, :night)",
    "INSERT INTO message_slot VALUES (:shopper, :other_day, 1, :noon)",
    "UPDATE message_slot SET day = :other_day",
    "DELETE FROM message_slot",
    "DELETE FROM message",
    "UPDATE message SET shopper_id = 'shp_other'",
)


@on_both
def test_the_database_refuses_a_message_at_night_and_a_fourth(books: Books, phones: Phones) -> None:
    books.api.captured(3)
    books.work()
    assert len(phones.came) == 1
    books.pass_days(27)
    assert "planned" in {row.status for row in rows(books)}
    values: dict[str, Any] = {
        "shopper": books.shopper(),
        "day": START.date(),
        "other_day": START.date() - timedelta(days=1),
        "noon": START,
        "night": START.replace(hour=14),
    }
    for change in REFUSED:
        names = [name for name in values if re.search(rf":{name}\b", change)]
        types = [
            bindparam(name, type_=Day() if "day" in name else UtcTime())
            for name in names
            if name != "shopper"
        ]
        used = {name: values[name] for name in names}
        with books.gateway.db.engine.connect() as connection, pytest.raises(DBAPIError):
            connection.execute(sql(change).bindparams(*types), used)


def test_a_refused_message_has_failed_and_frees_nothing(books: Books, phones: Phones, caplog: Any) -> None:
    phones.failure = MessageRefused("unknown_number")
    books.api.captured(3)
    books.work()
    assert next((row.kind, row.status, row.why) for row in rows(books)) == (
        "approved",
        "failed",
        "unknown_number",
    )
    assert "13800000001" not in caplog.text


def test_a_message_that_comes_too_late_is_dropped(books: Books, phones: Phones) -> None:
    books.api.captured(3)
    phones.failure = RuntimeError("no answer of +8613800000001")
    books.pass_days(30)
    by_kind = {row.kind: row for row in rows(books)}
    assert (by_kind["approved"].status, by_kind["approved"].why) == ("failed", "too_late")
    assert by_kind["due_soon"].status in ("sending", "failed")
    phones.failure = None
    books.pass_days(3)
    assert not any("将于 12 月 23 日" in text for text in phones.texts())


@on_both
def test_what_fell_due_while_no_worker_ran_is_told_when_it_is_overdue(books: Books, phones: Phones) -> None:
    loan = books.api.captured(3)["captures"][0]["loan"]
    books.post(f"/v1/test_helpers/loans/{loan}/miss", {"instalments": 2})
    books.work()
    books.jump(67)  # due on the 30th and the 61st day
    books.pass_days(5)
    overdue = [row for row in rows(books) if row.kind == "overdue" and row.status == "sent"]
    assert [row.facts["period"] for row in overdue] == [2]
    lawful(books, phones)


def test_a_person_sees_the_log_gets_it_exported_and_it_ends_with_the_erasure(
    books: Books, phones: Phones
) -> None:
    books.api.captured(3)
    books.pass_days(40)
    shopper, vault = books.shopper(), books.gateway.vault
    with books.gateway.db.read() as tx:
        first, after = messages.for_person(tx, vault, [shopper], limit=2)
        rest, end = messages.for_person(tx, vault, [shopper], limit=100, before=after)
        found = export.export(tx, vault, shopper)["data"]["message"]
    assert [one.text for one in (*first, *rest)] == phones.texts()[::-1]
    assert end is None
    assert {row["text"] for row in found["rows"] if row["status"] == "sent"} == set(phones.texts())
    with books.gateway.db.read() as tx:
        assert messages.for_person(tx, vault, ["shp_nobody"], limit=9) == ([], None)
    books.gateway.db.write(lambda tx: messages.forget(tx, shopper))
    with books.gateway.db.read() as tx:
        assert {one.text for one in messages.for_person(tx, vault, [shopper], limit=99)[0]} == {None}


def test_the_operator_sees_what_was_told_without_texts_and_phones(
    books: Books, phones: Phones, capsys: Any, monkeypatch: Any
) -> None:
    monkeypatch.setenv("DATABASE_URL", books.gateway.settings.database_url)
    monkeypatch.setenv("FENQI_DATA_DIR", str(books.gateway.settings.data_dir))
    books.api.captured(3)
    books.work()
    capsys.readouterr()
    assert main(["messages", "list", "--status", "sent", "--shopper", books.shopper(), "--json"]) == 0
    told = capsys.readouterr().out
    (row,) = json.loads(told)
    assert (row["kind"], row["status"]) == ("approved", "sent")
    assert main(["messages", "show", row["id"]]) == 0
    told += capsys.readouterr().out
    assert "13800000001" not in told
    assert "批准" not in told
    assert main(["messages", "show", "msg_none"]) == 1


class Lender:
    """Approves in live mode."""

    def check(self, mode: str) -> None:
        pass

    def decide(self, submission: Any) -> Ruling:
        return Ruling("approve", 5_000_000, "a lender")


def test_a_live_merchant_s_claim_waits_for_the_morning_and_its_window_with_it(
    app: Any, books: Books, new_merchant: Any, phones: Phones, clock: Any
) -> None:
    books.gateway.ports.funder = Lender()
    live = new_merchant(mode="live")
    payment = purchase(app.test_client(), live, clock)
    stage = live.post(f"/v1/payments/{payment}/milestones", {"kind": "lesson", "amount": 100_000}).json["id"]
    assert live.post(f"/v1/payments/{payment}/capture").status_code == 200
    at_hour(books, 22)
    live.login()
    path = f"/v1/payments/{payment}/milestones/{stage}"
    assert live.post(f"{path}/claim").json["status"] == "claimed"
    books.work()
    assert phones.came == []  # the approval waits as well
    assert live.get(path).json["releases_at"] is None
    books.clock.advance(hours=9, minutes=59)
    drain(books.gateway)
    assert phones.came == []
    books.clock.advance(minutes=2)
    while drain(books.gateway):
        pass
    assert {one.mode for one in phones.came} == {"live"}
    assert {one.phone for one in phones.came} == {f"+86{PHONE}"}
    assert len(phones.came) == 2
    live.login()
    until = datetime.fromisoformat(live.get(path).json["releases_at"])
    assert until == books.clock.now + timedelta(days=7)
    lawful(books, phones)


def test_a_test_clock_moves_the_messages_of_its_merchant_alone(
    books: Books, new_merchant: Any, phones: Phones
) -> None:
    other = new_merchant()
    other.captured(3)
    books.api.captured(3)
    made = books.post("/v1/test_clocks", {"name": "a month"}).json["id"]
    books.work()
    assert len(phones.came) == 2
    moved = books.post(f"/v1/test_clocks/{made}/advance", {"days": 35})
    assert moved.status_code in (200, 202), moved.text
    while drain(books.gateway):
        pass
    mine = [row for row in rows(books) if row.merchant_id == books.tenant.merchant_id and row.left_at]
    assert [row.kind for row in mine] == ["approved", "due_soon", "paid"]
    assert {row.kind for row in rows(books) if row.merchant_id != books.tenant.merchant_id} == {"approved"}
    assert all(8 <= row.left_at.astimezone(SHANGHAI).hour < 22 for row in mine)


def test_a_message_whose_answer_was_lost_is_sent_again_as_the_same_message(
    books: Books, phones: Phones
) -> None:
    """The provider has it, and the gateway does not know: same reference, same words, same place of the day."""
    delivered, lost = Phones.send_message, [True]

    def losing(mode: Any, phone: str, text: str, *, reference: str) -> None:
        delivered(phones, mode, phone, text, reference=reference)
        if lost:
            lost.pop()
            raise RuntimeError("no answer")

    phones.send_message = losing  # type: ignore[method-assign]
    books.api.captured(3)
    books.work()
    assert [row.status for row in rows(books)] == ["sending"], "it is not known to have left"
    books.clock.advance(minutes=20)
    books.work()
    first, second = phones.came
    assert first[2:] == second[2:], "phone, words and reference"
    ((status, slot),) = {(row.status, row.slot) for row in rows(books) if row.kind == "approved"}
    assert (status, slot) == ("sent", 1)
    assert books.figure("SELECT COUNT(*) FROM message_slot") == 1
