"""Deliveries as merchants see them: the log of attempts, and asking again for one, for a range, or for a test."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import delete, func, update
from sqlmodel import col, select

from gateway.core.identifiers import first_id
from gateway.core.tenant import Tenant
from gateway.db.parts import in_parts
from gateway.db.transactions import Database, Transaction
from gateway.errors import NotFound, ReplayTooLarge, TooManyRequests, WrongState
from gateway.webhooks import service
from gateway.webhooks.delivery import queue
from gateway.webhooks.delivery.sending import ENDPOINT, PAYLOAD, body_of
from gateway.webhooks.endpoints import rights, signing_secrets
from gateway.webhooks.endpoints import service as endpoints
from gateway.webhooks.models import Event, WebhookAttempt, WebhookDelivery, WebhookEndpoint
from gateway.webhooks.schemas import TEST_EVENT

MOST_REPLAYED = 10_000
TESTS_A_MINUTE = 10
KEPT = timedelta(days=30)
"""How long a delivery that is over stays in the log."""
FORGOTTEN_AT_ONCE = 1000
STEPS = 20
"""How many times, at most, in one step of the job."""


def forget_answers(tx: Transaction, object_ids: Collection[str]) -> None:
    """Empty what merchants' servers answered to deliveries about some objects: free text, which may name a person."""
    for part in in_parts(object_ids):
        about = select(WebhookDelivery.id).where(col(WebhookDelivery.object_id).in_(part))
        attempts = update(WebhookAttempt).where(col(WebhookAttempt.delivery_id).in_(about))
        tx.execute(attempts.values(response_body=None))


def query_of(endpoint: WebhookEndpoint, *, status: str | None, types: Collection[str]) -> Any:
    """The query of an endpoint's deliveries of some types of events."""
    query = select(WebhookDelivery).where(
        WebhookDelivery.endpoint_id == endpoint.id, col(WebhookDelivery.type).in_(types)
    )
    return query.where(WebhookDelivery.status == status) if status else query


def views(tx: Transaction, deliveries: Sequence[WebhookDelivery]) -> list[dict[str, Any]]:
    """Deliveries as the API shows them, each with its attempts."""
    ids = {row.id for row in deliveries}
    log: dict[str, list[WebhookAttempt]] = {}
    attempts = select(WebhookAttempt).where(col(WebhookAttempt.delivery_id).in_(ids))
    for attempt in tx.exec(attempts.order_by(col(WebhookAttempt.number).desc())):
        log.setdefault(attempt.delivery_id, []).append(attempt)
    found = tx.exec(select(Event).where(col(Event.id).in_({row.event_id for row in deliveries})))
    events = {event.id: event for event in found}
    return [_view(row, events.get(row.event_id), log.get(row.id, ())) for row in deliveries]


def retry(tx: Transaction, tenant: Tenant, delivery_id: str, *, types: Collection[str]) -> WebhookDelivery:
    """Send a delivery again now, with the table of waits from its beginning.

    Raises ``NotFound``, also for an event that is of none of ``types``, or ``WrongState``.
    """
    query = select(WebhookDelivery).where(WebhookDelivery.id == delivery_id).with_for_update()
    row = tx.exec(query).first()
    endpoint = tx.get(WebhookEndpoint, row.endpoint_id) if row is not None else None
    if row is None or endpoint is None or endpoint.deleted_at is not None or not tenant.owns(row):
        raise NotFound(f"There is no webhook delivery {delivery_id!r}.")
    if row.type not in types:
        raise NotFound(f"There is no webhook delivery {delivery_id!r}.")
    _must_be_told(tx, endpoint, row.type)
    if row.cause != "test":
        _must_be_enabled(endpoint)
    row.status, row.failures, row.next_at = "pending", 0, tx.wall
    row.first_attempt_at = row.finished_at = None
    tx.add(row)
    return row


def replay(
    tx: Transaction,
    tenant: Tenant,
    endpoint_id: str,
    *,
    start: datetime,
    end: datetime,
    types: list[str] | None,
    readable: Collection[str],
) -> int:
    """Queue the events recorded from ``start`` up to ``end`` again, in their order; returns how many.

    Of the ``types``, or those the endpoint asks for, only what is ``readable`` and what the endpoint is told of.

    Raises ``NotFound``, ``WrongState`` or ``ReplayTooLarge``.
    """
    endpoint = endpoints.get(tx, tenant, endpoint_id)
    _must_be_enabled(endpoint)
    wanted, able = types or endpoint.enabled_events, rights.told(tx, endpoint)
    sent = [one for one in readable if one in able and (wanted == ["*"] or one in wanted)]
    query = service.events_of(tenant, types=sent).where(Event.created_at >= start, Event.created_at < end)
    events = list(tx.exec(query.order_by(col(Event.position)).limit(MOST_REPLAYED + 1)))
    if len(events) > MOST_REPLAYED:
        raise ReplayTooLarge(f"More than {MOST_REPLAYED} events match: choose a shorter range.", param="to")
    queue.put(tx, endpoint, events, cause="replay")
    return len(events)


def send_sample(tx: Transaction, tenant: Tenant, endpoint_id: str, *, type: str | None) -> WebhookDelivery:
    """Queue a sample: the merchant's newest event of a type under a new id, or the endpoint itself.

    Raises ``NotFound``, ``WrongState`` or ``TooManyRequests``.
    """
    endpoint = endpoints.get(tx, tenant, endpoint_id)
    _must_be_told(tx, endpoint, type or TEST_EVENT)
    recent = select(func.count()).where(
        WebhookDelivery.endpoint_id == endpoint.id,
        WebhookDelivery.cause == "test",
        WebhookDelivery.created_at > tx.wall - timedelta(minutes=1),
    )
    if tx.exec(recent).one() >= TESTS_A_MINUTE:
        raise TooManyRequests(f"At most {TESTS_A_MINUTE} tests a minute are allowed.", retry_after=60)
    sample = Event(
        id=tx.new_id("evt"),
        merchant_id=endpoint.merchant_id,
        mode=endpoint.mode,
        type=type or TEST_EVENT,
        object_id=endpoint.id,
        sequence=0,
        position=0,
        data=_sample_data(tx, tenant, endpoint, type),
        created_at=tx.now,
    )
    payload = {**PAYLOAD.dump(sample), "sample": True}
    (delivery_id,) = queue.put(tx, endpoint, [sample], cause="test", sample=payload)
    return tx.get_one(WebhookDelivery, delivery_id)


def forget_old(tx: Transaction) -> int:
    """Delete ended secrets, and deliveries that ended 30 days ago with their attempts; returns how many deliveries.

    Events stay.
    """
    signing_secrets.forget_ended(tx)
    old = (
        select(WebhookDelivery.id)
        .where(col(WebhookDelivery.finished_at) < tx.wall - KEPT)
        .limit(FORGOTTEN_AT_ONCE)
    )
    ids = list(tx.exec(old))
    if ids:
        tx.connection().execute(delete(WebhookDelivery).where(col(WebhookDelivery.id).in_(ids)))
    return len(ids)


def forget_old_answers(db: Database, *, days: int) -> bool:
    """Empty what endpoints answered more than ``days`` ago, the oldest first; true when more may be left.

    So what is emptied already is the beginning of the table, and only what lies behind it is read.
    """
    with db.read() as tx:
        bound = first_id("wha", int((tx.wall - timedelta(days=days)).timestamp() * 1000))
        emptied = (
            select(WebhookAttempt.id)
            .where(WebhookAttempt.id < bound, col(WebhookAttempt.response_status).is_not(None))
            .where(col(WebhookAttempt.response_body).is_(None))
            .order_by(col(WebhookAttempt.id).desc())
            .limit(1)
        )
        after = tx.exec(emptied).first()
    for _ in range(STEPS):
        after = db.write(partial(_empty_answers, after=after or "", bound=bound))
        if after is None:
            return False
    return True


def _empty_answers(tx: Transaction, *, after: str, bound: str) -> str | None:
    """Empty some answers between two identifiers; returns the last of them, None when there was none."""
    old = (
        select(WebhookAttempt.id)
        .where(WebhookAttempt.id > after, WebhookAttempt.id < bound)
        .where(col(WebhookAttempt.response_body).is_not(None))
        .order_by(col(WebhookAttempt.id))
        .limit(FORGOTTEN_AT_ONCE)
    )
    ids = list(tx.exec(old))
    if ids:
        emptied = update(WebhookAttempt).where(col(WebhookAttempt.id).in_(ids)).values(response_body=None)
        tx.connection().execute(emptied)
    return ids[-1] if ids else None


def _sample_data(
    tx: Transaction, tenant: Tenant, endpoint: WebhookEndpoint, type: str | None
) -> dict[str, Any]:
    if type is None:
        shown: dict[str, Any] = ENDPOINT.dump(endpoints.view(tx, endpoint))
        return shown
    newest = service.events_of(tenant, types=[type]).order_by(col(Event.position).desc()).limit(1)
    event = tx.exec(newest).first()
    if event is None:
        raise WrongState(f"There is no {type} event yet to use as a sample: omit the type.", param="type")
    return event.data


def _must_be_told(tx: Transaction, endpoint: WebhookEndpoint, type: str) -> None:
    if type not in rights.told(tx, endpoint):
        raise WrongState(
            f"The endpoint does not receive {type}: the person or client that set it up may not read it. "
            "Someone who may must set its address again.",
            param="type",
        )


def _must_be_enabled(endpoint: WebhookEndpoint) -> None:
    if not endpoint.enabled:
        raise WrongState(
            "The endpoint is disabled: enable it first (PATCH with status enabled).", param="status"
        )


def _view(row: WebhookDelivery, event: Event | None, attempts: Iterable[WebhookAttempt]) -> dict[str, Any]:
    body = body_of(row, event).decode() if event is not None or row.sample is not None else ""
    return {
        "id": row.id,
        "mode": row.mode,
        "endpoint": row.endpoint_id,
        "event": row.event_id,
        "type": row.type,
        "sequence": row.sequence,
        "cause": row.cause,
        "status": row.status,
        "attempts": row.attempts,
        "next_attempt_at": row.next_at if row.status == "pending" else None,
        "created_at": row.created_at,
        "log": [
            {
                "number": attempt.number,
                "url": attempt.url,
                "request_headers": attempt.request_headers,
                "request_body": body,
                "response_status": attempt.response_status,
                "response_body": attempt.response_body,
                "error": attempt.error,
                "duration_ms": attempt.duration_ms,
                "next_attempt_at": attempt.next_at,
                "created_at": attempt.created_at,
            }
            for attempt in attempts
        ],
    }
