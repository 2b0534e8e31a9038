"""Events: ``/v1/events``, the source of truth behind webhooks."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any

from .._models import Event
from .._pages import Page
from .._transport import Timeout
from ._resource import Resource, given, segment

_PAGE_SIZE = 100


class Events(Resource):
    """What happened; catch up here after missed webhooks."""

    __slots__ = ()

    def list(
        self,
        *,
        after: str | None = None,
        type: str | None = None,
        limit: int | None = None,
        page_size: int | None = None,
        cursor: str | None = None,
        timeout: Timeout | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> Page[Event]:
        """Events, newest first; with ``after`` (an event id) what came later, oldest first, to catch up."""
        params = given(extra, after=after, type=type)
        return self._client._list(
            Event, "/v1/events", params, limit=limit, page_size=page_size, cursor=cursor, timeout=timeout
        )

    def retrieve(self, event: str, *, timeout: Timeout | None = None) -> Event:
        """The event with this id. Raises NotFoundError."""
        return self._client._get(Event, f"/v1/events/{segment(event)}", None, timeout)

    def follow(
        self, *, after: str | None = None, type: str | None = None, interval: float = 2.0
    ) -> EventFollower:
        """An endless iterator over events as they come, oldest first, asking every ``interval`` seconds.

        Begins after the event ``after``, or with what happens from now on. Store its ``cursor`` to go on
        later.
        """
        return EventFollower(self, after=after, type=type, interval=interval)


class EventFollower:
    """Events one by one, for ever.

    ``cursor`` is the id of the last one given out; an error leaves it in place.
    """

    __slots__ = ("_events", "_interval", "_started", "_type", "_waiting", "cursor")

    def __init__(self, events: Events, *, after: str | None, type: str | None, interval: float) -> None:
        self._events = events
        self._type = type
        self._interval = interval
        self._waiting: deque[Event] = deque()
        self._started = after is not None
        self.cursor = after

    def __iter__(self) -> Iterator[Event]:
        return self

    def __next__(self) -> Event:
        if not self._started:
            newest = self._events.list(type=self._type, page_size=1).data
            self.cursor = newest[0].id if newest else None
            self._started = True
        while not self._waiting:
            self._waiting.extend(self._later())
            if not self._waiting:
                self._events._client._transport.sleep(self._interval)
        event = self._waiting.popleft()
        self.cursor = event.id
        return event

    def _later(self) -> list[Event]:
        """What came after the cursor, oldest first; without a cursor nothing had happened when it began."""
        page = self._events.list(after=self.cursor, type=self._type, page_size=_PAGE_SIZE)
        return page.data if self.cursor is not None else list(page)[::-1]
