"""GET /v1/events: the source of truth behind webhooks."""

from __future__ import annotations

from typing import Any

from sqlmodel import col, select

from gateway.web.operations import Api, Call
from gateway.web.paging import page
from gateway.webhooks import service
from gateway.webhooks.models import Event
from gateway.webhooks.schemas import EventAnswer, EventQuery

api = Api("events", prefix="/v1/events")


@api.get(scope="events:read", query=EventQuery, answer=EventAnswer, lists=True)
def list_events(call: Call) -> Any:
    """List events, newest first; with `after`, what came since that event, oldest first."""
    query = select(Event).where(Event.merchant_id == call.tenant.merchant_id, Event.mode == call.tenant.mode)
    if call.query["type"]:
        query = query.where(Event.type == call.query["type"])
    if call.query["after"] is None:
        return page(
            call.tx,
            query,
            by=col(Event.id),
            key=lambda event: event.id,
            limit=call.query["limit"],
            cursor=call.query["cursor"],
        )
    since = service.get_event(call.tx, call.tenant, call.query["after"])
    limit = call.query["limit"]
    newer = list(call.tx.exec(query.where(Event.id > since.id).order_by(col(Event.id)).limit(limit + 1)))
    return {"object": "list", "data": newer[:limit], "has_more": len(newer) > limit, "next_cursor": None}


@api.get("/<event_id>", scope="events:read", answer=EventAnswer)
def get_event(call: Call, event_id: str) -> Any:
    """Retrieve an event."""
    return service.get_event(call.tx, call.tenant, event_id)
