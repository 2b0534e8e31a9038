"""Closed months: from a day of the next month on, what a merchant's books say of a month stands.

The day is in the calendar and not a decision, so everybody knows it beforehand: whoever books something, whoever signs
a certificate, and whoever checks either later.
"""

from __future__ import annotations

from datetime import date, timedelta

CLOSING_DAY = 10
"""On this day of the next month (Shanghai, from its beginning on) a month is closed."""


def first_of(day: date) -> date:
    """The first day of the month of ``day``."""
    return day.replace(day=1)


def next_month(day: date) -> date:
    """The first day of the month after that of ``day``."""
    return first_of(first_of(day) + timedelta(days=31))


def closes_on(day: date) -> date:
    """The day on which the month of ``day`` closes."""
    return next_month(day).replace(day=CLOSING_DAY)


def is_closed(day: date, today: date) -> bool:
    """Whether the month of ``day`` is closed."""
    return today >= closes_on(day)


def open_day(day: date, today: date) -> date:
    """``day`` itself while its month is open, else the first day of the first month that is."""
    if not is_closed(day, today):
        return day
    last_month = first_of(first_of(today) - timedelta(days=1))
    return first_of(today) if is_closed(last_month, today) else last_month


def month_of(text: str) -> date:
    """The first day of a month such as ``2026-11``. Raises ``ValueError``."""
    if len(text) != 7 or not text.isascii():
        raise ValueError(f"expected a month such as 2026-11, not {text!r}")
    return date.fromisoformat(f"{text}-01")
