"""Recording events and reading them back; every recorded event is queued for the endpoints that want it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import exists
from sqlmodel import col, select
from sqlmodel.sql.expression import SelectOfScalar

from gateway.core.tenant import Tenant
from gateway.db.ownership import owned
from gateway.db.transactions import Transaction
from gateway.errors import NotFound
from gateway.webhooks import ordering
from gateway.webhooks.models import Event
from gateway.webhooks.recording import record
from gateway.webhooks.schemas import EVENT_TYPES

__all__ = [
    "events_after",
    "events_of",
    "events_since",
    "get_event",
    "has_events_since",
    "record",
    "settled_events",
]


def get_event(tx: Transaction, tenant: Tenant, event_id: str, *, types: Collection[str]) -> Event:
    """The merchant's event, if it is of one of ``types``. Raises ``NotFound``."""
    event = owned(tx.get(Event, event_id), tenant, "event", event_id)
    if event.type not in types:
        raise NotFound(f"There is no event {event_id!r}.")
    return event


def events_of(tenant: Tenant, *, types: Collection[str]) -> SelectOfScalar[Event]:
    """The query of a merchant's events of some types."""
    query = select(Event).where(Event.merchant_id == tenant.merchant_id, Event.mode == tenant.mode)
    if set(types) >= set(EVENT_TYPES):
        return query
    if len(types) == 1:
        return query.where(Event.type == next(iter(types)))
    return query.where(col(Event.type).in_(types))


def settled_events(tx: Transaction, tenant: Tenant, *, types: Collection[str]) -> SelectOfScalar[Event]:
    """The query of those events before which nothing is still being written.

    Whoever begins with the newest of them and asks on with ``after`` misses none.
    """
    decided = ordering.horizon(tx)
    query = events_of(tenant, types=types)
    return query if decided is None else query.where(Event.position <= decided)


def events_after(
    tx: Transaction, tenant: Tenant, event_id: str, *, types: Collection[str], limit: int
) -> tuple[list[Event], bool]:
    """What came after an event, oldest first, and whether more follows. Raises ``NotFound``.

    Whoever asks again after the last event of the answer misses none, whatever is being written meanwhile. Any event
    of the merchant marks a place, for nothing of it is shown: what one may read can have shrunk since.
    """
    since = get_event(tx, tenant, event_id, types=EVENT_TYPES)
    query = settled_events(tx, tenant, types=types).where(Event.position > since.position)
    events = list(tx.exec(query.order_by(col(Event.position)).limit(limit + 1)))
    return events[:limit], len(events) > limit


def events_since(
    tx: Transaction, tenant: Tenant, position: int, *, types: Collection[str], limit: int
) -> list[Event]:
    """Events of some types behind a place in the order, oldest first; asking on from the last misses none."""
    query = settled_events(tx, tenant, types=types).where(Event.position > position)
    return list(tx.exec(query.order_by(col(Event.position)).limit(limit)))


def has_events_since(merchant_id: Any, mode: Any, position: Any, *, types: Collection[str]) -> Any:
    """Whether there is an event of some types behind a place in the order, inside of another question."""
    return exists().where(
        col(Event.merchant_id) == merchant_id,
        col(Event.mode) == mode,
        col(Event.type).in_(types),
        col(Event.position) > position,
    )
