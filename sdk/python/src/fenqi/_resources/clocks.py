"""Test mode: ``/v1/test_clocks``, 404 in live mode."""

from __future__ import annotations

from datetime import datetime

from .._models import TestClock
from .._transport import Timeout
from ._resource import Resource, given, polled, segment


class TestClocks(Resource):
    """A merchant's own business time in test mode: instalments fall due as it moves."""

    __slots__ = ()
    __test__ = False

    def create(
        self,
        *,
        name: str | None = None,
        idempotency_key: str | None = None,
        timeout: Timeout | None = None,
    ) -> TestClock:
        """Make the merchant's clock; from then on its business time follows it. Raises ConflictError for a second."""
        return self._client._post(TestClock, "/v1/test_clocks", given(name=name), idempotency_key, timeout)

    def retrieve(self, clock: str, *, timeout: Timeout | None = None) -> TestClock:
        """Where the clock stands, and whether it is on its way. Raises NotFoundError."""
        return self._client._get(TestClock, f"/v1/test_clocks/{segment(clock)}", None, timeout)

    def advance(
        self,
        clock: str,
        *,
        days: int | None = None,
        to: datetime | str | None = None,
        idempotency_key: str | None = None,
        timeout: Timeout | None = None,
    ) -> TestClock:
        """Move the clock ahead by ``days`` or ``to`` a moment; the jobs of each day run on the way, see ``wait``.

        Raises TypeError for a time without a zone.
        """
        if isinstance(to, datetime):
            if to.tzinfo is None:
                raise TypeError("to must have a time zone")
            to = to.isoformat()
        path = f"/v1/test_clocks/{segment(clock)}/advance"
        return self._client._post(TestClock, path, given(days=days, to=to), idempotency_key, timeout)

    def wait(self, clock: str, *, timeout: float = 600.0, interval: float = 0.5) -> TestClock:
        """Ask every ``interval`` seconds until the clock is ready. Raises APITimeoutError after ``timeout`` seconds."""
        return polled(
            lambda: self.retrieve(clock),
            ("ready",),
            called=f"test clock {clock}",
            timeout=timeout,
            interval=interval,
            sleep=self._client._transport.sleep,
        )
