"""Exports: a file holds what the API shows, to the fen; made in the background, downloaded until it expires."""

from __future__ import annotations

import csv
import io
import shutil
import subprocess
import sys
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import xmlschema
from sqlalchemy import text

from gateway.data_requests import retention
from gateway.exports import running
from gateway.exports.kinds import KINDS
from gateway.exports.service import MOST_KEPT
from gateway.process.worker import drain
from gateway.reconciliation.reading import sheet
from gateway.reconciliation.reading.headings import Headings
from gateway.reconciliation.reading.typed import Reader
from tests.gateway.books import Books
from tests.gateway.conftest import Api, problem
from tests.one_database import database_url, on_both  # noqa: F401

DAYS = {"from": "2026-11-01", "to": "2026-12-31"}
STRANGE = ("=HYPERLINK(1)", "+86", "-5", "@sum", "12345678901234567890", "订单「一」<&>\"'")


@pytest.fixture
def books(app, api: Api, clock) -> Books:
    """A few weeks with sales under strange references, refunds of each kind, a dispute, and a payout that came back."""
    books = Books(app, api, clock)
    paid = [api.captured(amount=60_000, merchant_reference=reference) for reference in STRANGE]
    api.captured(amount=549_900, government_subsidy=None)
    for payment, kind in zip(paid, ("unwind", "return"), strict=False):
        body = {"payment": payment["id"], "reason": "-1+1", "kind": kind}
        assert books.post("/v1/refunds", body).status_code == 201
    books.pass_days(2)
    books.post(
        "/v1/refunds", {"payment": paid[2]["id"], "reason": "back", "kind": "return", "amount": 20_000}
    )
    dispute = books.post("/v1/test_helpers/disputes", {"payment": paid[3]["id"]}).json["id"]
    books.pass_days(2)
    books.post(f"/v1/test_helpers/disputes/{dispute}/resolve", {"outcome": "lost"})
    payout = api.get("/v1/payouts").json["data"][0]
    assert books.post(f"/v1/test_helpers/payouts/{payout['id']}/return").status_code == 200
    api.captured(amount=90_000)
    books.pass_days(5)
    return books


def made(books: Books, kind: str, format: str, **body: Any) -> bytes:
    created = books.post("/v1/exports", {"kind": kind, "format": format, **body})
    assert created.status_code == 201, created.text
    assert created.json["status"] == "running"
    drain(books.gateway)
    done = books.api.get(f"/v1/exports/{created.json['id']}").json
    assert done["status"] == "completed", done
    answer = books.api.get(f"/v1/exports/{done['id']}/file")
    assert answer.status_code == 200, answer.text
    assert len(answer.data) == done["file"]["bytes"]
    assert answer.content_type == done["file"]["media_type"]
    return bytes(answer.data)


def everything(api: Api, path: str) -> list[dict[str, Any]]:
    """All of a list, page by page, oldest first."""
    rows: list[dict[str, Any]] = []
    cursor = ""
    while cursor is not None:
        page = api.get(f"{path}{'&' if '?' in path else '?'}limit=3{cursor and f'&cursor={cursor}'}").json
        rows += page["data"]
        cursor = page["next_cursor"]
    return sorted(rows, key=lambda row: row["id"])


def of_csv(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def of_xlsx(content: bytes) -> list[dict[str, Any]]:
    rows = openpyxl.load_workbook(io.BytesIO(content), read_only=True).active.iter_rows(values_only=True)
    headings = next(rows)
    return [dict(zip(headings, row, strict=True)) for row in rows]


@on_both
def test_a_file_holds_what_the_list_shows_in_both_forms_for_the_same_filter(books: Books) -> None:
    api = books.api
    api.login()
    lines = [
        line
        for row in everything(api, "/v1/settlements")
        for line in everything(api, f"/v1/settlements/{row['id']}/lines")
    ]
    asked: dict[str, tuple[list[dict[str, Any]], dict[str, Any]]] = {
        "settlement_lines": (lines, {}),
        **{
            kind: (everything(api, f"/v1/{kind}"), {})
            for kind in ("settlements", "balance_entries", "payouts", "payments", "refunds", "disputes")
        },
    }
    assert {*asked, "certificates"} == KINDS.keys()  # a certificate is a document, not rows
    for kind, (shown, body) in asked.items():
        assert shown, kind
        as_csv, as_xlsx = (made(books, kind, format, **body) for format in ("csv", "xlsx"))
        agree(shown, of_csv(as_csv), of_xlsx(as_xlsx))
    one = everything(api, "/v1/settlements")[0]["id"]
    content = made(books, "settlement_lines", "csv", filter={"settlement": one})
    headers = {"Authorization": f"Bearer {api.token}", "Accept": "text/csv"}
    assert content == api.client.get(f"/v1/settlements/{one}/lines", headers=headers).data
    of_day = everything(api, "/v1/payments?created_from=2026-11-27&amount_min=70000")
    content = made(books, "payments", "csv", filter={"amount_min": 70_000}, **{"from": "2026-11-27"})
    assert [row["id"] for row in of_csv(content)] == [row["id"] for row in of_day]
    assert len(of_day) == 1


def agree(shown: list[dict[str, Any]], as_csv: list[dict[str, str]], as_xlsx: list[dict[str, Any]]) -> None:
    assert len(shown) == len(as_csv) == len(as_xlsx)
    for row, cells, numbers in zip(shown, as_csv, as_xlsx, strict=True):
        for name, cell in cells.items():
            wanted = row[name]
            if isinstance(wanted, int):
                assert cell == str(wanted)
                money = numbers.get(f"{name} (CNY)")
                found = numbers[name] if money is None else int(Decimal(str(money)) * 100)
                assert found == wanted
                continue
            assert cell.removeprefix("'") == (wanted or "")
            assert not cell.startswith(("=", "+", "-", "@"))
            # Text, also what looks like a formula or a number; an amount may be null.
            assert numbers.get(name, numbers.get(f"{name} (CNY)")) == (wanted or None)


def test_a_long_list_is_whole_and_in_order(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.exports.kinds.ROWS_AT_ONCE", 2)
    monkeypatch.setattr("gateway.exports.tables.PIECE", 2)
    books.api.login()
    shown = everything(books.api, "/v1/payments")
    assert [row["id"] for row in of_csv(made(books, "payments", "csv"))] == [row["id"] for row in shown]
    assert len(of_xlsx(made(books, "payments", "xlsx"))) == len(shown)


def checked(program: list[str], content: bytes, folder: Path) -> str:
    path = folder / "own.journal"
    path.write_bytes(content)
    done = subprocess.run([*program, str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@on_both
def test_the_merchants_own_books_are_proved_by_other_programs(books: Books, tmp_path: Path) -> None:
    api = books.api
    api.login()
    balance = api.get("/v1/balance").json
    for days in (DAYS, {"from": "2026-11-25", "to": "2026-12-31"}):
        journal = made(books, "balance_entries", "hledger", **days)
        asserted = dict(
            line.split("  0.00 CNY = ") for line in journal.decode().splitlines() if " = " in line
        )
        stands = {name.strip().rpartition(":")[2]: amount for name, amount in asserted.items()}
        for name in ("pending", "available", "in_dispute"):
            assert stands.get(name, "0.00 CNY") == f"{balance[name] / 100:.2f} CNY"
        if program := shutil.which("hledger"):
            checked([program, "check", "--strict", "-f"], journal, tmp_path)
        beancount = made(books, "balance_entries", "beancount", **days)
        checked([str(Path(sys.executable).parent / "bean-check")], beancount, tmp_path)


def test_vouchers_balance_each_and_take_the_merchants_own_codes(books: Books) -> None:
    api = books.api
    api.login()
    accounts = {"sales": {"code": "6001", "name": "=主营业务收入"}}
    changed = api.client.patch(
        "/v1/voucher_accounts",
        json={"accounts": accounts},
        headers={"Authorization": f"Bearer {api.token}"},
    )
    assert changed.json["accounts"]["sales"] == accounts["sales"]
    assert changed.json["accounts"]["bank"] == {"code": "1002", "name": "银行存款"}
    assert api.get("/v1/voucher_accounts").json == changed.json
    rows = list(
        csv.DictReader(io.StringIO(made(books, "balance_entries", "vouchers", **DAYS).decode("gb18030")))
    )
    vouchers: dict[tuple[str, str], Decimal] = {}
    for row in rows:
        key = (row["日期"][:7], row["凭证号"])
        sides = [Decimal(row[name] or 0) for name in ("借方金额", "贷方金额")]
        assert [side > 0 for side in sides].count(True) == 1
        vouchers[key] = vouchers.get(key, Decimal()) + sides[0] - sides[1]
    assert set(vouchers.values()) == {Decimal()}
    assert [int(number) for month, number in vouchers if month == "2026-11"] == [
        *range(1, len([1 for month, _ in vouchers if month == "2026-11"]) + 1)
    ]
    assert {row["科目名称"] for row in rows if row["科目编码"] == "6001"} == {"'=主营业务收入"}


@on_both
def test_a_statement_for_banks_is_read_by_our_own_reconciliation(books: Books) -> None:
    api = books.api
    api.login()
    content = made(books, "payouts", "camt.053", **DAYS)
    opened = sheet.opened(content)
    assert opened.form == "camt.053"
    columns = {
        "reference": "reference",
        "amount": "amount",
        "sign": "sign",
        "date": "date",
        "status": "status",
    }
    heading = Headings(1, tuple(str(name) for name in next(iter(opened.rows()))[1]))
    found = [one.amount_fen for one in Reader(opened, heading, columns).movements()]
    paid = [row["amount"] for row in everything(api, "/v1/payouts") if row["status"] == "paid"]
    assert sorted(found) == sorted(paid)
    upload = api.client.post(
        "/v1/reconciliations",
        data={"kind": "bank_statement", "file": (io.BytesIO(content), "bank.xml")},
        headers={"Authorization": f"Bearer {api.token}", "Idempotency-Key": "bank"},
    ).json
    api.post(f"/v1/reconciliations/{upload['id']}/confirm", {"columns": {**columns, "memo": "memo"}})
    drain(books.gateway)
    done = api.get(f"/v1/reconciliations/{upload['id']}").json
    assert done["status"] == "completed", done
    assert done["counts"]["matched"] == len(paid)
    claims = made(books, "balance_entries", "camt.053", **DAYS).decode()
    balance = api.get("/v1/balance").json
    owed = balance["pending"] + balance["available"] + balance["reserve"] + balance["in_dispute"]
    closing = f'<Amt Ccy="CNY">{abs(owed - balance["receivable"]) / 100:.2f}</Amt>'
    assert closing in claims.partition("CLBD")[2].partition("</Bal>")[0]
    moved = Reader(sheet.opened(claims.encode()), heading, columns).movements()
    assert sum(one.amount_fen for one in moved) == owed - balance["receivable"]


def test_what_makes_no_sense_together_is_refused_with_what_does(api: Api) -> None:
    api.login()
    for body, param, words in (
        ({"kind": "payments", "format": "camt.053"}, "format", "balance_entries or payouts"),
        ({"kind": "payouts", "format": "hledger", **DAYS}, "format", "csv or xlsx or camt.053"),
        ({"kind": "payouts", "format": "docx"}, "format", "Must be one of"),
        ({"kind": "payouts", "format": "camt.053", "from": "2026-11-01"}, "to", "last day"),
        ({"kind": "payouts", "format": "csv", "filter": {"store": "x"}}, "filter.store", "no filter"),
        (
            {"kind": "refunds", "format": "csv", "filter": {"settlement": "x"}},
            "filter.settlement",
            "reference",
        ),
        ({"kind": "payouts", "format": "csv", "from": "2026-12-01", "to": "2026-11-01"}, "to", "before"),
        ({"kind": "payouts", "format": "csv", "unknown": 1}, "unknown", "Unknown field"),
    ):
        told = problem(api.post("/v1/exports", body))
        assert (told["code"], told["errors"][0]["param"]) == ("validation_failed", param), told
        assert words in told["errors"][0]["detail"]
    assert api.get("/v1/exports").json["data"] == []


@on_both
def test_the_same_request_is_one_job_which_expires_and_goes(app, api: Api, clock) -> None:
    gateway = app.extensions["fenqi"]
    api.login()
    body = {"kind": "payments", "format": "csv"}
    first = api.post("/v1/exports", body, key="once")
    assert api.post("/v1/exports", body, key="once").data == first.data
    path = f"/v1/exports/{first.json['id']}"
    assert problem(api.get(f"{path}/file"))["code"] == "wrong_state"
    drain(gateway)
    assert [row["id"] for row in api.get("/v1/exports?status=completed").json["data"]] == [first.json["id"]]
    content = api.get(f"{path}/file").data
    assert api.get(f"{path}/file").data == content
    clock.advance(days=6)
    api.login()
    assert retention.sweep(gateway) is not None
    assert api.get(f"{path}/file").data == content
    clock.advance(days=1)
    api.login()
    told = problem(api.get(f"{path}/file"))
    assert told["code"] == "wrong_state"
    assert "create the export again" in told["detail"]
    retention.sweep(gateway)
    with gateway.db.read() as tx:
        assert tx.connection().execute(text("SELECT count(*) FROM export_file_part")).scalar() == 0
    assert api.get(path).json["status"] == "expired"


@pytest.mark.parametrize(("format", "kind"), [("hledger", "balance_entries"), ("csv", "payments")])
def test_days_that_no_calendar_reaches_are_refused_and_not_tried_five_times(
    api: Api, format: str, kind: str
) -> None:
    for days, name in (({"from": "0001-01-01"}, "from"), ({"to": "9999-12-31"}, "to")):
        body = {"kind": kind, "format": format, "from": "2026-01-01", "to": "2026-12-31", **days}
        told = problem(api.post("/v1/exports", body))
        assert (told["status"], told["param"]) == (422, name)
        assert "1990 to 2099" in told["detail"]


def test_an_export_is_given_up_and_a_loop_fills_no_disk(app, api: Api) -> None:
    gateway = app.extensions["fenqi"]
    api.login()
    ids = []
    for number in range(MOST_KEPT):
        made = api.post("/v1/exports", {"kind": "payouts", "format": "csv"}, key=f"many-{number}")
        if made.status_code == 429:
            app.extensions["fenqi"].counter.__init__(lambda: 0.0)
            made = api.post("/v1/exports", {"kind": "payouts", "format": "csv"}, key=f"many-{number}")
        ids.append(made.json["id"])
    told = problem(api.post("/v1/exports", {"kind": "payouts", "format": "csv"}, key="one more"))
    assert told["code"] == "wrong_state"
    assert ids[0] in told["detail"]
    gone = api.client.delete(f"/v1/exports/{ids[0]}", headers={"Authorization": f"Bearer {api.token}"})
    assert gone.json["status"] == "expired"
    drain(gateway)
    assert api.get(f"/v1/exports/{ids[0]}").json["status"] == "expired"
    assert api.post("/v1/exports", {"kind": "payouts", "format": "csv"}, key="one more").status_code == 201


@on_both
def test_a_worker_that_dies_in_the_middle_leaves_nothing_and_doubles_nothing(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        """The process is gone."""

    api, gateway = books.api, books.gateway
    api.login()
    whole = made(books, "balance_entries", "csv")
    created = api.post("/v1/exports", {"kind": "balance_entries", "format": "csv"}).json
    monkeypatch.setattr("gateway.exports.files.PART_BYTES", 100)
    monkeypatch.setattr("gateway.exports.files.PIECE", 300)

    def die(*_: Any) -> None:
        raise Killed

    with monkeypatch.context() as dying:
        dying.setattr(running, "_complete", die)
        with pytest.raises(Killed):
            drain(gateway)
    assert parts_of(gateway, created["id"]) > 1
    assert api.get(f"/v1/exports/{created['id']}").json["file"] is None
    books.clock.now += timedelta(seconds=90)  # the lease of the one that died ends
    drain(gateway)
    done = api.get(f"/v1/exports/{created['id']}").json
    assert done["status"] == "completed"
    assert api.get(f"/v1/exports/{created['id']}/file").data == whole


def parts_of(gateway: Any, export_id: str) -> int:
    with gateway.db.read() as tx:
        query = text("SELECT count(*) FROM export_file_part WHERE export_id = :id")
        return int(tx.connection().execute(query, {"id": export_id}).scalar_one())


def test_too_many_lines_are_refused_with_what_to_do(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "MOST_LINES", 3)
    books.api.login()
    created = books.post("/v1/exports", {"kind": "payments", "format": "csv"}).json
    drain(books.gateway)
    done = books.api.get(f"/v1/exports/{created['id']}").json
    assert (done["status"], done["file"]) == ("failed", None)
    assert "fewer days" in done["error"]


def test_statements_for_banks_are_valid_by_the_schema_of_iso(books: Books) -> None:
    books.api.login()
    schema = xmlschema.XMLSchema(Path(__file__).with_name("camt.053.001.08.xsd"))
    for kind in ("payouts", "balance_entries"):
        schema.validate(made(books, kind, "camt.053", **DAYS).decode())
