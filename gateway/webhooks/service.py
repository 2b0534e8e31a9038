"""Recording events and reading them back; every recorded event is queued for the endpoints that want it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func
from sqlmodel import col, select
from sqlmodel.sql.expression import SelectOfScalar

from gateway.core.tenant import Tenant
from gateway.db.ownership import owned
from gateway.db.transactions import Transaction
from gateway.webhooks import ordering, waiting
from gateway.webhooks.models import Event, WebhookEndpoint


def record(tx: Transaction, tenant: Tenant, type: str, *, object_id: str, data: dict[str, Any]) -> Event:
    """Note a change of state and queue it for every enabled endpoint, in the caller's transaction."""
    last = tx.exec(select(func.max(Event.sequence)).where(Event.object_id == object_id)).one()
    event = Event(
        id=tx.new_id("evt"),
        merchant_id=tenant.merchant_id,
        mode=tenant.mode,
        type=type,
        object_id=object_id,
        sequence=(last or 0) + 1,
        position=ordering.draw(tx, merchant_id=tenant.merchant_id, mode=tenant.mode),
        data=data,
        created_at=tx.now,
    )
    tx.add(event)
    wanting = select(WebhookEndpoint).where(
        WebhookEndpoint.merchant_id == tenant.merchant_id,
        WebhookEndpoint.mode == tenant.mode,
        WebhookEndpoint.enabled == True,  # noqa: E712
    )
    for endpoint in tx.exec(wanting):
        if waiting.wants(endpoint, type):
            waiting.put(tx, endpoint, [event], cause="event")
    return event


def get_event(tx: Transaction, tenant: Tenant, event_id: str) -> Event:
    """The merchant's event. Raises ``NotFound``."""
    return owned(tx.get(Event, event_id), tenant, "event", event_id)


def events_of(tenant: Tenant, *, type: str | None = None) -> SelectOfScalar[Event]:
    """The query of a merchant's events."""
    query = select(Event).where(Event.merchant_id == tenant.merchant_id, Event.mode == tenant.mode)
    return query.where(Event.type == type) if type else query


def events_after(
    tx: Transaction, tenant: Tenant, event_id: str, *, type: str | None, limit: int
) -> tuple[list[Event], bool]:
    """What came after an event, oldest first, and whether more follows. Raises ``NotFound``.

    Whoever asks again after the last event of the answer misses none, whatever is being written meanwhile.
    """
    since = get_event(tx, tenant, event_id)
    decided = ordering.horizon(tx)
    query = events_of(tenant, type=type).where(Event.position > since.position)
    if decided is not None:
        query = query.where(Event.position <= decided)
    found = list(tx.exec(query.order_by(col(Event.position)).limit(limit + 1)))
    return found[:limit], len(found) > limit
