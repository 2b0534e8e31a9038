"""Days: Shanghai dates of moments, working days by the State Council's calendar, and settlement dates."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

log = logging.getLogger("gateway.calendar")
SHANGHAI = ZoneInfo("Asia/Shanghai")
LONGEST_HOLIDAY_DAYS = 30


class WorkingDays(Protocol):
    """Port: which days banks and payment institutions work."""

    def is_working_day(self, day: date) -> bool: ...


class OfficialWorkingDays:
    """The published calendar with holidays and make-up working days; Monday to Friday, with a warning, beyond it."""

    def __init__(self) -> None:
        self._warned: set[int] = set()

    def is_working_day(self, day: date) -> bool:
        import chinese_calendar  # type: ignore[import-untyped]  # noqa: PLC0415 - loads late

        try:
            return bool(chinese_calendar.is_workday(day))
        except NotImplementedError:
            if day.year not in self._warned:
                self._warned.add(day.year)
                log.warning("no official working days for %d yet: Monday to Friday is taken", day.year)
            return day.weekday() < 5


@dataclass(frozen=True, slots=True)
class SettlementDates:
    """The dates a capture leads to, all in Shanghai."""

    local_date: date
    business_date: date
    settlement_date: date


def shanghai_date(moment: datetime) -> date:
    """The calendar date in Shanghai. Raises ``ValueError`` for a time without zone."""
    if moment.tzinfo is None:
        raise ValueError(f"a time needs a zone, got {moment!r}")
    return moment.astimezone(SHANGHAI).date()


def settlement_date(
    captured_at: datetime, t_plus: int, cutoff_local: str, working_days: WorkingDays
) -> SettlementDates:
    """The ``t_plus``-th working day after the business date; from the cutoff on, a capture is the next day's."""
    local = shanghai_date(captured_at)
    late = captured_at.astimezone(SHANGHAI).time() >= time.fromisoformat(cutoff_local)
    business = local + timedelta(days=1) if late else local
    if t_plus < 0:
        raise ValueError(f"t_plus must not be negative, got {t_plus}")
    day = business
    for _ in range(t_plus):
        day = _next_working_day(day, working_days)
    return SettlementDates(local, business, day)


def _next_working_day(day: date, working_days: WorkingDays) -> date:
    for _ in range(LONGEST_HOLIDAY_DAYS):
        day += timedelta(days=1)
        if working_days.is_working_day(day):
            return day
    raise ValueError(f"no working day within {LONGEST_HOLIDAY_DAYS} days before {day}")
