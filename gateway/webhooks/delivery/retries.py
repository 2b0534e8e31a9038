"""When a failed delivery is tried again: the table of waits, with jitter, unless the endpoint names a time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

WAIT_SECONDS = (5, 30, 120, 600, 3600, 4 * 3600, 12 * 3600, 24 * 3600)
"""Waits after the first, second … failure; the last one repeats."""
JITTER = 0.2
"""Each wait is up to so much longer or shorter, so that endpoints which failed together do not come back together."""
GIVE_UP_AFTER = timedelta(days=5)
"""A delivery is tried for so long; an endpoint that failed for so long is disabled."""
ASKED_AGAIN = frozenset({429, 503})
"""Statuses whose Retry-After is honoured."""
DEFAULT_SECONDS = 30
"""The wait for a Retry-After that cannot be read."""
LONGEST_SECONDS = 24 * 3600
PATIENCE = 20
"""The number of failures after which a Retry-After no longer shortens the wait of the table."""


def wait(failures: int, *, chance: float) -> timedelta:
    """The wait after the ``failures``-th failure; ``chance`` from 0 to 1 places it within the jitter."""
    seconds = WAIT_SECONDS[min(max(failures, 1), len(WAIT_SECONDS)) - 1]
    return timedelta(seconds=seconds * (1 - JITTER + 2 * JITTER * chance))


def asked_wait(status: int | None, retry_after: str | None, *, now: datetime) -> timedelta | None:
    """The wait that the endpoint asks for: 429 or 503 with Retry-After (seconds or a date); a day at most."""
    if status not in ASKED_AGAIN or retry_after is None:
        return None
    return timedelta(seconds=min(max(_seconds(retry_after.strip(), now), 1), LONGEST_SECONDS))


def next_wait(failures: int, wanted_wait: timedelta | None, *, chance: float) -> timedelta:
    """The wait after a failure: what the endpoint asked for, else the table's."""
    usual = wait(failures, chance=chance)
    if wanted_wait is None:
        return usual
    return wanted_wait if failures <= PATIENCE else max(wanted_wait, usual)


def _seconds(text: str, now: datetime) -> float:
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        moment = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return DEFAULT_SECONDS
    return (moment.replace(tzinfo=moment.tzinfo or UTC) - now).total_seconds()
