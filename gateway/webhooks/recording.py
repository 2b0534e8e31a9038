"""Recording events: what a transaction has to tell is gathered, and written at its end in a few statements.

So an event takes its place in the order as late as it can, and a transaction asks once who wants to be told.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, Text, bindparam, cast, func, insert, literal, null, select, true, union_all
from sqlmodel import SQLModel

from gateway.core.tenant import Tenant, mode_of
from gateway.db import keyed
from gateway.db.parts import in_parts
from gateway.db.transactions import Transaction
from gateway.db.types import Document
from gateway.webhooks import ordering
from gateway.webhooks.delivery import queue

EVENT, ENDPOINT = SQLModel.metadata.tables["event"], SQLModel.metadata.tables["webhook_endpoint"]
NEW_EVENTS = insert(EVENT)
GATHERED = "events that are written at the end"


def _row(what: str, *columns: Any) -> Select[Any]:
    """A row of the one question: of what kind it is, an identifier, a number, and a document."""
    identifier, number, document = columns
    return select(literal(what).label("what"), identifier, number, document)


NO_DOCUMENT, NO_NUMBER = cast(null(), Document), literal(0)
SEQUENCES = _row("sequence", EVENT.c.object_id, func.max(EVENT.c.sequence), NO_DOCUMENT).where(
    EVENT.c.object_id.in_(bindparam("objects", expanding=True))
)
WANTING = _row("endpoint", ENDPOINT.c.id, NO_NUMBER, ENDPOINT.c.enabled_events).where(
    ENDPOINT.c.merchant_id == bindparam("merchant"),
    ENDPOINT.c.mode == bindparam("mode"),
    ENDPOINT.c.enabled == True,  # noqa: E712
)
NUMBERS = func.generate_series(1, bindparam("events")).table_valued("number").render_derived("numbers")
NUMBER = NUMBERS.c.number
PLACE = {
    "sqlite": _row("position", literal(""), func.max(EVENT.c.position), NO_DOCUMENT).where(
        EVENT.c.merchant_id == bindparam("merchant"), EVENT.c.mode == bindparam("mode")
    ),
    "postgresql": _row("position", cast(NUMBER, Text), ordering.NEXT_DRAWN, NO_DOCUMENT).select_from(
        ordering.ANNOUNCEMENT.join(NUMBERS, true())
    ),
}
QUESTIONS = {
    dialect: union_all(SEQUENCES.group_by(EVENT.c.object_id), WANTING, place)
    for dialect, place in PLACE.items()
}
"""Made once: how far the objects have counted, who subscribes, and the place in the order (see ``ordering``)."""


def record(tx: Transaction, tenant: Tenant, type: str, *, object_id: str, data: dict[str, Any]) -> str:
    """Note a change of state and queue it for every enabled endpoint, at the end of the caller's transaction.

    Returns the event's identifier.
    """
    gathered: list[dict[str, Any]] = tx.info.setdefault(GATHERED, [])
    if not gathered:
        tx.at_end(_write)
    row = {
        "id": tx.new_id("evt"),
        "merchant_id": tenant.merchant_id,
        "mode": tenant.mode,
        "type": type,
        "object_id": object_id,
        "data": data,
        "created_at": tx.now,
    }
    gathered.append(row)
    return str(row["id"])


def _write(tx: Transaction) -> None:
    of_tenants: dict[Tenant, list[dict[str, Any]]] = defaultdict(list)
    for row in tx.info.pop(GATHERED):
        of_tenants[Tenant(row["merchant_id"], mode_of(row["mode"]))].append(row)
    for tenant, rows in of_tenants.items():
        for part in in_parts(rows):
            _write_some(tx, tenant, part)


def _write_some(tx: Transaction, tenant: Tenant, rows: Sequence[dict[str, Any]]) -> None:
    connection = tx.connection()
    parameters = {
        "objects": sorted({row["object_id"] for row in rows}),
        "merchant": tenant.merchant_id,
        "mode": tenant.mode,
        "events": len(rows),
    }
    answers: dict[str, dict[str, Any]] = defaultdict(dict)
    for what, identifier, number, document in connection.execute(
        QUESTIONS[connection.dialect.name], parameters
    ):
        answers[what][identifier] = document if what == "endpoint" else number or 0
    sequences = answers["sequence"]
    for row in rows:
        sequences[row["object_id"]] = row["sequence"] = sequences.get(row["object_id"], 0) + 1
    if connection.dialect.name == "sqlite":
        [last] = answers["position"].values()
        places = [last + number for number in range(1, len(rows) + 1)]
    else:
        places = sorted(answers["position"].values())
    rows = [{**row, "position": place} for row, place in zip(rows, places, strict=True)]
    keyed.insert(tx, NEW_EVENTS, rows)
    queue.tell(tx, rows, dict(sorted(answers["endpoint"].items())))
