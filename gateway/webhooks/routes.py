"""GET /v1/events: the source of truth behind webhooks."""

from __future__ import annotations

from typing import Any

from gateway.web.operations import Api, Call
from gateway.web.paging import listed
from gateway.webhooks import service
from gateway.webhooks.endpoints import rights
from gateway.webhooks.schemas import EventAnswer, EventQuery

api = Api("events", prefix="/v1/events")


@api.get(scope="events:read", query=EventQuery, answer=EventAnswer, lists=True)
def list_events(call: Call) -> Any:
    """List the events you may read, newest first; with `after`, those that followed, oldest first and without gaps."""
    query = call.query
    able = rights.readable(call.caller.scopes)
    types = able if query["type"] is None else [type for type in able if type == query["type"]]
    if query["after"] is None:
        settled = service.settled_events(call.tx, call.tenant, types=types)
        return listed(call, settled, by="position", read=int)
    found, more = service.events_after(
        call.tx, call.tenant, query["after"], types=types, limit=query["limit"]
    )
    return {"object": "list", "data": found, "has_more": more, "next_cursor": None}


@api.get("/<event_id>", scope="events:read", answer=EventAnswer)
def get_event(call: Call, event_id: str) -> Any:
    """Retrieve an event whose object you may read."""
    types = rights.readable(call.caller.scopes)
    return service.get_event(call.tx, call.tenant, event_id, types=types)
