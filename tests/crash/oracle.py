"""What must hold after every crash, asked of the database and of what the shops wrote down.

It shares no code with the product: SQL, sums and comparisons only.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Any

from tests.crash.traffic import Answered, Journal

Rows = Callable[[str], list[dict[str, Any]]]


def books_balance(rows: Rows) -> list[str]:
    """I1: debits are credits in every entry, and every entry is closed by its seal."""
    wrong = rows(
        "SELECT entry_id, SUM(amount) AS off FROM ledger_posting GROUP BY entry_id HAVING SUM(amount) <> 0"
    )
    found = [f"entry {row['entry_id']} is off by {row['off']} fen" for row in wrong]
    entries = {row["id"] for row in rows("SELECT id FROM ledger_entry")}
    seals = {row["entry_id"]: row for row in rows("SELECT entry_id, lines, gross FROM ledger_seal")}
    sums = rows(
        "SELECT entry_id, COUNT(*) AS lines, SUM(CASE WHEN amount > 0 THEN amount ELSE 0 END) AS gross"
        " FROM ledger_posting GROUP BY entry_id"
    )
    found += [f"entry {entry} has no seal" for entry in entries ^ seals.keys()]
    for row in sums:
        seal = seals.get(row["entry_id"], {})
        if (seal.get("lines"), seal.get("gross")) != (row["lines"], row["gross"]):
            found.append(f"entry {row['entry_id']} differs from its seal")
    return found


def nothing_lost_nothing_doubled(rows: Rows, journal: Journal) -> tuple[list[str], list[str]]:
    """I2 and I3: what was acknowledged is there, once, as it was acknowledged, and nothing else is."""
    lost: list[str] = []
    doubled: list[str] = []
    merchants = ", ".join(f"'{name}'" for name in {one.merchant for one in journal.answered})
    kinds: dict[str, list[Answered]] = defaultdict(list)
    for one in journal.answered:
        if one.status in (200, 201):
            kinds[one.kind].append(one)

    def compare(what: str, acknowledged: dict[Any, Any], query: str, key: tuple[str, ...]) -> None:
        kept = Counter((*(row[name] for name in key),) for row in rows(query.format(merchants=merchants)))
        for wanted in acknowledged:
            if not kept[wanted]:
                lost.append(f"{what} {wanted} was acknowledged and is not there")
        for have, times in kept.items():
            if times > 1 or have not in acknowledged:
                doubled.append(f"{what} {have} is there {times} times, {have in acknowledged}")

    compare(
        "checkout",
        {
            (one.json["id"], one.body["merchant_reference"], one.body["amount"]): 1
            for one in kinds["checkout"]
        },
        "SELECT id, merchant_reference, amount_fen FROM checkout WHERE merchant_id IN ({merchants})",
        ("id", "merchant_reference", "amount_fen"),
    )
    compare(
        "payment",
        {(one.json["payment"], one.json["id"]): 1 for one in kinds["complete"] if one.json.get("payment")},
        "SELECT id, checkout_id FROM payment WHERE merchant_id IN ({merchants})",
        ("id", "checkout_id"),
    )
    compare(
        "capture",
        {(one.path.split("/")[3], one.body["amount"]): 1 for one in kinds["capture"]},
        "SELECT payment_id, amount_fen FROM capture JOIN payment ON payment.id = payment_id"
        " WHERE merchant_id IN ({merchants})".replace("amount_fen FROM", "capture.amount_fen FROM"),
        ("payment_id", "amount_fen"),
    )
    compare(
        "refund",
        {(one.json["id"], one.body["payment"], one.body["amount"]): 1 for one in kinds["refund"]},
        "SELECT id, payment_id, amount_fen FROM refund WHERE merchant_id IN ({merchants})",
        ("id", "payment_id", "amount_fen"),
    )
    compare(
        "receipt",
        {(one.path.split("/")[4], one.body["reference"], one.body["amount"]): 1 for one in kinds["receipt"]},
        "SELECT loan_id, reference, loan_repayment.amount_fen FROM loan_repayment JOIN loan ON loan.id = loan_id"
        " WHERE merchant_id IN ({merchants})",
        ("loan_id", "reference", "amount_fen"),
    )
    voided = {row["id"]: row["voided_fen"] for row in rows("SELECT id, voided_fen FROM payment")}
    for one in kinds["void"]:
        if not voided.get(one.path.split("/")[3]):
            lost.append(f"void of {one.path}")
    return lost, doubled


def sums_agree(rows: Rows) -> list[str]:
    """What a payment says it captured and refunded is the sum of its captures and refunds."""
    found = []
    parts = {
        "captured_fen": "SELECT payment_id AS id, SUM(amount_fen) AS fen FROM capture GROUP BY payment_id",
        "refunded_fen": "SELECT payment_id AS id, SUM(amount_fen) AS fen FROM refund GROUP BY payment_id",
    }
    for column, query in parts.items():
        sums = {row["id"]: row["fen"] for row in rows(query)}
        for row in rows(f"SELECT id, {column} AS fen FROM payment"):
            if row["fen"] != sums.get(row["id"], 0):
                found.append(
                    f"payment {row['id']}: {column} is {row['fen']}, its parts {sums.get(row['id'], 0)}"
                )
    return found


def events_whole(rows: Rows, seen: dict[str, list[dict[str, Any]]], received: set[str]) -> list[str]:
    """I4: sequences without gaps, a reader who saw each event once and in order, nothing told that is not there.

    Every event is delivered or still waiting to be.
    """
    found = []
    sequences = defaultdict(list)
    order = defaultdict(list)
    for row in rows("SELECT id, merchant_id, object_id, sequence, position FROM event ORDER BY position"):
        sequences[row["object_id"]].append(row["sequence"])
        order[row["merchant_id"]].append(row["id"])
    for thing, numbers in sequences.items():
        if sorted(numbers) != list(range(1, len(numbers) + 1)):
            found.append(f"the events of {thing} are numbered {sorted(numbers)}")
    for merchant, events in seen.items():
        if [event["id"] for event in events] != order[merchant]:
            found.append(f"{merchant} read {len(events)} events, {len(order[merchant])} are there")
    known = {one for events in order.values() for one in events}
    found += [f"{one} was delivered and is not there" for one in received - known]
    query = "SELECT DISTINCT event_id FROM webhook_delivery WHERE status = 'pending'"
    waiting = {row["event_id"] for row in rows(query)}
    told = {row["event_id"] for row in rows("SELECT DISTINCT event_id FROM webhook_delivery")}
    found += [f"{one} was neither delivered nor does it wait" for one in told - received - waiting]
    return found


def deliveries_waiting(rows: Rows) -> int:
    """How many deliveries have not ended."""
    return int(rows("SELECT COUNT(*) AS n FROM webhook_delivery WHERE status = 'pending'")[0]["n"])


def money_stuck(rows: Rows) -> list[str]:
    """I5: nothing that the institution was asked for is undecided once the worker has had its time.

    A message to a shopper that met a database which was down waits for its next attempt; no money hangs on it.
    """
    query = (
        "SELECT id, topic, last_error FROM outbox WHERE done_at IS NULL AND attempts > 0 AND last_error IS NOT NULL"
        " AND topic <> 'message.send'"
    )
    return [f"outbox {row['topic']} {row['id']}: {row['last_error']}" for row in rows(query)]


def limits_agree(rows: Rows) -> list[str]:
    """I7: what is held of a shopper's limit is what movements say, and what is authorised and owed."""
    moved = rows(
        "SELECT limit_id, SUM(amount_fen) AS fen FROM limit_movement WHERE reason <> 'granted' GROUP BY limit_id"
    )
    sums = {row["limit_id"]: row["fen"] for row in moved}
    owed: Counter[str] = Counter()
    for row in rows(
        "SELECT shopper_id, amount_fen - captured_fen - voided_fen - expired_fen AS fen FROM payment"
        " UNION ALL SELECT shopper_id, principal_fen - refunded_fen - repaid_fen - written_off_fen AS fen FROM loan"
        " WHERE status <> 'unwound'"
    ):
        owed[row["shopper_id"]] += row["fen"]
    found = []
    for row in rows("SELECT id, shopper_id, limit_fen, held_fen FROM credit_limit"):
        held = row["held_fen"]
        if held != sums.get(row["id"], 0) or held != owed[row["shopper_id"]] or held > row["limit_fen"]:
            found.append(
                f"limit {row['id']}: {held} held, {sums.get(row['id'])} moved, {owed[row['shopper_id']]} owed, "
                + str(rows(f"SELECT reason, amount_fen FROM limit_movement WHERE limit_id = '{row['id']}'"))
            )
    return found
