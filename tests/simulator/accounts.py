"""The independent model of accounts: limits, settlement, the books, and the money that has moved outside."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction

from tests.gateway.loans.oracle import half_up
from tests.simulator.model import RUNNING, Row, Tables, Wrong, day, grouped, in_shanghai, moment, to_come

LINE_SIGNS = {"capture": 1, "refund": -1, "subsidy": 1, "subsidy_return": -1, "dispute": -1, "dispute_won": 1,
              "payout_returned": 1, "invoice_payment": 1, "reserve_release": 1, "stage_held": -1, "stage_released": 1,
              "stage_returned": 1}  # fmt: skip
CAPTURED = ("capture", "stage_held", "stage_released", "stage_returned")


def limits(tables: Tables) -> Wrong:
    """What is held of each limit is what is authorised and what is owed; and no approval went above it."""
    held: Counter[tuple[str, str]] = Counter()
    for row in tables["payment"]:
        left = row["amount_fen"] - row["captured_fen"] - row["voided_fen"] - row["expired_fen"]
        held[row["shopper_id"], row["funder"]] += left
    rows, bills = (
        grouped(tables["loan_instalment"], "loan_id", "version"),
        grouped(tables["loan_bill"], "loan_id"),
    )
    for loan in tables["loan"]:
        owed = 0
        if loan["status"] == "written_off":
            owed = max(0, loan["written_off_fen"] - loan["recovered_fen"])
        elif loan["status"] in RUNNING:
            owed = sum(row["principal_fen"] for row in to_come(rows, loan, loan["schedule_version"]))
            owed += sum(
                bill["principal_fen"] - bill["returned_fen"] - bill["paid_principal_fen"]
                for bill in bills[loan["id"]]
            )
        held[loan["shopper_id"], loan["funder"]] += owed
    moved = grouped(tables["limit_movement"], "limit_id")
    for limit in tables["credit_limit"]:
        right = held.pop((limit["shopper_id"], limit["funder"]), 0)
        if limit["held_fen"] != right:
            yield "limit_held", f"{limit['id']} holds {limit['held_fen']}, not {right}"
        granted = level = 0
        for row in sorted(moved[limit["id"]], key=lambda row: row["id"]):
            granted = row["amount_fen"] if row["reason"] == "granted" else granted
            level += row["amount_fen"] if row["reason"] != "granted" else 0
            if row["reason"] == "authorized" and level > granted:
                yield "limit_not_oversold", f"{limit['id']} holds {level} of {granted} with {row['about']}"
        changes = sum(row["amount_fen"] for row in moved[limit["id"]] if row["reason"] != "granted")
        if changes != limit["held_fen"]:
            yield "limit_held", f"{limit['id']} moved by {changes}, holds {limit['held_fen']}"
    for (shopper, _), amount in held.items():
        if amount:
            yield "limit_held", f"{shopper} owes {amount} without a limit"


def settlements(tables: Tables) -> Wrong:
    """Every capture and refund is one line; a batch is its lines, pays out what is positive, and carries the rest."""
    lines = grouped(tables["settlement_line"], "batch_id")
    kinds = grouped(tables["settlement_line"], "kind")
    payouts = grouped(tables["payout"], "settlement_id")
    reserves = {row["id"]: row["reserve_rate"] or "0" for row in tables["merchant"]}
    of_capture = {row["object_id"]: row for row in kinds["capture"]}
    if len(of_capture) != len(kinds["capture"]) or set(of_capture) != {
        row["id"] for row in tables["capture"]
    }:
        yield "settlement_lines", "the lines are not one for each capture"
    for row in tables["capture"]:
        line = of_capture.get(row["id"])
        said = line and (line["amount_fen"], line["merchant_fee_fen"], line["merchant_subsidy_fen"])
        if said != (row["amount_fen"], row["merchant_fee_fen"], row["merchant_subsidy_fen"]):
            yield "settlement_lines", f"{row['id']} is settled with {said}"
        if line and day(line["settlement_date"]) <= in_shanghai(row["captured_at"]):
            yield "settlement_day", f"{row['id']} is settled on {line['settlement_date']}, too early"
    returned = Counter(row["object_id"].partition(":")[0] for row in kinds["refund"] for _ in [0])
    amounts: Counter[str] = Counter()
    for row in kinds["refund"]:
        amounts[row["object_id"].partition(":")[0]] += row["amount_fen"]
    for row in tables["refund"]:
        if row["initiated_by"] != "dispute" and amounts[row["id"]] != row["amount_fen"]:
            yield "settlement_lines", f"{row['id']} of {row['amount_fen']} has {returned[row['id']]} lines"
    for tenant, batches in grouped(tables["settlement_batch"], "merchant_id", "mode").items():
        opening = 0
        for batch in sorted(batches, key=lambda row: (moment(row["created_at"]), row["id"])):
            yield from _batch(batch, lines[batch["id"]], payouts[batch["id"]], opening, reserves[tenant[0]])
            opening = batch["closing_fen"]


def _batch(batch: Row, lines: list[Row], payouts: list[Row], opening: int, reserve: str) -> Wrong:
    position = opening + sum(LINE_SIGNS[row["kind"]] * row["net_fen"] for row in lines)
    moved = sum(LINE_SIGNS[row["kind"]] * row["from_pending_fen"] for row in lines)
    captured = sum(LINE_SIGNS[row["kind"]] * row["net_fen"] for row in lines if row["kind"] in CAPTURED)
    position -= max(0, min(half_up(max(0, captured) * Fraction(reserve)), moved, position))
    said = (batch["opening_fen"], batch["payout_fen"], batch["closing_fen"])
    right = (opening, max(0, position), min(0, position))
    if said != right:
        yield "settlement_adds_up", f"{batch['id']} says opening, payout, closing {said}, not {right}"
    if [row["amount_fen"] for row in payouts] != ([right[1]] if right[1] else []):
        yield (
            "settlement_adds_up",
            f"{batch['id']} of {right[1]} has payouts {[row['amount_fen'] for row in payouts]}",
        )
    for row in lines:
        if day(row["settlement_date"]) > day(batch["settled_on"]) or row["mode"] != batch["mode"]:
            yield (
                "settlement_day",
                f"{row['id']} of {row['settlement_date']} is in the batch of {batch['settled_on']}",
            )
        if row["merchant_id"] != batch["merchant_id"]:
            yield "tenants_apart", f"{row['id']} is in a batch of another merchant"


def books(tables: Tables) -> Wrong:
    """The ledger says what the tables say of principal, of what is due to merchants, and of money on its way."""
    balances: Counter[tuple[str, str, str]] = Counter()
    entries = {row["id"]: row for row in tables["ledger_entry"]}
    sums: Counter[str] = Counter()
    for row in tables["ledger_posting"]:
        entry = entries[row["entry_id"]]
        kind = row["account_id"].split(":")[1]
        balances[entry["merchant_id"], entry["mode"], kind] += row["amount"]
        sums[row["entry_id"]] += row["amount"]
    for name, total in sums.items():
        if total:
            yield "books_balance", f"{name} is off by {total}"
    right: Counter[tuple[str, str, str]] = Counter()
    rows, bills = (
        grouped(tables["loan_instalment"], "loan_id", "version"),
        grouped(tables["loan_bill"], "loan_id"),
    )
    for loan in tables["loan"]:
        place = (loan["merchant_id"], loan["mode"])
        right[*place, "shopper_credit"] -= loan["credit_fen"]
        if loan["status"] in RUNNING:
            coming = sum(row["principal_fen"] for row in to_come(rows, loan, loan["schedule_version"]))
            mine = bills[loan["id"]]
            right[*place, "loan_principal"] += coming + sum(
                row["principal_fen"] - row["returned_fen"] - row["paid_principal_fen"] for row in mine
            )
            for part, name in (("interest", "interest"), ("fee", "fee"), ("late", "late_interest")):
                waived = 0 if part == "late" else sum(row[f"waived_{part}_fen"] for row in mine)
                owed = sum(row[f"{part}_fen"] - row[f"paid_{part}_fen"] for row in mine) - waived
                right[*place, f"{name}_receivable"] += owed
    for row in tables["payout"]:
        if row["status"] == "pending":
            right[row["merchant_id"], row["mode"], "payout_in_transit"] -= row["amount_fen"]
    right.subtract(_pending(tables))
    kinds = ("shopper_credit", "loan_principal", "interest_receivable", "fee_receivable", "late_interest_receivable",
             "payout_in_transit", "merchant_pending")  # fmt: skip
    for account in balances.keys() | right.keys():
        if account[2] in kinds and balances[account] != right[account]:
            yield "books_say_what_is", f"{account} stands at {balances[account]}, not {right[account]}"


def _pending(tables: Tables) -> Counter[tuple[str, str, str]]:
    """What is due to merchants and in no batch yet: open lines, and what subsidy programmes owe."""
    due: Counter[tuple[str, str, str]] = Counter()
    for row in tables["subsidy_claim"]:
        if row["paid_at"] is None:
            due[row["merchant_id"], row["mode"], "merchant_pending"] += (
                row["amount_fen"] - row["returned_fen"]
            )
    for row in tables["settlement_line"]:
        if row["batch_id"] is None:
            amount = LINE_SIGNS[row["kind"]] * row["from_pending_fen"]
            due[row["merchant_id"], row["mode"], "merchant_pending"] += amount
    return due


def moved_outside(tables: Tables) -> Counter[tuple[str, str, str, int]]:
    """The money that the tables say has moved: by mode, movement, whose, and how much."""
    moved: Counter[tuple[str, str, str, int]] = Counter()
    shoppers = {row["id"]: row["shopper_id"] for row in tables["loan"]}
    for row in tables["collection"]:
        if row["status"] == "succeeded":
            moved[row["mode"], "collection", shoppers[row["loan_id"]], row["amount_fen"]] += 1
    for row in tables["shopper_return"]:
        if row["status"] == "succeeded":
            moved[row["mode"], "refund", row["shopper_id"], row["amount_fen"]] += 1
    for row in tables["payout"]:
        if row["status"] in ("paid", "returned"):
            moved[row["mode"], "payout", row["merchant_id"], row["amount_fen"]] += 1
    return moved
