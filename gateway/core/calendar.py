"""Days: Shanghai dates of moments, working days by the State Council's calendar, and settlement dates."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

log = logging.getLogger("gateway.calendar")
SHANGHAI = ZoneInfo("Asia/Shanghai")
LONGEST_HOLIDAY_DAYS = 30


FIXED_HOLIDAYS = frozenset({(1, 1), (5, 1), (5, 2), (5, 3), (10, 1), (10, 2), (10, 3)})
"""Month and day of the public holidays that are on the same days every year. The regulation of November 2024 names
1 and 2 May; 3 May has been free by the published list of every year since 2019. Spring Festival, Qingming, Dragon
Boat and Mid-Autumn follow the moon or the sun: only the list of the year knows them."""


class WorkingDays(Protocol):
    """Port: which days banks and payment institutions work."""

    def is_working_day(self, day: date) -> bool:
        """Whether banks settle on a day in Shanghai; an estimate for a year that is not published."""
        ...

    def is_published(self, year: int) -> bool:
        """Whether the State Council's list of the year is known; else working days are an estimate."""
        ...


class OfficialWorkingDays:
    """The published calendar with holidays and make-up working days.

    A year without a list has Monday to Friday without the fixed holidays, and a warning in the log.
    """

    def __init__(self) -> None:
        self._warned: set[int] = set()

    def is_working_day(self, day: date) -> bool:
        """By the list, else by the weekday with a warning, once for each year."""
        if self.is_published(day.year):
            import chinese_calendar  # type: ignore[import-untyped]  # noqa: PLC0415 - loads late

            return bool(chinese_calendar.is_workday(day))
        if day.year not in self._warned:
            self._warned.add(day.year)
            log.warning(
                "The official working days of %d are not known: Monday to Friday without the fixed holidays is taken. "
                "Update the package chinese-calendar once the list is published, usually in November of the year "
                "before.",
                day.year,
            )
        return day.weekday() < 5 and (day.month, day.day) not in FIXED_HOLIDAYS

    def is_published(self, year: int) -> bool:
        """A list always names the National Day of its year."""
        from chinese_calendar import constants  # noqa: PLC0415 - loads late

        return date(year, 10, 1) in constants.holidays


@dataclass(frozen=True, slots=True)
class SettlementDates:
    """The dates a capture leads to, all in Shanghai."""

    local_date: date
    business_date: date
    settlement_date: date


def shanghai_date(moment: datetime) -> date:
    """The calendar date in Shanghai. Raises ``ValueError`` for a time without zone."""
    if moment.tzinfo is None:
        raise ValueError(f"a time needs a time zone, got {moment!r}")
    return moment.astimezone(SHANGHAI).date()


def first_moment(day: date) -> datetime:
    """When a day begins in Shanghai (UTC); that of a day before 1900 is the beginning of 1900."""
    return datetime.combine(max(day, date(1900, 1, 1)), time.min, SHANGHAI).astimezone(UTC)


def last_moment(day: date) -> datetime:
    """The last microsecond of a day in Shanghai (UTC)."""
    return datetime.combine(max(day, date(1900, 1, 1)), time.max, SHANGHAI).astimezone(UTC)


def settlement_date(
    captured_at: datetime, t_plus: int, cutoff_local: str, working_days: WorkingDays, *, banking: bool = True
) -> SettlementDates:
    """The ``t_plus``-th working day after the business date; from the cutoff on, a capture is the next day's.

    With ``t_plus`` 0 it is the business date itself, or the next working day where that is none. Without ``banking``
    every day counts, and the last one is moved to the next working day where it is none.
    """
    local = shanghai_date(captured_at)
    late = captured_at.astimezone(SHANGHAI).time() >= time.fromisoformat(cutoff_local)
    business = local + timedelta(days=1) if late else local
    if t_plus < 0:
        raise ValueError(f"t_plus must not be negative, got {t_plus}")
    if not banking:
        day = working_day_from(business + timedelta(days=t_plus), working_days)
        return SettlementDates(local, business, day)
    day = business if t_plus else working_day_from(business, working_days)
    for _ in range(t_plus):
        day = working_day_from(day + timedelta(days=1), working_days)
    return SettlementDates(local, business, day)


def working_day_from(day: date, working_days: WorkingDays) -> date:
    """The first working day on or after ``day``. Raises ``ValueError`` when there is none for a month."""
    for ahead in range(LONGEST_HOLIDAY_DAYS):
        if working_days.is_working_day(day + timedelta(days=ahead)):
            return day + timedelta(days=ahead)
    raise ValueError(f"no working day within {LONGEST_HOLIDAY_DAYS} days from {day}")
