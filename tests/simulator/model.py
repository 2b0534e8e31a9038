"""The independent model: what the facts in the tables say, worked out anew with whole numbers and fractions.

It shares no code with the gateway, and gets rows as plain dictionaries. What a loan's receipts pay is told by the
oracle of ``tests/gateway/loans``, which is independent as well.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any

from tests.gateway.loans.oracle import PARTS, Oracle, amortised, half_up, month_after, split, whole

Row = dict[str, Any]
Tables = dict[str, list[Row]]
Wrong = Iterator[tuple[str, str]]
SHANGHAI = timedelta(hours=8)
RUNNING = ("active", "overdue")
CONSENTS = {"credit_service", "bureau_query", "funder_sharing", "disclosure"}


def day(value: Any) -> date:
    return date.fromisoformat(value) if isinstance(value, str) else value


def moment(value: Any) -> datetime:
    found = datetime.fromisoformat(value) if isinstance(value, str) else value
    return found.astimezone(UTC)


def document(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


def in_shanghai(value: Any) -> date:
    return (moment(value) + SHANGHAI).date()


def grouped(rows: list[Row], *names: str) -> dict[Any, list[Row]]:
    found: dict[Any, list[Row]] = defaultdict(list)
    for row in rows:
        found[tuple(row[name] for name in names) if len(names) > 1 else row[names[0]]].append(row)
    return found


def payments(tables: Tables) -> Wrong:
    """Every payment is the sum of its parts, has one approval and one contract, and no capture is cut short."""
    captures, refunds = grouped(tables["capture"], "payment_id"), grouped(tables["refund"], "payment_id")
    contracts, checkouts = grouped(tables["contract"], "payment_id"), grouped(tables["checkout"], "id")
    approvals = {row["checkout_id"] for row in tables["credit_decision"] if row["outcome"] == "approve"}
    for row in tables["payment"]:
        name, mine = row["id"], captures[row["id"]]
        (checkout,) = checkouts[row["checkout_id"]]
        parts = row["captured_fen"] + row["voided_fen"] + row["expired_fen"]
        sums = {
            "captured": (row["captured_fen"], sum(each["amount_fen"] for each in mine)),
            "refunded": (row["refunded_fen"], sum(each["refunded_fen"] for each in mine)),
            "refunds": (row["refunded_fen"], sum(each["amount_fen"] for each in refunds[name])),
            "financed": (row["amount_fen"], checkout["amount_fen"] - checkout["down_payment_fen"]),
            "contracts": (1, len(contracts[name])),
            "owner": ((row["merchant_id"], row["mode"]), (checkout["merchant_id"], checkout["mode"])),
            "checkout": ((name, "approved"), (checkout["payment_id"], checkout["status"])),
            "shopper": (row["shopper_id"], checkout["shopper_id"]),
        }
        for what, (said, right) in sums.items():
            if said != right:
                yield "payment_adds_up", f"{name} {what}: {said}, not {right}"
        if not 0 <= parts <= row["amount_fen"] or min(row["voided_fen"], row["expired_fen"]) < 0:
            yield "payment_adds_up", f"{name}: {parts} of {row['amount_fen']} captured, voided or expired"
        if checkout["id"] not in approvals:
            yield "approved_before_paid", f"{name} was never approved"
        for capture in mine:
            if not 0 <= capture["refunded_fen"] <= capture["amount_fen"]:
                yield "payment_adds_up", f"{capture['id']}: {capture['refunded_fen']} refunded"


def refunds(tables: Tables) -> Wrong:
    """A refund lowers the loan or goes to the shopper, and all of it does one or the other."""
    sent: Counter[str] = Counter()
    for row in tables["shopper_return"]:
        if row["refund_id"]:
            sent[row["refund_id"]] += row["amount_fen"]
    for row in tables["refund"]:
        back = row["loan_reduction_fen"] + row["to_shopper_fen"]
        if row["kind"] != "unwind" and back != row["amount_fen"] and not _unwound(row, tables):
            yield "refund_adds_up", f"{row['id']} of {row['amount_fen']} gives back {back}"
        if sent[row["id"]] < row["to_shopper_fen"]:
            yield (
                "refund_adds_up",
                f"{row['id']} owes the shopper {row['to_shopper_fen']}, {sent[row['id']]} is sent",
            )


def _unwound(refund: Row, tables: Tables) -> bool:
    """Whether part of a refund has become an unwinding, which gives back more than what was refunded."""
    return any(
        loan["payment_id"] == refund["payment_id"] and loan["status"] == "unwound" for loan in tables["loan"]
    )


def captures(tables: Tables) -> Wrong:
    """Fee, VAT, subsidy and the first schedule of every capture, as differences of what is captured in all."""
    of_payment = grouped(tables["capture"], "payment_id")
    loans = {row["id"]: row for row in tables["loan"]}
    rows = grouped(tables["loan_instalment"], "loan_id", "version")
    for payment in tables["payment"]:
        price, before = document(payment["price"]), 0
        # A capture's place among the others is that of its loan's identifier: they are made one after the other.
        for capture in sorted(of_payment[payment["id"]], key=lambda row: row["id"]):
            after, loan = before + capture["amount_fen"], loans[capture["loan_id"]]
            fee, subsidy = (
                half_up(after * Fraction(price[rate])) - half_up(before * Fraction(price[rate]))
                for rate in ("merchant_fee_rate", "merchant_subsidy_rate")
            )
            said = (capture["merchant_fee_fen"], capture["vat_fen"], capture["merchant_subsidy_fen"])
            if said != (fee, half_up(Fraction(fee * 6, 106)), subsidy):
                yield (
                    "capture_charges",
                    f"{capture['id']} has fee, VAT, subsidy {said}, not {fee}, .., {subsidy}",
                )
            start = in_shanghai(capture["captured_at"])
            if (day(loan["contract_date"]), loan["principal_fen"]) != (start, capture["amount_fen"]):
                yield (
                    "capture_schedule",
                    f"{loan['id']} begins {loan['contract_date']}, {loan['principal_fen']} fen",
                )
            yield from _first_schedule(loan, price, before, after, start, rows[loan["id"], 1])
            before = after


def _first_schedule(loan: Row, price: Row, before: int, after: int, start: date, rows: list[Row]) -> Wrong:
    right = whole(after, price, start)
    old = (
        whole(before, price, start)
        if before
        else [dict.fromkeys(("principal", "interest", "fee"), 0)] * len(right)
    )
    found = sorted(rows, key=lambda row: row["period"])
    if len(found) != len(right):
        yield "capture_schedule", f"{loan['id']} has {len(found)} rows, not {len(right)}"
        return
    left = after - before
    for row, want, less in zip(found, right, old, strict=True):
        parts = [want[part] - less[part] for part in ("principal", "interest", "fee")]
        said = [row["principal_fen"], row["interest_fen"], row["fee_fen"]]
        left -= parts[0]
        if said != parts or day(row["due_date"]) != want["due"] or row["balance_fen"] != left:
            yield (
                "capture_schedule",
                f"{loan['id']} period {row['period']}: {said} on {row['due_date']}, not {parts}",
            )


def schedules(tables: Tables) -> Wrong:
    """What is still to come of a loan that was lowered is amortised anew; what is billed is a row of its schedule."""
    rows, bills = (
        grouped(tables["loan_instalment"], "loan_id", "version"),
        grouped(tables["loan_bill"], "loan_id"),
    )
    versions = grouped(tables["loan_instalment"], "loan_id", "period")
    for loan in tables["loan"]:
        name, billed = loan["id"], loan["billed_periods"]
        coming = to_come(rows, loan, loan["schedule_version"])
        base = to_come(rows, loan, loan["base_version"])
        after, at_base = (sum(row["principal_fen"] for row in some) for some in (coming, base))
        if loan["status"] in RUNNING and loan["schedule_version"] > loan["base_version"] and after:
            fee = half_up(Fraction(sum(row["fee_fen"] for row in base) * after, at_base))
            right = amortised(after, document(loan["price"]), len(base))
            wanted = [(p, i, f) for (p, i), f in zip(right, split(fee, len(base)), strict=True)]
            if [(row["principal_fen"], row["interest_fen"], row["fee_fen"]) for row in coming] != wanted:
                yield "lowered_schedule", f"{name} version {loan['schedule_version']} is not {wanted}"
        for bill in bills[name]:
            early = loan["settlement_reference"] is not None and bill["period"] == max(
                each["period"] for each in bills[name]
            )
            said = (bill["principal_fen"], bill["interest_fen"], bill["fee_fen"])
            known = {
                (row["principal_fen"], row["interest_fen"], row["fee_fen"])
                for row in versions[name, bill["period"]]
            }
            due = month_after(day(loan["contract_date"]), bill["period"])
            if early:
                yield from _settled_early(loan, bill, rows)
            elif said not in known or day(bill["due_date"]) != due:
                yield "bill_is_its_row", f"{name} period {bill['period']}: {said} on {bill['due_date']}"
        if sorted(bill["period"] for bill in bills[name])[:billed] != list(range(1, len(bills[name]) + 1)):
            yield (
                "bill_is_its_row",
                f"{name} has bills {[bill['period'] for bill in bills[name]]}, billed {billed}",
            )


def to_come(rows: dict[Any, list[Row]], loan: Row, version: int) -> list[Row]:
    found = [row for row in rows[loan["id"], version] if row["period"] > loan["billed_periods"]]
    return sorted(found, key=lambda row: row["period"])


def _settled_early(loan: Row, bill: Row, rows: dict[Any, list[Row]]) -> Wrong:
    """The last bill: principal still to come, and of the running period the interest by days and the fee."""
    rest = [row for row in rows[loan["id"], loan["schedule_version"]] if row["period"] >= bill["period"]]
    if not rest:
        return
    running = min(rest, key=lambda row: row["period"])
    start, end = (month_after(day(loan["contract_date"]), bill["period"] - more) for more in (1, 0))
    elapsed = (day(bill["due_date"]) - start).days
    right = (
        sum(row["principal_fen"] for row in rest),
        half_up(Fraction(running["interest_fen"] * elapsed, (end - start).days)),
        running["fee_fen"] if elapsed else 0,
    )
    said = (bill["principal_fen"], bill["interest_fen"], bill["fee_fen"])
    if said != right:
        yield "settled_early", f"{loan['id']}: {said}, not {right}"


def standings(tables: Tables, todays: dict[tuple[str, str], date]) -> Wrong:
    """What is paid, late and owed back of each loan follows from its facts alone."""
    bills, receipts = grouped(tables["loan_bill"], "loan_id"), grouped(tables["loan_repayment"], "loan_id")
    changes = grouped(tables["loan_credit_change"], "loan_id")
    taken = grouped(tables["loan_principal_reduction"], "loan_id")
    rows = grouped(tables["loan_instalment"], "loan_id", "version")
    for loan in tables["loan"]:
        if loan["status"] in ("unwound", "written_off"):
            continue
        name = loan["id"]
        oracle = Oracle()
        told: Row = {
            "bills": {
                bill["period"]: oracle.new_bill(
                    day(bill["due_date"]), bill["principal_fen"], bill["interest_fen"], bill["fee_fen"]
                )
                for bill in bills[name]
            },
            "rows": [
                {"principal": row["principal_fen"], "interest": row["interest_fen"], "fee": row["fee_fen"]}
                for row in to_come(rows, loan, loan["schedule_version"])
            ],
            "money": [(day(row["received_on"]), row["amount_fen"]) for row in receipts[name]]
            + [(day(row["changed_on"]), row["amount_fen"]) for row in changes[name]],
            "taken": [
                (day(row["reduced_on"]), row["period"], row["amount_fen"], bool(row["waives_late"]))
                for row in taken[name]
            ],
            "waived_on": day(loan["charges_waived_on"]) if loan["charges_waived_on"] else None,
            "credit": 0, "status": "active", "earned": defaultdict(int),
        }  # fmt: skip
        oracle.restate(told, todays[loan["merchant_id"], loan["mode"]])
        if told["credit"] != loan["credit_fen"]:
            yield "standing", f"{name} owes the shopper {loan['credit_fen']}, not {told['credit']}"
        for bill in bills[name]:
            right = told["bills"][bill["period"]]
            said = {part: bill[f"paid_{part}_fen"] for part in PARTS}
            if said != right["paid"] or bill["returned_fen"] != right["taken"]:
                yield "standing", f"{name} period {bill['period']} paid {said}, not {right['paid']}"
            if bill["late_fen"] != right["late"] - right["gone"]["late"]:
                yield (
                    "standing",
                    f"{name} period {bill['period']} late {bill['late_fen']}, not {right['late']}",
                )
        if loan["status"] in RUNNING and loan["status"] != told["status"]:
            yield "standing", f"{name} is {loan['status']}, not {told['status']}"


def decisions(tables: Tables) -> Wrong:
    """Nobody is scored, asked about or lent to without the consents."""
    given = grouped(tables["consent"], "checkout_id")
    for row in tables["decision_request"]:
        kinds = {
            each["kind"] for each in given[row["checkout_id"]] if each["shopper_id"] == row["shopper_id"]
        }
        if not kinds >= CONSENTS:
            yield "consent_before_score", f"{row['id']} has the consents {sorted(kinds)}"
    for checkout in tables["checkout"]:
        if checkout["confirmed_at"] and not {e["kind"] for e in given[checkout["id"]]} >= CONSENTS:
            yield "consent_before_score", f"{checkout['id']} is confirmed without consents"


def events(tables: Tables) -> Wrong:
    """The events of each object are numbered without a gap, and each merchant's along one line."""
    for name, rows in grouped(tables["event"], "object_id").items():
        found = sorted(row["sequence"] for row in rows)
        if found != list(range(1, len(found) + 1)):
            yield "event_sequence", f"{name} has the events {found}"
    for tenant, rows in grouped(tables["event"], "merchant_id", "mode").items():
        if len({row["position"] for row in rows}) != len(rows):
            yield "event_sequence", f"two events of {tenant} have one position"


def too_early(tables: Tables, nows: dict[tuple[str, str], datetime]) -> Wrong:
    """Nothing happens before its time."""
    for row in tables["checkout"]:
        if row["status"] == "expired" and moment(row["expires_at"]) > nows[row["merchant_id"], row["mode"]]:
            yield "not_before_its_time", f"{row['id']} is expired before {row['expires_at']}"
    for row in tables["payment"]:
        ends = row["extended_to"] or row["expires_at"]
        if row["expired_fen"] and moment(ends) > nows[row["merchant_id"], row["mode"]]:
            yield "not_before_its_time", f"{row['id']} lapsed before {ends}"
    owners = {row["id"]: (row["merchant_id"], row["mode"]) for row in tables["loan"]}
    for row in tables["loan_bill"]:
        if day(row["due_date"]) > in_shanghai(nows[owners[row["loan_id"]]]):
            yield (
                "not_before_its_time",
                f"{row['loan_id']} period {row['period']} is billed before {row['due_date']}",
            )
    billed = {(row["loan_id"], row["period"]) for row in tables["loan_bill"]}
    for row in tables["collection"]:
        if (row["loan_id"], row["period"]) not in billed:
            yield "not_before_its_time", f"{row['id']} collects what is not billed"
