"""More that must hold, told from facts: days and windows, what is sent back, the order of webhooks, the chain itself.

Every function gets rows as plain dictionaries and shares no code with the gateway, as in ``model``.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import timedelta
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from tests.gateway.loans.oracle import half_up
from tests.simulator.accounts import LINE_SIGNS
from tests.simulator.model import (
    RUNNING,
    Row,
    Tables,
    Wrong,
    day,
    document,
    grouped,
    in_shanghai,
    moment,
)
from tests.simulator.shops import Call

if TYPE_CHECKING:
    from tests.simulator.simulation import Simulation

TRIED_FOR = timedelta(days=5)
WINDOW_DAYS = 7
HELD_BACK = 3
"""So many failures of an event let later ones of its object go before it."""


def check(sim: Simulation, tables: Tables, *, final: bool) -> Wrong:
    """What does not hold of what always must or, with ``final``, of what holds when all is calm."""
    if final:
        yield from worth_of_lines(
            sim.rows(
                "SELECT id, items, merchant_discount_fen, government_subsidy, down_payment_fen, payment_id"
                " FROM checkout"
            ),
            sim,
        )
        yield from chained(sim.rows("SELECT * FROM ledger_block ORDER BY number"))
        yield from keys_of_others(sim)
        return
    yield from told_before_silence(sim)
    yield from in_time(tables)
    yield from given_back(tables)
    yield from collected(tables)
    yield from due_again(tables)
    yield from positions(tables)
    yield from delivered(tables, sim.rows("SELECT * FROM webhook_attempt ORDER BY created_at, id"))


def told_before_silence(sim: Simulation) -> Wrong:
    """Silence releases a claimed stage only when its message has left, and days have passed since."""
    rows = sim.rows("SELECT * FROM milestone_event ORDER BY id")
    told = {row["milestone_id"]: row for row in rows if row["kind"] == "told"}
    left = {
        row["about"]
        for row in sim.rows("SELECT * FROM message WHERE kind = 'stage_claimed' AND status = 'sent'")
    }
    for row in rows:
        if row["said_by"] != "silence":
            continue
        known = told.get(row["milestone_id"])
        if known is None or row["milestone_id"] not in left:
            yield "told_before_silence", f"{row['milestone_id']} is released and its shopper was not told"
        elif moment(row["created_at"]) < moment(known["created_at"]) + timedelta(days=WINDOW_DAYS):
            yield "told_before_silence", f"{row['milestone_id']} is released before its window is over"


def in_time(tables: Tables) -> Wrong:
    """Nothing is captured when its time is over, and what the shop has acknowledged is not voided for want of it."""
    payments = {row["id"]: row for row in tables["payment"]}
    for row in tables["capture"]:
        until = payments[row["payment_id"]]["extended_to"] or payments[row["payment_id"]]["expires_at"]
        if moment(row["captured_at"]) >= moment(until):
            yield "not_after_its_time", f"{row['id']} was captured at {row['captured_at']}, after {until}"
    for row in tables["payment"]:
        if row["extended_to"] is not None and row["acknowledged_at"] is None:
            yield "extended_is_acknowledged", f"{row['id']} is extended and not acknowledged"
        if row["extended_to"] is not None and moment(row["extended_to"]) <= moment(row["expires_at"]):
            yield "extended_is_later", f"{row['id']} is extended to {row['extended_to']}, which is not later"
    for row in tables["event"]:
        if row["type"] == "payment.voided" and document(row["data"]).get("reason") == "unacknowledged":
            known = payments[row["object_id"]]["acknowledged_at"]
            if known is not None and moment(known) < moment(row["created_at"]):
                yield "acknowledged_is_kept", f"{row['object_id']} was acknowledged and is voided"


def given_back(tables: Tables) -> Wrong:
    """A loan that has ended keeps nothing of the shopper; of each capture the fee comes back in proportion, once."""
    for row in tables["loan"]:
        if row["status"] not in RUNNING and row["credit_fen"]:
            yield (
                "nothing_kept",
                f"{row['id']} is {row['status']} and keeps {row['credit_fen']} fen of the shopper",
            )
    fees: Counter[str] = Counter()
    for row in tables["settlement_line"]:
        if row["kind"] == "refund":
            fees[row["capture_id"]] += row["merchant_fee_fen"]
    for row in tables["capture"]:
        right = half_up(Fraction(row["merchant_fee_fen"] * row["refunded_with_fee_fen"], row["amount_fen"]))
        if fees[row["id"]] != right:
            yield "fee_comes_back", f"{row['id']}: {fees[row['id']]} fen of its fee came back, not {right}"


def collected(tables: Tables) -> Wrong:
    """A bill is tried one attempt after the other; a first one counts from its due date."""
    due = {(row["loan_id"], row["period"]): day(row["due_date"]) for row in tables["loan_bill"]}
    receipts = {row["reference"]: row for row in tables["loan_repayment"]}
    for bill, rows in grouped(tables["collection"], "loan_id", "period").items():
        before: Row | None = None
        for row in sorted(rows, key=lambda row: row["attempt"]):
            if before is not None and (
                before["decided_at"] is None or moment(before["decided_at"]) > moment(row["created_at"])
            ):
                yield "collected_once", f"{row['id']} of {bill} was instructed beside {before['id']}"
            before = row
            if row["status"] == "succeeded" and row["attempt"] == 1 and row["id"] in receipts:
                right = min(due[bill], in_shanghai(row["created_at"]))
                said = day(receipts[row["id"]]["received_on"])
                if said != right:
                    yield "received_when_due", f"{row['id']} counts from {said}, not from {right}"


def due_again(tables: Tables) -> Wrong:
    """A payout that did not arrive is due again, once; a reserve is due when it was agreed."""
    lines = grouped(tables["settlement_line"], "kind")
    back = grouped(lines["payout_returned"], "object_id")
    for row in tables["payout"]:
        amounts = [line["amount_fen"] for line in back[row["id"]]]
        if amounts != ([row["amount_fen"]] if row["status"] in ("failed", "returned") else []):
            yield "payout_due_again", f"{row['id']} is {row['status']}, and {amounts} is due again"
    batches = {row["id"]: row for row in tables["settlement_batch"]}
    days = {row["id"]: row["reserve_days"] or 0 for row in tables["merchant"]}
    for row in lines["reserve_release"]:
        batch = batches[row["object_id"]]
        right = day(batch["settled_on"]) + timedelta(days=days[batch["merchant_id"]])
        if day(row["settlement_date"]) != right:
            yield (
                "reserve_kept",
                f"the reserve of {batch['id']} is due on {row['settlement_date']}, not on {right}",
            )


def positions(tables: Tables) -> Wrong:
    """What the books owe a merchant beside pending claims is the last batch's rest and what came since."""
    entries = {row["id"]: row for row in tables["ledger_entry"]}
    said: Counter[tuple[str, str]] = Counter()
    for row in tables["ledger_posting"]:
        if row["account_id"].split(":")[1] in ("merchant_available", "merchant_receivable"):
            entry = entries[row["entry_id"]]
            said[entry["merchant_id"], entry["mode"]] -= row["amount"]
    right: Counter[tuple[str, str]] = Counter()
    for place, batches in grouped(tables["settlement_batch"], "merchant_id", "mode").items():
        right[place] += max(batches, key=lambda row: (moment(row["created_at"]), row["id"]))["closing_fen"]
    for row in tables["settlement_line"]:
        if row["batch_id"] is None and row["kind"] != "reserve_release":
            amount = LINE_SIGNS[row["kind"]] * (row["net_fen"] - row["from_pending_fen"])
            right[row["merchant_id"], row["mode"]] += amount
    for place in said.keys() | right.keys():
        if said[place] != right[place]:
            yield (
                "books_say_what_is_due",
                f"{place} is due {said[place]} by the books, {right[place]} by its lines",
            )


def delivered(tables: Tables, attempts: list[Row]) -> Wrong:
    """Delivered is what was answered well; given up is what was tried for days; each object's events go in order."""
    of_delivery: dict[str, list[Row]] = defaultdict(list)
    for row in attempts:
        of_delivery[row["delivery_id"]].append(row)
    for row in tables["webhook_delivery"]:
        tries = of_delivery[row["id"]]
        if row["status"] == "succeeded" and not (tries and 200 <= (tries[-1]["response_status"] or 0) < 300):
            yield (
                "webhook_answered",
                f"{row['id']} counts as delivered: {[t['response_status'] for t in tries]}",
            )
        if (
            row["status"] == "failed"
            and moment(row["next_at"]) <= moment(row["first_attempt_at"]) + TRIED_FOR
        ):
            yield "webhook_tried_again", f"{row['id']} was given up after {row['attempts']} attempts"
    queues = grouped(
        [row for row in tables["webhook_delivery"] if row["cause"] == "event"], "endpoint_id", "object_id"
    )
    for rows in queues.values():
        yield from _in_order(sorted(rows, key=lambda row: row["sequence"]), of_delivery)


def _in_order(rows: list[Row], attempts: dict[str, list[Row]]) -> Wrong:
    for before, after in pairwise(rows):
        tries = attempts[before["id"]]
        if not attempts[after["id"]] or before["status"] == "canceled":
            continue
        well = [moment(each["created_at"]) for each in tries if 200 <= (each["response_status"] or 0) < 300]
        bad = [
            moment(each["created_at"]) for each in tries if not 200 <= (each["response_status"] or 0) < 300
        ]
        free = min([*well[:1], *bad[HELD_BACK - 1 : HELD_BACK]], default=None)
        first = moment(attempts[after["id"]][0]["created_at"])
        if free is None or first < free:
            yield (
                "webhooks_in_order",
                f"{after['id']} of {after['object_id']} left at {first}, before {before['id']}",
            )


def worth_of_lines(checkouts: list[Row], sim: Simulation) -> Wrong:
    """Each line of an order is worth its price less its share of what is taken off; a subsidy is the first line's."""
    lines = grouped(sim.rows("SELECT payment_id, line, amount_fen FROM payment_line"), "payment_id")
    for row in checkouts:
        if row["payment_id"] is None:
            continue
        prices = [item["quantity"] * item["unit_price"] for item in document(row["items"])]
        net = [
            price - part
            for price, part in zip(prices, _shares(row["merchant_discount_fen"], prices), strict=True)
        ]
        net[0] -= (document(row["government_subsidy"]) or {"amount": 0})["amount"]
        right = [price - part for price, part in zip(net, _shares(row["down_payment_fen"], net), strict=True)]
        said = [
            each["amount_fen"] for each in sorted(lines[row["payment_id"]], key=lambda each: each["line"])
        ]
        if said != right:
            yield "worth_of_lines", f"the lines of {row['payment_id']} are worth {said}, not {right}"


def _shares(total: int, weights: list[int]) -> list[int]:
    whole = sum(weights)
    exact = [Fraction(total * weight, whole) for weight in weights]
    parts = [int(each) for each in exact]
    order = sorted(range(len(weights)), key=lambda n: (parts[n] - exact[n], n))
    for index in order[: total - sum(parts)]:
        parts[index] += 1
    return parts


def chained(blocks: list[Row]) -> Wrong:
    """Each block's hash covers what it states, the block before it included: worked out here, in plain text."""
    for row in blocks:
        made = moment(row["created_at"]).isoformat(timespec="microseconds")
        stated = [row[name] for name in ("number", "first_position", "last_position", "entries")]
        text = " ".join(map(str, (*stated, row["content_sha256"], row["previous_hash"], made)))
        if hashlib.sha256(text.encode()).hexdigest() != row["hash"]:
            yield (
                "chain_covers_the_one_before",
                f"the hash of block {row['number']} is not that of what it states",
            )


def keys_of_others(sim: Simulation) -> Wrong:
    """Whoever uses another's key, path and body gets an answer of its own."""
    last = [call for call in sim.shops.calls.values() if call.about[0] == "order" and call.acknowledged][-1:]
    for call in last:
        for shop, other in _others(sim, call):
            copied = Call(
                shop, call.method, call.path, call.body, call.key, ("copied", ""), sim.world.clock.now
            )
            kept = sim.shops.calls[call.key]
            sim.shops.write(copied, note=False)
            sim.shops.calls[call.key] = kept
            if copied.acknowledged and copied.json["id"] == call.json["id"]:
                yield "tenants_apart", f"{other} got the answer of {call.key}, which is another's"


def _others(sim: Simulation, call: Call) -> Iterator[tuple[int, Any]]:
    mine = sim.shops.tenant(call.shop)
    for shop, tenant in enumerate(sim.world.tenants):
        if tenant.mode == mine.mode and tenant.merchant_id != mine.merchant_id:
            yield shop, tenant
