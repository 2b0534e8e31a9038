"""The fake gateway's business time: it stands still until it is moved."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

SHANGHAI = timezone(timedelta(hours=8), "Asia/Shanghai")


class FakeClock:
    """A moment that only ``advance`` moves; text given to it must carry an offset, like 2026-11-23T20:00+08:00."""

    __slots__ = ("_now",)

    def __init__(self, start: str | datetime) -> None:
        moment = datetime.fromisoformat(start) if isinstance(start, str) else start
        if moment.tzinfo is None:
            raise ValueError(f"the clock needs a UTC offset, such as 2026-11-23T20:00+08:00: {start!r}")
        self._now = moment.astimezone(UTC)

    def now(self) -> datetime:
        """The moment, in UTC."""
        return self._now

    def advance(self, by: timedelta) -> None:
        """Move on."""
        self._now += by


def rfc3339(moment: datetime) -> str:
    """UTC with milliseconds and Z, as the API writes times."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def shanghai_date(moment: datetime) -> date:
    """The calendar date in Shanghai."""
    return moment.astimezone(SHANGHAI).date()


def settlement_date(moment: datetime) -> date:
    """T+1: the first Monday to Friday after the business date, which ends at 23:00 in Shanghai.

    The fake knows no public holidays and no make-up working days.
    """
    day = shanghai_date(moment + timedelta(hours=1)) + timedelta(days=1)
    while day.weekday() >= 5:
        day += timedelta(days=1)
    return day
