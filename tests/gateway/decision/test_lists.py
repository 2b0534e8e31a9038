"""The lender's lists: by keyed hash, strictest first, ended and never deleted; each change is in the audit log."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from sqlalchemy import text

from gateway.cli import main
from gateway.identity.invented import invented_id_number
from tests.one_database import database_url  # noqa: F401

PHONE = "13912345678"


def complete(api: Any, **body: str) -> Any:
    return api.post(f"/v1/test_helpers/checkouts/{api.checkout()['id']}/complete", {"term": 12, **body}).json


@pytest.fixture
def lists(app: Any, monkeypatch: Any, capsys: Any) -> Any:
    """Run ``fenqi-gateway lists …`` on the app's database; the output as JSON."""
    settings = app.extensions["fenqi"].settings
    monkeypatch.setenv("DATABASE_URL", settings.database_url)

    def run(*words: str, value: str = "") -> Any:
        monkeypatch.setattr("sys.stdin", io.StringIO(value + "\n"))
        capsys.readouterr()
        code = main(["lists", *words, "--data", str(settings.data_dir)])
        told = capsys.readouterr()
        return json.loads(told.out) if code == 0 else told.err

    return run


def put(lists: Any, kind: str, value: str = PHONE, **more: str) -> Any:
    options = [word for name, text in more.items() for word in (f"--{name}", text)]
    (entry,) = lists("add", kind, "--mode", "test", "--note", "case 17", *options, value=value)
    return entry


def last(app: Any) -> Any:
    with app.extensions["fenqi"].db.read() as tx:
        query = text("SELECT outcome, signals, reasons FROM credit_decision ORDER BY id DESC LIMIT 1")
        return tx.execute(query).one()


def test_who_is_blocked_is_declined_and_not_told_of_the_list(app: Any, api: Any, lists: Any) -> None:
    assert complete(api, phone=PHONE)["status"] == "approved"
    put(lists, "blocked")
    assert complete(api, phone=PHONE, id_number=invented_id_number("another"))["status"] == "declined"
    decision = last(app)
    assert "on_block_list" in decision.signals
    assert "on_block_list" not in decision.reasons
    assert "not_verified" in decision.reasons


def test_who_is_watched_goes_to_a_person_until_the_entry_ends(app: Any, api: Any, lists: Any) -> None:
    number = invented_id_number("somebody")
    entry = put(lists, "watched", number, by="id_number")
    assert complete(api, phone=PHONE, id_number=number)["status"] == "under_review"
    assert complete(api, phone="13912345679", id_number=invented_id_number("else"))["status"] == "approved"
    (ended,) = lists("end", entry["id"])
    assert ended["ended"]
    complete(api, phone=PHONE, id_number=number)
    assert "on_watch_list" not in last(app).signals
    assert lists("show", "--mode", "test", "--json") == []


def test_the_strictest_list_counts(app: Any, api: Any, lists: Any) -> None:
    put(lists, "trusted")
    put(lists, "watched")
    assert complete(api, phone=PHONE)["status"] == "under_review"
    put(lists, "blocked")
    assert complete(api, phone=PHONE)["status"] == "declined"


def test_an_entry_is_made_once_and_holds_no_number(app: Any, lists: Any) -> None:
    assert put(lists, "blocked")["id"] == put(lists, "blocked")["id"]
    with app.extensions["fenqi"].db.read() as tx:
        rows = tx.execute(text("SELECT * FROM list_entry")).all()
        audited = tx.execute(text("SELECT action FROM audit_entry ORDER BY number")).scalars().all()
    assert len(rows) == 1
    assert PHONE not in str(rows)
    assert audited.count("list.add") == 2


def test_a_list_of_one_mode_says_nothing_in_the_other(api: Any, lists: Any) -> None:
    lists("add", "blocked", "--note", "live only", value=PHONE)
    assert complete(api, phone=PHONE)["status"] == "approved"


def test_what_is_no_phone_is_refused_and_nothing_is_noted(lists: Any) -> None:
    assert "11 digits" in lists("add", "blocked", "--mode", "test", "--note", "x", value="12345")
    assert lists("show", "--mode", "test", "--json") == []
    assert "list entry" in lists("end", "lst_none")
