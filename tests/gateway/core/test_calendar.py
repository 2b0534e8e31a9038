"""Shanghai dates, settlement dates and the years that nobody has published yet."""

from __future__ import annotations

import logging
from datetime import UTC, date, datetime, timedelta

import pytest

from gateway.core.calendar import SHANGHAI, OfficialWorkingDays, settlement_date, shanghai_date

OFFICIAL = OfficialWorkingDays()


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        ("2026-11-23T15:59:59+00:00", "2026-11-23"),
        ("2026-11-23T16:00:00+00:00", "2026-11-24"),
        ("2026-11-23T23:59:59+08:00", "2026-11-23"),
    ],
)
def test_a_day_begins_at_midnight_in_shanghai(moment: str, day: str) -> None:
    assert shanghai_date(at(moment)).isoformat() == day


def test_a_time_without_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        shanghai_date(datetime(2026, 11, 23))
    with pytest.raises(ValueError, match="zone"):
        settlement_date(datetime(2026, 11, 23), 1, "23:00", OFFICIAL)


@pytest.mark.parametrize(
    ("captured", "t_plus", "business", "settled"),
    [
        ("2026-09-30T10:00:00+08:00", 1, "2026-09-30", "2026-10-08"),
        ("2026-11-23T16:30:00+00:00", 1, "2026-11-24", "2026-11-25"),
        ("2026-09-18T12:00:00+08:00", 1, "2026-09-18", "2026-09-20"),
        ("2026-11-23T22:59:59+08:00", 1, "2026-11-23", "2026-11-24"),
        ("2026-11-23T23:00:00+08:00", 1, "2026-11-24", "2026-11-25"),
        ("2026-11-20T12:00:00+08:00", 3, "2026-11-20", "2026-11-25"),
    ],
)
def test_settlement_falls_on_the_working_day_after_the_business_date(
    captured: str, t_plus: int, business: str, settled: str
) -> None:
    found = settlement_date(at(captured), t_plus, "23:00", OFFICIAL)
    assert (found.business_date.isoformat(), found.settlement_date.isoformat()) == (business, settled)


def test_a_malformed_cutoff_is_refused() -> None:
    with pytest.raises(ValueError):
        settlement_date(datetime(2026, 11, 23, tzinfo=UTC), 1, "25:00", OFFICIAL)


def test_make_up_days_and_holidays_of_a_published_year_count() -> None:
    assert OFFICIAL.is_working_day(date(2026, 9, 20))
    assert not OFFICIAL.is_working_day(date(2026, 10, 1))


def test_an_unpublished_year_counts_monday_to_friday_and_warns_once(caplog: pytest.LogCaptureFixture) -> None:
    days = OfficialWorkingDays()
    with caplog.at_level(logging.WARNING):
        week = [days.is_working_day(date(2099, 1, 5) + timedelta(days=shift)) for shift in range(7)]
    assert week == [True] * 5 + [False] * 2
    assert len(caplog.records) == 1
    assert "2099" in caplog.text


def test_a_calendar_without_working_days_ends_the_search() -> None:
    class NeverOpen:
        def is_working_day(self, day: date) -> bool:
            return False

    with pytest.raises(ValueError, match="no working day"):
        settlement_date(datetime(2026, 11, 23, 12, tzinfo=SHANGHAI), 1, "23:00", NeverOpen())


def test_fixed_holidays_of_an_unpublished_year_are_known() -> None:
    closed = [date(2099, 1, 1), date(2099, 5, 1), date(2099, 10, 1), date(2099, 10, 2), date(2097, 5, 3)]
    closed += [date(2090, 5, 2), date(2090, 10, 3)]
    assert all(day.weekday() < 5 for day in (closed[0], *closed[2:]))
    assert not any(OFFICIAL.is_working_day(day) for day in closed)
    assert OFFICIAL.is_published(2026)
    assert not OFFICIAL.is_published(2099)


def test_without_days_of_delay_a_capture_on_a_weekend_still_waits_for_a_banking_day() -> None:
    saturday = at("2026-11-28T12:00:00+08:00")
    assert settlement_date(saturday, 0, "23:00", OFFICIAL).settlement_date == date(2026, 11, 30)
    assert settlement_date(at("2026-11-27T12:00:00+08:00"), 0, "23:00", OFFICIAL).settlement_date == date(
        2026, 11, 27
    )
