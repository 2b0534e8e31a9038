"""The model of time: windows, deadlines and days, and the hashes that hold the order of what was written."""

from __future__ import annotations

import hashlib
import json
from datetime import date, timedelta
from functools import cache
from typing import Any

import chinese_calendar  # type: ignore[import-untyped]

from tests.simulator.model import (
    RUNNING,
    SHANGHAI,
    Row,
    Tables,
    Wrong,
    day,
    document,
    grouped,
    in_shanghai,
    moment,
)

RETURN_DAYS = 7
AUTHORISED_DAYS = 28
WRITE_OFF_DAYS = 180
TRIED_AGAIN = (1, 3, 7, 14, 30)
CUTOFF_HOUR = 23
FREE_DAYS = ((1, 1), (5, 1), (5, 2), (5, 3), (10, 1), (10, 2), (10, 3))


@cache
def is_working_day(on: date) -> bool:
    """The official calendar where it is published, else Monday to Friday but for holidays that are always on a day."""
    try:
        return bool(chinese_calendar.is_workday(on))
    except NotImplementedError:
        return on.weekday() < 5 and (on.month, on.day) not in FREE_DAYS


def returns(tables: Tables) -> Wrong:
    """A capture that is refunded whole within 7 days of receipt is unwound, and no other."""
    loans = {row["capture_id"]: row for row in tables["loan"]}
    disputed = {row["capture_id"] for row in tables["dispute"] if row["status"] in ("lost", "accepted")}
    created = {row["id"]: in_shanghai(row["created_at"]) for row in tables["refund"]}
    last: dict[str, str] = {}
    for line in sorted(tables["settlement_line"], key=lambda row: row["id"]):
        if line["kind"] == "refund":
            last[line["capture_id"]] = line["object_id"].partition(":")[0]
    for capture in tables["capture"]:
        loan = loans[capture["id"]]
        whole = capture["refunded_fen"] == capture["amount_fen"]
        if loan["status"] == "unwound" and not whole:
            yield "return_window", f"{loan['id']} is unwound and {capture['refunded_fen']} fen are refunded"
        if not whole or capture["id"] not in last or capture["id"] in disputed:
            continue
        received = (document(capture["delivery"]) or {}).get("delivered_at")
        begins = max(moment(capture["captured_at"]), moment(received or capture["captured_at"]))
        inside = created[last[capture["id"]]] <= in_shanghai(begins) + timedelta(days=RETURN_DAYS)
        if loan["status"] != "written_off" and (loan["status"] == "unwound") != inside:
            yield (
                "return_window",
                f"{loan['id']} is {loan['status']}: received {begins}, returned {created[last[capture['id']]]}",
            )


def deadlines(tables: Tables, todays: dict[tuple[str, str], date], *, calm: bool) -> Wrong:
    """Authorisations, attempts to collect, and write-offs have their days."""
    for row in tables["payment"]:
        life = moment(row["expires_at"]) - moment(row["created_at"])
        if life != timedelta(days=AUTHORISED_DAYS):
            yield "deadline", f"{row['id']} is authorised for {life}"
        if row["voided_fen"] and row["acknowledged_at"] is None and row["captured_fen"]:
            yield "deadline", f"{row['id']} is captured and not acknowledged"
    due = {(row["loan_id"], row["period"]): day(row["due_date"]) for row in tables["loan_bill"]}
    for row in tables["collection"]:
        if row["attempt"] > 1 and (row["loan_id"], row["period"]) in due:
            passed = (in_shanghai(row["created_at"]) - due[row["loan_id"], row["period"]]).days
            if passed < TRIED_AGAIN[row["attempt"] - 2]:
                yield "deadline", f"{row['id']} is attempt {row['attempt']} after {passed} days"
    bills = grouped(tables["loan_bill"], "loan_id")
    for loan in tables["loan"]:
        unpaid = [day(row["due_date"]) for row in bills[loan["id"]] if row["paid_on"] is None]
        late = (todays[loan["merchant_id"], loan["mode"]] - min(unpaid)).days if unpaid else 0
        if loan["status"] == "written_off" and loan["ended_on"] is not None and unpaid:
            late = (day(loan["ended_on"]) - min(unpaid)).days
            if late <= WRITE_OFF_DAYS:
                yield "deadline", f"{loan['id']} is written off after {late} days"
        elif calm and loan["status"] in RUNNING and late > WRITE_OFF_DAYS:
            yield "deadline", f"{loan['id']} is {loan['status']} after {late} days"


def settlement_days(tables: Tables) -> Wrong:
    """A capture is settled on the first working day after its business day, which ends at the cutoff."""
    lines = {row["object_id"]: row for row in tables["settlement_line"] if row["kind"] == "capture"}
    for row in tables["capture"]:
        local = moment(row["captured_at"]) + SHANGHAI
        settled = local.date() + timedelta(days=2 if local.hour >= CUTOFF_HOUR else 1)
        while not is_working_day(settled):
            settled += timedelta(days=1)
        if row["id"] in lines and day(lines[row["id"]]["settlement_date"]) != settled:
            yield (
                "settlement_day",
                f"{row['id']} is settled on {lines[row['id']]['settlement_date']}, not {settled}",
            )
    for row in tables["settlement_batch"]:
        if not is_working_day(day(row["settled_on"])):
            yield "settlement_day", f"{row['id']} closed on {row['settled_on']}, a day without banking"


def audit_chain(tables: Tables) -> Wrong:
    """Every entry of the audit log holds the hash of the one before, and hashes to its own."""
    before = "0" * 64
    for number, row in enumerate(sorted(tables["audit_entry"], key=lambda row: row["number"]), start=1):
        if row["number"] != number or row["previous_hash"] != before or row["hash"] != _hash(row):
            yield "audit_chain", f"entry {row['number']} does not follow"
        before = row["hash"]


def _hash(row: Row) -> str:
    content: dict[str, Any] = {name: value for name, value in row.items() if name != "hash"}
    content["at"] = moment(row["at"]).isoformat(timespec="microseconds")
    content["facts"] = document(row["facts"])
    text = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
