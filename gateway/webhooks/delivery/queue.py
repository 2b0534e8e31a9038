"""Deliveries that wait: putting them beside their cause, taking them by lease, and giving back what was not tried.

A delivery is leased to one worker for a minute; of a worker that died it is free again afterwards. Events of one object
leave in their order: a later one waits while an earlier one is on its way or has failed less than ``HOLD`` times.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import and_, exists, insert, or_, update
from sqlmodel import SQLModel, col, select

from gateway.db.transactions import Transaction
from gateway.webhooks.endpoints import rights, signing_secrets
from gateway.webhooks.models import Event, WebhookDelivery, WebhookEndpoint, WebhookSecret

LEASE = timedelta(seconds=60)
RUN_LENGTH = 25
"""Deliveries that one worker takes for one endpoint at once."""
LOOKED_AT = 100
HOLD = 3
"""The number of failures of an earlier event after which later ones of its object overtake it."""
REORDERED_BY = timedelta(seconds=10)
LONGEST_PUSH = timedelta(minutes=10)

NEW_DELIVERIES = insert(SQLModel.metadata.tables["webhook_delivery"])


@dataclass(frozen=True, slots=True)
class Run:
    """What one worker took for one endpoint, in the order to be sent; ``events`` by their identifiers."""

    endpoint: WebhookEndpoint
    secrets: list[WebhookSecret]
    deliveries: list[WebhookDelivery]
    events: dict[str, Event]


def wants(enabled_events: Sequence[str], type: str) -> bool:
    """Whether an endpoint that asked for these asked for this type of event."""
    return list(enabled_events) == ["*"] or type in enabled_events


def put(
    tx: Transaction,
    endpoint: WebhookEndpoint,
    events: Sequence[Event],
    *,
    cause: str,
    sample: dict[str, Any] | None = None,
) -> list[str]:
    """Queue events for an endpoint; returns the identifiers of the deliveries."""
    rows = [_row(tx, endpoint.id, event.model_dump(), cause=cause, sample=sample) for event in events]
    tx.flush()
    if rows:
        tx.connection().execute(NEW_DELIVERIES, rows)
    return [str(row["id"]) for row in rows]


def tell(tx: Transaction, events: Sequence[dict[str, Any]], wanting: dict[str, Sequence[str]]) -> None:
    """Queue new events for endpoints, which are given with what they ask for."""
    rows = [
        _row(tx, endpoint_id, event, cause="event")
        for event in events
        for endpoint_id, types in wanting.items()
        if wants(types, event["type"])
    ]
    if rows:
        tx.connection().execute(NEW_DELIVERIES, _with_fault(tx, rows))


def _row(
    tx: Transaction,
    endpoint_id: str,
    event: dict[str, Any],
    *,
    cause: str,
    sample: dict[str, Any] | None = None,
) -> dict[str, Any]:
    return {
        "id": tx.new_id("whd"),
        "merchant_id": event["merchant_id"],
        "mode": event["mode"],
        "endpoint_id": endpoint_id,
        "event_id": event["id"],
        "type": event["type"],
        "object_id": event["object_id"],
        "sequence": event["sequence"],
        "cause": cause,
        "sample": sample,
        "status": "pending",
        "attempts": 0,
        "failures": 0,
        "next_at": tx.wall,
        "claims": 0,
        "created_at": tx.wall,
    }


def _with_fault(tx: Transaction, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The deliveries of a request that asked for a fault: sent twice, or late and the last one first."""
    fault = tx.info.get("test_fault")
    if fault == "duplicate-webhook":
        return rows + [{**row, "id": tx.new_id("whd")} for row in rows]
    if fault == "reorder-webhooks":
        for row in rows:
            order = tx.info["reordered"] = tx.info.get("reordered", 0) + 1
            # As after HOLD failures, so that the order of an object's events does not hold here.
            row |= {"next_at": tx.wall + REORDERED_BY - timedelta(milliseconds=order), "failures": HOLD}
    return rows


def endpoints_due(
    tx: Transaction, *, slow: bool | None, after: str, limit: int, busy: Sequence[str] = ()
) -> list[str]:
    """Endpoints of one lane (or of both) that have something to send, by identifier from ``after`` round the clock."""
    due = exists().where(_due(tx), col(WebhookDelivery.endpoint_id) == col(WebhookEndpoint.id))
    query = select(WebhookEndpoint.id).where(due)
    if slow is not None:
        query = query.where(WebhookEndpoint.slow == slow)
    if busy:
        query = query.where(col(WebhookEndpoint.id).not_in(busy))
    query = query.order_by(col(WebhookEndpoint.id)).limit(limit)
    found = list(tx.exec(query.where(col(WebhookEndpoint.id) > after)))
    if len(found) < limit and after:
        found += tx.exec(query.where(col(WebhookEndpoint.id) <= after).limit(limit - len(found)))
    return found


def claim(tx: Transaction, endpoint_id: str, *, limit: int = RUN_LENGTH) -> Run | None:
    """Lease what an endpoint is due; None when nothing is free, or another worker is just taking its own."""
    locked = select(WebhookEndpoint).where(WebhookEndpoint.id == endpoint_id)
    # NO KEY UPDATE: who records an event adds deliveries meanwhile.
    endpoint = tx.exec(locked.with_for_update(skip_locked=True, key_share=True)).first()
    if endpoint is None:
        return None
    query = (
        select(WebhookDelivery)
        .where(_due(tx), col(WebhookDelivery.endpoint_id) == endpoint_id)
        .order_by(col(WebhookDelivery.next_at), col(WebhookDelivery.id))
        .limit(LOOKED_AT)
        .with_for_update()
    )
    deliveries = _in_order(tx, _told(tx, endpoint, list(tx.exec(query))))[:limit]
    for row in deliveries:
        row.claims += 1
        row.leased_until = tx.wall + LEASE
        row.first_attempt_at = row.first_attempt_at or tx.wall
        tx.add(row)
    tx.flush()
    if not deliveries:
        return None
    events = tx.exec(select(Event).where(col(Event.id).in_({row.event_id for row in deliveries})))
    secrets = signing_secrets.live(tx, endpoint_id)
    return Run(endpoint, secrets, deliveries, {event.id: event for event in events})


def _told(tx: Transaction, endpoint: WebhookEndpoint, due: list[WebhookDelivery]) -> list[WebhookDelivery]:
    """Those of ``due`` that the endpoint may be told of now; the rest is canceled."""
    able = rights.told(tx, endpoint) if due else set()
    for row in due:
        # One that was switched off while an event was recorded is not told of it.
        may = endpoint.deleted_at is None and (endpoint.enabled or row.cause == "test")
        if not may or row.type not in able:
            row.status, row.leased_until, row.finished_at = "canceled", None, tx.wall
            tx.add(row)
    tx.flush()
    return [row for row in due if row.status == "pending"]


def _in_order(tx: Transaction, due: list[WebhookDelivery]) -> list[WebhookDelivery]:
    """Those of ``due`` that may leave, each object's in their order; one held by a wait is put off as long.

    What holds is looked up and compared here: an anti-join in SQL takes seconds on tables without statistics.
    """
    if not due:
        return []
    ids, turns = {row.id for row in due}, dict[str, list[str]]()
    for object_id, waiting in _queues(tx, due).items():
        turns[object_id] = []
        for one in waiting:
            if one.id in ids:
                turns[object_id].append(one.id)
            elif one.failures < HOLD:
                _put_off(tx, [row for row in due if row.object_id == object_id], behind=one)
                break
    by_id = {row.id: row for row in due}
    return [by_id[turns[row.object_id].pop(0)] for row in due if turns[row.object_id]]


def _queues(tx: Transaction, due: list[WebhookDelivery]) -> dict[str, list[Any]]:
    """Everything that waits of the objects in ``due``, by object and sequence."""
    columns = (
        col(WebhookDelivery.id),
        col(WebhookDelivery.object_id),
        col(WebhookDelivery.sequence),
        col(WebhookDelivery.failures),
        col(WebhookDelivery.next_at),
    )
    query = select(*columns).where(  # type: ignore[call-overload]  # five columns are one more than it knows
        col(WebhookDelivery.endpoint_id) == due[0].endpoint_id,
        col(WebhookDelivery.status) == "pending",
        col(WebhookDelivery.object_id).in_({row.object_id for row in due}),
    )
    queues: dict[str, list[Any]] = {}
    for row in tx.exec(query.order_by(col(WebhookDelivery.sequence), col(WebhookDelivery.id))):
        queues.setdefault(row.object_id, []).append(row)
    return queues


def _put_off(tx: Transaction, rows: list[WebhookDelivery], *, behind: Any) -> None:
    for row in rows:
        if row.sequence > behind.sequence and behind.next_at > row.next_at:
            row.next_at = behind.next_at
            tx.add(row)


def cancel(tx: Transaction, endpoint_id: str, *, tests: bool) -> None:
    """Take what waits out of the queue of an endpoint; tests only where nothing at all may leave any more."""
    tx.flush()
    waiting = update(WebhookDelivery).where(
        col(WebhookDelivery.endpoint_id) == endpoint_id, col(WebhookDelivery.status) == "pending"
    )
    if not tests:
        waiting = waiting.where(col(WebhookDelivery.cause) != "test")
    tx.connection().execute(waiting.values(status="canceled", leased_until=None, finished_at=tx.wall))


def bring_forward(tx: Transaction, endpoint_id: str) -> None:
    """An endpoint answers again: what only waited behind its failures leaves now."""
    tx.connection().execute(
        update(WebhookDelivery)
        .where(
            col(WebhookDelivery.endpoint_id) == endpoint_id,
            col(WebhookDelivery.status) == "pending",
            col(WebhookDelivery.failures) == 0,
            col(WebhookDelivery.next_at) > tx.wall,
        )
        .values(next_at=tx.wall)
    )


def _due(tx: Transaction) -> Any:
    return and_(
        col(WebhookDelivery.status) == "pending",
        col(WebhookDelivery.next_at) <= tx.wall,
        or_(col(WebhookDelivery.leased_until).is_(None), col(WebhookDelivery.leased_until) <= tx.wall),
    )
