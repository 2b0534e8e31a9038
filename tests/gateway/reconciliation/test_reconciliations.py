"""A merchant uploads a file, confirms its columns, and works off what does not agree."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from sqlalchemy import text
from sqlmodel import select

from gateway.core.tenant import Tenant
from gateway.data_requests import retention
from gateway.outbox import service as outbox
from gateway.outbox.models import OutboxItem
from gateway.process.worker import drain
from gateway.reconciliation import running, service
from gateway.reconciliation.models import ReconciliationFilePart, ReconciliationItem
from gateway.reconciliation.running import OF_THE_FILE
from tests.gateway.conftest import Api, problem
from tests.one_database import database_url, on_both  # noqa: F401

PATH = "/v1/reconciliations"
COLUMNS = {"reference": "订单号", "amount": "金额", "date": "日期", "status": "状态", "memo": "备注"}


def upload(api: Api, content: bytes, key: str | None = None, name: str = "订单.csv", **form: Any):
    fields = {"kind": "shop_orders", **form, "file": (io.BytesIO(content), name)}
    return api.client.post(
        PATH,
        data=fields,
        headers={
            "Authorization": f"Bearer {api.token}",
            "Idempotency-Key": key or f"upload-{next(api._numbers)}",
        },
    )


@on_both
def test_a_file_that_was_deleted_before_it_was_compared_can_be_uploaded_again(app, api: Api, clock) -> None:
    content = shop_file("A-1,59.00,2026-11-23,已支付,")
    first = upload(api, content).json
    assert problem(upload(api, content))["code"] == "file_already_uploaded"
    clock.advance(days=61)
    api.login()
    retention.sweep(app.extensions["fenqi"])
    assert problem(api.post(f"{PATH}/{first['id']}/confirm", {"columns": COLUMNS}))["code"] == "wrong_state"
    again = upload(api, content)
    assert (again.status_code, again.json["id"], again.json["status"]) == (201, first["id"], "mapping")
    assert again.json["file"]["deleted_at"] is None
    retention.sweep(app.extensions["fenqi"])
    assert problem(upload(api, content))["reconciliation"] == first["id"]
    api.post(f"{PATH}/{first['id']}/confirm", {"columns": COLUMNS})
    drain(app.extensions["fenqi"])
    assert api.get(f"{PATH}/{first['id']}").json["status"] == "completed"


def shop_file(*rows: str) -> bytes:
    return "\n".join(["订单号,金额,日期,状态,备注", *rows]).encode("gb18030")


@on_both
def test_a_shops_file_is_compared_worked_off_and_downloaded_with_its_verdicts(app, api: Api, clock) -> None:
    gateway = app.extensions["fenqi"]
    first, second = api.captured(), api.captured(amount=300_000)
    third = api.captured()
    api.post("/v1/refunds", {"payment": second["id"], "reason": "return", "kind": "return"})
    content = shop_file(
        f"`{first['merchant_reference']},5999.00,2026-11-23,已支付,=HYPERLINK(1)",
        f"{second['merchant_reference']},3000.00,20261123,已退款,",
        f"{first['merchant_reference']},5999.00,2026-11-23,已支付,",
        f'{third["id"]},"6,001.00",2026/11/23,已支付,',
        "unknown-1,20000.00,2026-11-23,已支付,",
        "合计,40999.00,,,",
    )
    created = upload(api, content, key="first")
    assert created.status_code == 201, created.text
    row = created.json
    assert (row["status"], row["columns"], row["columns_from"]) == ("mapping", COLUMNS, "guessed")
    again = upload(api, content, key="first")
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.data == created.data
    told = problem(upload(api, content))
    assert (told["code"], told["reconciliation"]) == ("file_already_uploaded", row["id"])

    path = f"{PATH}/{row['id']}"
    assert problem(api.get(f"{path}/items"))["code"] == "wrong_state"
    wrong = problem(api.post(f"{path}/confirm", {"columns": {**COLUMNS, "amount": "价格"}}))
    assert (wrong["code"], wrong["column"], wrong["row"]) == ("file_unreadable", "价格", 1)
    started = api.post(f"{path}/confirm", {"columns": COLUMNS})
    assert started.json["status"] == "running"
    assert problem(api.post(f"{path}/confirm", {"columns": COLUMNS}))["code"] == "wrong_state"
    drain(gateway)
    done = api.get(path).json
    assert (done["status"], done["progress"], done["file"]["rows"]) == ("completed", 100, 5)
    assert done["counts"] == {
        "matched": 2, "amount_differs": 1, "missing_here": 1, "missing_there": 0, "duplicate": 1,
        "status_differs": 0, "fee_differs": 0, "ignored": 0,
    }  # fmt: skip
    (event,) = api.get("/v1/events?type=reconciliation.completed").json["data"]
    shown = {name: value for name, value in done.items() if name not in OF_THE_FILE}
    shown["file"] = {name: value for name, value in done["file"].items() if name != "headings"}
    assert event["data"] == shown
    assert [one["id"] for one in api.get(f"{PATH}?status=completed&kind=shop_orders").json["data"]] == [
        row["id"]
    ]
    work_off(gateway, api, path)
    download(gateway, api, path)
    upload_next(gateway, api, path, clock)


def work_off(gateway, api: Api, path: str) -> None:
    page = api.get(f"{path}/items?limit=2").json
    rest = api.get(f"{path}/items?limit=2&cursor={page['next_cursor']}").json
    shown: list[Any] = [*page["data"], *rest["data"]]
    duplicate, differs, missing = shown
    assert (duplicate["line"], duplicate["verdict"]) == (4, "duplicate")
    assert duplicate["suggestion"] == {"code": "repeats_line", "line": 2, "ours": None}
    assert (differs["line"], differs["difference"], differs["ours"]["amount"]) == (5, 200, 599_900)
    assert (missing["line"], missing["theirs"], missing["ours"]) == (6, {"amount": 2_000_000}, None)
    assert missing["needs_second_person"]
    assert [one["line"] for one in api.get(f"{path}/items?status=missing_here").json["data"]] == [6]

    ids = [duplicate["id"], differs["id"]]
    nobody = problem(api.post(f"{path}/resolve", {"items": [*ids, "rei_unknown"], "note": "x"}))
    assert nobody["code"] == "not_found"
    solved = api.post(f"{path}/resolve", {"items": ids, "note": "已与店铺核对"}).json["items"]
    assert [one["resolved"]["confirmed"] for one in solved] == [True, True]
    assert problem(api.post(f"{path}/items/{ids[0]}/resolve", {"note": "x"}))["code"] == "wrong_state"
    proposed = api.post(f"{path}/items/{missing['id']}/resolve", {"note": "-线下订单"}).json
    assert proposed["resolved"]["confirmed"] is False
    assert problem(api.post(f"{path}/items/{missing['id']}/resolve", {"note": "x"}))["code"] == (
        "second_person_required"
    )
    assert [one["line"] for one in api.get(f"{path}/items?resolved=false").json["data"]] == [6]
    tenant = Tenant(api.credentials["merchant"], "test")
    gateway.db.write(
        lambda tx: service.resolve(
            tx,
            tenant,
            path.rpartition("/")[2],
            [missing["id"]],
            note="-线下订单",
            actor="mem_2",
            four_eyes_fen=1,
        )
    )


def download(gateway, api: Api, path: str) -> None:
    file = api.get(f"{path}/items", Accept="text/csv")
    lines = list(csv.reader(io.StringIO(file.data.decode("utf-8-sig"))))
    assert lines[0] == ["订单号", "金额", "日期", "状态", "备注", "verdict", "ours", "ours_amount", "difference",
                        "suggestion", "resolved_by", "note"]  # fmt: skip
    assert [line[5] if len(line) > 5 else "" for line in lines[1:]] == [
        "matched", "matched", "duplicate", "amount_differs", "missing_here", ""
    ]  # fmt: skip
    assert lines[1][4] == "'=HYPERLINK(1)"
    assert lines[5][-2:] == ["mem_2", "'-线下订单"]
    with gateway.db.read() as tx:
        actions = [
            one for (one,) in tx.execute(text("SELECT action FROM audit_entry")) if "reconciliation" in one
        ]
    assert sorted(set(actions)) == [
        "confirm_reconciliation",
        "create_reconciliation",
        "resolve_reconciliation_item",
        "resolve_reconciliation_items",
    ]


def upload_next(gateway, api: Api, path: str, clock) -> None:
    """A file with the same headings is compared at once; the first one's bytes are deleted after some weeks."""
    next_one = upload(api, shop_file("zz,1.00,2026-11-23,已支付,"), memo_contains="分期").json
    assert (next_one["status"], next_one["columns_from"]) == ("running", "remembered")
    drain(gateway)
    failed = api.get(f"{PATH}/{next_one['id']}").json
    assert failed["status"] == "failed"
    assert "No row contains" in failed["errors"][0]["detail"]
    clock.advance(days=61)
    retention.sweep(gateway)
    api.login()
    with gateway.db.read() as tx:
        assert list(tx.exec(select(ReconciliationFilePart))) == []
    assert problem(api.get(f"{path}/items", Accept="text/csv"))["code"] == "wrong_state"
    assert len(api.get(f"{path}/items").json["data"]) == 3


def test_a_file_with_errors_names_each_and_is_compared_once_it_can_be(app, api: Api) -> None:
    gateway = app.extensions["fenqi"]
    content = shop_file("A,x,2026-11-23,已支付,", "1.23E+17,1.00,05/11/2026,已支付,")
    row = upload(api, content).json
    path = f"{PATH}/{row['id']}"
    api.post(f"{path}/confirm", {"columns": COLUMNS, "tolerance": 5, "window_days": 9, "memo_contains": "y"})
    drain(gateway)
    failed = api.get(path).json
    assert failed["status"] == "failed"
    assert (failed["tolerance"], failed["window_days"], failed["memo_contains"]) == (5, 9, "y")
    assert [(one["row"], one["column"]) for one in failed["errors"]] == [
        (2, "金额"),
        (3, "订单号"),
        (3, "日期"),
    ]
    assert problem(api.get(f"{path}/items"))["code"] == "wrong_state"
    assert "1.23E+17" not in api.get("/v1/events?type=reconciliation.failed").text
    assert len(api.get("/v1/events?type=reconciliation.failed").json["data"]) == 1
    assert api.post(f"{path}/confirm", {"columns": COLUMNS}).json["status"] == "running"


@pytest.mark.parametrize(
    ("content", "form", "code"),
    [
        (b"", {}, "file_unreadable"),
        (b"PK\x03\x04", {}, "file_unreadable"),
        (b"order,amount,date\n1,2,3\n", {"kind": "wish"}, "validation_failed"),
        (b"order,amount,date\n1,2,3\n", {"tolerance": "1.5"}, "validation_failed"),
        (b"order,amount,date\n1,2,3\n", {"name": "11010519491231002X.csv"}, "validation_failed"),
        (b"order,amount,date\n1,2,3\n", {"surprise": "1"}, "validation_failed"),
    ],
)  # fmt: skip
def test_a_bad_upload_is_refused_and_nothing_is_kept(
    app, api: Api, content: bytes, form: dict, code: str
) -> None:
    name = form.pop("name", "a.csv")
    assert problem(upload(api, content, name=name, **form))["code"] == code
    assert api.get(PATH).json["data"] == []


def test_another_body_than_a_form_is_refused(api: Api) -> None:
    assert problem(api.post(PATH, {"kind": "shop_orders"}))["code"] == "unsupported_media_type"
    assert problem(upload(api, b"x" * (33 * 1024 * 1024)))["code"] == "payload_too_large"


@on_both
def test_a_job_that_is_killed_doubles_nothing_and_a_lost_one_writes_nothing_more(
    app, api: Api, monkeypatch
) -> None:
    gateway = app.extensions["fenqi"]
    monkeypatch.setattr(running, "BATCH", 2)
    row = upload(api, shop_file(*(f"none-{number},1.00,2026-11-23,已支付," for number in range(7)))).json
    path = f"{PATH}/{row['id']}"
    api.post(f"{path}/confirm", {"columns": COLUMNS})
    [item] = outbox.claim(gateway.db, [service.TOPIC], limit=1)
    write, writes = running.Run.write, 0

    def killed(run, act):
        nonlocal writes
        writes += 1
        if writes == 4:
            raise KeyboardInterrupt
        write(run, act)

    monkeypatch.setattr(running.Run, "write", killed)
    with pytest.raises(KeyboardInterrupt):
        running.carry_out(gateway, item)
    monkeypatch.setattr(running.Run, "write", write)
    with gateway.db.read() as tx:
        assert 0 < len(list(tx.exec(select(ReconciliationItem)))) < 7
    assert api.get(path).json["status"] == "running"
    late = OutboxItem(**item.model_dump())
    item.attempts += 1
    running.carry_out(gateway, item)
    assert api.get(path).json["counts"]["missing_here"] == 7
    assert len(api.get(f"{path}/items?limit=100").json["data"]) == 7
    running.carry_out(gateway, late)  # which has slept meanwhile, and finds it done
    assert len(api.get(f"{path}/items?limit=100").json["data"]) == 7


def test_a_worker_that_lost_its_row_stops(app, api: Api) -> None:
    gateway = app.extensions["fenqi"]
    row = upload(api, shop_file("none,1.00,2026-11-23,已支付,")).json
    api.post(f"{PATH}/{row['id']}/confirm", {"columns": COLUMNS})
    [item] = outbox.claim(gateway.db, [service.TOPIC], limit=1)
    run = running._begun(gateway, item)
    other = OutboxItem(**{**item.model_dump(), "attempts": 2})
    running._begun(gateway, other)
    with pytest.raises(outbox.LeaseLost):
        run.write(lambda tx, row: None)


def test_a_banks_statement_is_matched_to_payouts_by_reference_amount_and_day(app, api: Api, books) -> None:
    api.captured()
    books.pass_days(1)
    api.login()
    api.captured(amount=200_000)
    books.pass_days(3)
    api.login()
    [later, earlier] = api.get("/v1/payouts").json["data"]
    assert {later["status"], earlier["status"]} == {"paid"}
    lines = [
        "记账日期,摘要,借方金额,贷方金额",
        f"2026-11-25,分期打款 {earlier['id']},,{earlier['amount'] / 100:.2f}",
        f"2026-11-27,分期打款,,{later['amount'] / 100:.2f}",
        "2026-11-27,分期打款,,77.00",
        "2026-11-27,房租,500.00,",
    ]
    row = upload(
        api, "\n".join(lines).encode("gb18030"), kind="bank_statement", name="流水.csv", memo_contains="分期"
    ).json
    assert row["window_days"] == 5
    api.post(f"{PATH}/{row['id']}/confirm", {"columns": row["columns"]})
    while drain(app.extensions["fenqi"]):
        pass
    done = api.get(f"{PATH}/{row['id']}").json
    assert done["status"] == "completed", done
    counts = {name: count for name, count in done["counts"].items() if count}
    assert counts == {"matched": 2, "missing_here": 1, "ignored": 1}


def test_a_stranger_sees_nothing_and_the_same_file_is_no_repetition_of_another_merchants(
    new_merchant,
) -> None:
    api, other = new_merchant(), new_merchant()
    content = shop_file("A,1.00,2026-11-23,已支付,")
    row = upload(api, content).json
    assert upload(other, content).status_code == 201
    for path in (f"{PATH}/{row['id']}", f"{PATH}/{row['id']}/items"):
        assert problem(other.get(path))["code"] == "not_found"
    for path, body in (("confirm", {"columns": COLUMNS}), ("resolve", {"items": ["a"], "note": "x"})):
        assert problem(other.post(f"{PATH}/{row['id']}/{path}", body))["code"] == "not_found"
    assert [one["id"] for one in api.get(PATH).json["data"]] == [row["id"]]
