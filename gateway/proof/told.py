"""Events: each says what its object says, and there is one for everything that had to be told."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, exists, func, select

from gateway.db.progress import Progress, silent
from gateway.db.tables import metadata
from gateway.proof.findings import Findings, Row
from gateway.proof.rules import Rule
from gateway.proof.rules import prove as prove_rules

PAGE = 1_000
TABLES = metadata().tables
EVENT = TABLES["event"]
SAME = {
    "payment": {
        "amount": "amount_fen",
        "captured_amount": "captured_fen",
        "voided_amount": "voided_fen",
        "expired_amount": "expired_fen",
        "term": "term",
    },
    "refund": {"amount": "amount_fen", "status": "status"},
    "dispute": {"amount": "amount_fen", "status": "status"},
    "milestone": {"amount": "amount_fen", "kind": "kind"},
    "payout": {"amount": "amount_fen", "status": "status", "failure": "failure"},
    "loan": {"principal": "principal_fen", "status": "status"},
    "settlement": {
        "opening": "opening_fen",
        "captures": "captures_fen",
        "subsidies": "subsidies_fen",
        "merchant_fees": "merchant_fees_fen",
        "merchant_subsidies": "merchant_subsidies_fen",
        "refunds": "refunds_fen",
        "disputes": "disputes_fen",
        "adjustments": "adjustments_fen",
        "reserve_change": "reserve_change_fen",
        "closing": "closing_fen",
        "payout_amount": "payout_fen",
    },
    "checkout": {"amount": "amount_fen", "status": "status"},
}
"""What the newest event of an object says as the row does, by the word before the dot of its type."""
MOMENTS = {
    "acknowledge_by": "acknowledge_by",
    "authorization_expires_at": "lapses_at",
    "acknowledged_at": "acknowledged_at",
    "created_at": "created_at",
}
"""Times of a payment that its newest event tells; what it told is not changed any more."""
UNTOLD = {"refund": "pending", "dispute": "under_review"}
"""The state that an object enters, or comes back to, without an event."""
STORED = {"settlement": "settlement_batch"}


def _counted(kind: str, wanted: str, table: str, *, says: str) -> Rule:
    """Events of a type about the rows of a table: as many as the query says for each."""
    return Rule(
        says,
        "event",
        "type",
        f"""SELECT o.id, o.merchant_id, o.mode, '{kind} ' || ({wanted}) || ' times', coalesce(v.times, 0) || ' times'
              FROM {table} o LEFT JOIN (SELECT object_id, count(*) AS times FROM event WHERE type = '{kind}'
                                         GROUP BY object_id) v ON v.object_id = o.id
             WHERE coalesce(v.times, 0) <> ({wanted})""",
    )


def _ended(table: str, undecided: str, *, says: str) -> Rule:
    """Every row of a table whose state is none of ``undecided`` has an event that names its state."""
    return Rule(
        says,
        "event",
        "type",
        f"""SELECT o.id, o.merchant_id, o.mode, '{table}.' || o.status, 'none' FROM {table} o
             WHERE o.status NOT IN ({undecided})
               AND NOT EXISTS (SELECT 1 FROM event v WHERE v.object_id = o.id AND v.type = '{table}.' || o.status)""",
    )


COUNTED = (
    _counted("payment.authorized", "1", "payment", says="every payment"),
    _counted(
        "payment.extended",
        "CASE WHEN o.extended_to IS NULL THEN 0 ELSE 1 END",
        "payment",
        says="the payments that were extended",
    ),
    _counted(
        "payment.captured",
        "SELECT count(*) FROM capture c WHERE c.payment_id = o.id",
        "payment",
        says="the captures of the payment",
    ),
    _counted(
        "checkout.approved",
        "CASE WHEN o.status = 'approved' THEN 1 ELSE 0 END",
        "checkout",
        says="the checkouts that were approved",
    ),
    _ended(
        "checkout",
        "'open', 'identified', 'deciding'",
        says="every checkout that has ended or waits for a person",
    ),
    _ended("refund", "'pending'", says="every refund that is decided"),
    _ended(
        "reconciliation",
        "'mapping', 'running'",
        says="every file that was compared, or cannot be",
    ),
    _counted("settlement.closed", "1", "settlement_batch", says="every batch"),
    _counted(
        "payout.paid",
        "CASE WHEN o.paid_at IS NULL THEN 0 ELSE 1 END",
        "payout",
        says="the payouts that were paid",
    ),
    _counted(
        "payout.failed",
        "CASE WHEN o.status IN ('failed', 'returned') THEN 1 ELSE 0 END",
        "payout",
        says="the payouts that failed or came back",
    ),
    _counted("dispute.opened", "1", "dispute", says="every dispute"),
    _counted(
        "dispute.won",
        "CASE WHEN o.status IN ('won', 'canceled') THEN 1 ELSE 0 END",
        "dispute",
        says="the disputes that were won",
    ),
    _counted(
        "dispute.lost",
        "CASE WHEN o.status IN ('lost', 'accepted') THEN 1 ELSE 0 END",
        "dispute",
        says="the disputes that were lost",
    ),
    *(
        _counted(
            f"milestone.{what}",
            f"SELECT count(*) FROM milestone_event e WHERE e.milestone_id = o.id AND e.kind = '{what}'",
            "milestone",
            says=f"the milestones that were {what}",
        )
        for what in ("claimed", "contested", "released")
    ),
    _counted(
        "loan.unwound", "CASE WHEN o.status = 'unwound' THEN 1 ELSE 0 END", "loan", says="the unwound loans"
    ),
)


def prove(findings: Findings, connection: Connection, *, progress: Progress = silent) -> None:
    """Compare what was told with what is stored."""
    prove_rules(findings, connection, COUNTED)
    for number, page in enumerate(_newest(connection), start=1):
        progress("events", number, number)
        for kind, columns in SAME.items():
            events = {row.object_id: row for row in page if row.type.partition(".")[0] == kind}
            if events:
                _prove_kind(findings, connection, kind, columns, events)


def _newest(connection: Connection) -> Iterator[list[Any]]:
    """The newest event of each object, by pages."""
    later = EVENT.alias()
    is_newest = ~exists().where(later.c.object_id == EVENT.c.object_id, later.c.sequence > EVENT.c.sequence)
    after = ""
    while True:
        query = (
            select(
                EVENT.c.id, EVENT.c.object_id, EVENT.c.type, EVENT.c.merchant_id, EVENT.c.mode, EVENT.c.data
            )
            .where(EVENT.c.object_id > after, is_newest)
            .order_by(EVENT.c.object_id)
            .limit(PAGE)
        )
        page = list(connection.execute(query))
        if not page:
            return
        yield page
        after = page[-1].object_id


def _prove_kind(
    findings: Findings, connection: Connection, kind: str, columns: dict[str, str], events: dict[str, Any]
) -> None:
    table = TABLES[STORED.get(kind, kind)]
    wanted = {
        "id",
        "merchant_id",
        "mode",
        *columns.values(),
        *(MOMENTS.values() if kind == "payment" else ()),
    }
    columns_of = [table.c[name] for name in sorted(wanted - {"lapses_at"})]
    if "lapses_at" in wanted:
        columns_of.append(func.coalesce(table.c.extended_to, table.c.expires_at).label("lapses_at"))
    query = select(*columns_of).where(table.c.id.in_(list(events)))
    rows = {row.id: row for row in connection.execute(query)}
    pieces = _pieces(connection, list(events)) if kind == "payment" else {}
    for object_id, event in events.items():
        name, row = Row("event", event.id, event.merchant_id, event.mode), rows.get(object_id)
        if row is None:
            source = f"the rows of {table.name}"
            findings.note(name, "object_id", wanted=f"a {kind}", got=object_id, computed_from=source)
            continue
        source = f"{table.name} {object_id}"
        for column in ("merchant_id", "mode"):
            right, got = getattr(row, column), getattr(event, column)
            findings.same(name, column, wanted=right, got=got, computed_from=source)
        if not isinstance(event.data, dict):
            findings.note(name, "data", wanted="an object", got=event.data, computed_from=source)
            continue
        for said, column in columns.items():
            right = getattr(row, column)
            if said in event.data and not (said == "status" and right == UNTOLD.get(kind)):
                findings.same(name, f"data.{said}", wanted=right, got=event.data[said], computed_from=source)
        if kind == "payment":
            _prove_payment(findings, name, row, event.data, pieces)


def _prove_payment(
    findings: Findings, name: Row, row: Any, data: Any, pieces: dict[str, set[tuple[int, ...]]]
) -> None:
    """The deadlines, and the pieces of every capture, which nothing changes after it was told."""
    for said, column in MOMENTS.items():
        told, moment = data.get(said), getattr(row, column)
        if told is not None:
            wanted = moment and moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
            findings.same(name, f"data.{said}", wanted=wanted, got=told, computed_from=f"payment {row.id}")
    for capture in data.get("captures", ()):
        if "items" in capture:
            findings.same(
                name,
                "data.captures.items",
                wanted=sorted(pieces.get(capture["id"], ())),
                got=sorted((one["line"], one["quantity"], one["amount"]) for one in capture["items"]),
                computed_from=f"the captured lines of {capture['id']}",
            )


def _pieces(connection: Connection, payments: list[str]) -> dict[str, set[tuple[int, ...]]]:
    """By capture, the pieces that left with it."""
    table = TABLES["captured_line"]
    pieces: dict[str, set[tuple[int, ...]]] = defaultdict(set)
    for row in connection.execute(select(table).where(table.c.payment_id.in_(payments))):
        pieces[row.capture_id].add((row.line, row.quantity, row.amount_fen))
    return pieces
