"""A complaint has a number and a day, is filed once however often it is sent, and is answered by a person, once."""

from __future__ import annotations

import json
import re
from datetime import date
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from gateway.cli import main
from gateway.complaints import service
from gateway.core.calendar import OfficialWorkingDays
from gateway.data_requests import erasure
from gateway.errors import NotFound, WrongState
from gateway.privacy import subjects
from tests.gateway.my.visitors import bought, log_in
from tests.one_database import database_url, on_both  # noqa: F401

WORDS = "收到的手机有划痕，商家不肯换货 <b>请帮忙</b>"


def file(pages: Any, **changes: str) -> Any:
    return pages.post("/my/test/help", data={"kind": "complaint", "loan": "", "text": WORDS, **changes})


def test_seven_working_days_are_counted_over_the_new_year() -> None:
    assert service.due_day(date(2026, 9, 29), OfficialWorkingDays()) > date(2026, 10, 9), "a week of holidays"
    assert service.due_day(date(2026, 11, 23), OfficialWorkingDays()) == date(2026, 12, 2)


@on_both
def test_a_complaint_is_filed_once_answered_once_and_read(app, api, books, clock, capsys):
    loan = bought(api)["captures"][0]["loan"]
    pages = log_in(app.test_client())
    for _ in range(2):
        answer = file(pages, loan=loan)
        assert answer.status_code == 303, answer.text
    number = answer.location.partition("#")[2]
    page = pages.get("/my/test/help").text
    assert page.count("data-complaint=") == 1
    assert "&lt;b&gt;" in page
    assert "2026年12月2日" in page
    gateway = books.gateway
    row = gateway.db.write(
        lambda tx: service.answer(tx, gateway.vault, number, words="已安排换货。", by="李经理")
    )
    assert row.status == "answered"
    with pytest.raises(Exception, match="an answer stands"):
        gateway.db.write(lambda tx: service.answer(tx, gateway.vault, number, words="改口", by="x"))
    assert "已安排换货。" in pages.get("/my/test/help").text
    with pytest.raises(DBAPIError, match="complaint"):
        gateway.db.write(lambda tx: tx.execute(text("UPDATE complaint SET due_on = created_at")) and None)
    with pytest.raises(DBAPIError, match="never removed"):
        gateway.db.write(lambda tx: tx.execute(text("DELETE FROM complaint")) and None)


def test_what_is_late_is_said_to_everybody(app, api, books, clock):
    bought(api)
    pages = log_in(app.test_client())
    file(pages, kind="hardship")
    clock.advance(days=9)
    with books.gateway.db.read() as tx:
        assert service.overdue(tx) == {}
        assert not service.is_late(tx, service.waiting(tx, mode="test", limit=10)[0])
    clock.advance(days=1)
    with books.gateway.db.read() as tx:
        assert service.overdue(tx) == {"test": 1}
    assert "答复超时" in log_in(app.test_client()).get("/my/test/help").text


def test_bad_input_is_said_and_nothing_is_filed(app, api, books):
    bought(api)
    pages = log_in(app.test_client())
    for changes in ({"kind": "praise"}, {"text": "短"}, {"text": "长" * 2001}, {"loan": "loan_of_nobody"}):
        answer = file(pages, **changes)
        assert answer.status_code in (400, 404, 422)
        assert 'role="alert"' in answer.text
    assert books.figure("SELECT COUNT(*) FROM complaint") == 0
    assert file(pages, text="长" * 2000).status_code == 303
    for number in range(9):
        assert file(pages, text=f"{WORDS} {number}").status_code == 303
    assert file(pages).status_code == 429


def test_the_commands_list_show_and_answer(app, api, books, capsys, monkeypatch, tmp_path):
    bought(api)
    file(log_in(app.test_client()))
    settings = books.gateway.settings
    monkeypatch.setenv("DATABASE_URL", settings.database_url)
    line = ["--data", str(settings.data_dir)]
    assert main(["complaints", "list", "--json", *line]) == 0
    number = json.loads(capsys.readouterr().out)[0]["id"]
    assert re.fullmatch(r"cpl_\w{26}", number)
    assert main(["complaints", "show", number, "--json", *line]) == 0
    assert json.loads(capsys.readouterr().out)["text"].startswith("收到的手机")
    said = ["complaints", "answer", number, "--by", "manager", "--text", "已处理。"]
    assert main([*said, *line]) == 0
    assert main([*said, *line]) == 1
    assert books.figure("SELECT COUNT(*) FROM audit_entry WHERE action LIKE 'complaint.%'") == 2


@on_both
def test_an_open_complaint_keeps_its_person_and_an_answered_one_is_shown_empty_afterwards(
    app, api, books, clock, capsys, monkeypatch
):
    gateway = books.gateway
    checkout = api.checkout()
    body = {"term": 3, "phone": "13800000002", "id_number": "11010519491231002X", "name": "王小明"}
    assert (
        api.post(f"/v1/test_helpers/checkouts/{checkout['id']}/complete", body).json["status"] == "declined"
    )
    shopper = books.figure("SELECT id FROM shopper")

    def filed(words: str) -> str:
        return gateway.db.write(
            lambda tx: (
                service.file(
                    tx,
                    gateway.vault,
                    gateway.ports.working_days,
                    mode="test",
                    shopper_id=shopper,
                    kind="complaint",
                    loan_id=None,
                    words=words,
                ).id
            )
        )

    def ask():
        return gateway.db.write(lambda tx: erasure.ask(tx, gateway.settings, shopper))

    number = filed(WORDS)
    kept = ask()
    assert (kept["status"], kept["reason"], kept["until"]) == ("frozen", "open_complaint", "2026-12-02")
    clock.advance(days=20)  # late: the person waits for the answer, and no longer than that
    assert ask()["status"] == "frozen"
    gateway.db.write(lambda tx: service.answer(tx, gateway.vault, number, words="已处理。", by="x"))
    assert ask()["status"] == "erased"
    monkeypatch.setenv("DATABASE_URL", gateway.settings.database_url)
    line = ["--data", str(gateway.settings.data_dir)]
    capsys.readouterr()
    assert main(["complaints", "show", number, "--json", *line]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["text"], shown["answer"], shown["answered_by"]) == (None, None, "x")
    with pytest.raises(NotFound, match="was erased"):
        filed("after the erasure")
    with gateway.db.read() as tx:
        assert subjects.wrapped_key(tx, shopper) is None, "no key comes back"


def test_a_complaint_whose_person_is_gone_is_answered_by_nobody(app, api, books):
    bought(api)
    number = file(log_in(app.test_client())).location.partition("#")[2]
    gateway = books.gateway
    gateway.db.write(lambda tx: subjects.destroy(tx, books.shopper()))
    with pytest.raises(WrongState, match="nobody can read"):
        gateway.db.write(lambda tx: service.answer(tx, gateway.vault, number, words="已处理。", by="x"))
