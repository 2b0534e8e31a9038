"""Whole numbers that are dates, such as 20230131 and 202301, told apart from amounts that only look like them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date
from typing import Final

import numpy as np
from numpy.typing import NDArray

DAY, MONTH = "YYYYMMDD", "YYYYMM"
FEWEST: Final = 30
"""This number of different days, spread as well, does not happen by accident."""
SPREAD: Final = 4
"""Months (of days) or years (of months) that they cover at least: most numbers between two of these are not days."""
MOST_KEPT: Final = 1_000
NAMES: Final = re.compile(
    r"date|time(?!s)|when|period|opened|issued|since|(?<![a-z])(day|month|dt|ymd?|yyyymm(dd)?)(?![a-z])"
    r"|\u65e5\u671f|\u65f6\u95f4|\u5e74\u6708|\u6708\u4efd|\u8d26\u671f|\u65e5$",
    re.IGNORECASE,
)
"""Names of columns with dates; the Chinese ones are date, time, year and month, month, billing period, day."""
NO_NAMES: Final = re.compile(
    r"amount|income|balance|salary|price|limit|count|(?<![a-z])(sum|total|num|no|id)(?![a-z])"
    r"|\u91d1\u989d|\u6536\u5165|\u4f59\u989d|\u989d\u5ea6",
    re.IGNORECASE,
)
"""Names that speak of something else, also beside a month: amount, income, balance, limit."""


@dataclass(slots=True)
class Stamps:
    """What the first pass finds about the numbers of a column: whether all can be dates, and some of them."""

    eight: bool = True
    six: bool = True
    seen: set[int] = field(default_factory=set)

    def see(self, values: NDArray[np.float64]) -> None:
        """Take further numbers of the column; without gaps."""
        if not len(values) or not (self.eight or self.six):
            return
        self.eight = self.eight and _calendar(values, 19_000_101, 21_001_231, 100)
        self.six = self.six and _calendar(values, 190_001, 210_012, 1)
        if (self.eight or self.six) and len(self.seen) < MOST_KEPT:
            self.seen.update(np.unique(values).astype(int).tolist()[:MOST_KEPT])

    @property
    def form(self) -> str:
        """How all numbers can be read as dates; nothing when they cannot."""
        if not self.seen:
            return ""
        return DAY if self.eight else MONTH if self.six else ""

    @property
    def certain(self) -> bool:
        """Whether so many different numbers so far apart are all days that hardly anything else is possible."""
        if len(self.seen) < FEWEST or len({stamp // 100 for stamp in self.seen}) < SPREAD:
            return False
        return self.form == MONTH or all(map(_is_day, self.seen))


def is_date(measure: str) -> bool:
    """Whether what a column was in the training is a form of dates."""
    return measure.startswith(("YYYY", "DD/", "MM/", "Mon"))


def dated(name: str, stamps: Stamps, learned: str | None, *, named: bool) -> bool:
    """Whether numbers that can be dates are dates.

    The training decides (``learned``, ``None`` where there was none). Without it, the caller has named the column as
    one, or its name speaks of days, or the numbers are ``certain``.
    """
    if learned is not None:
        return is_date(learned)
    spoken = name.replace("_", " ")
    return named or stamps.certain or bool(NAMES.search(spoken) and not NO_NAMES.search(spoken))


def _calendar(values: NDArray[np.float64], low: int, high: int, per_month: int) -> bool:
    """Whether all are whole numbers that read as dates such as 20230131 or months such as 202301."""
    if not ((values >= low) & (values <= high) & (values == np.floor(values))).all():
        return False
    month = values // per_month % 100
    day = values % 100 if per_month > 1 else np.ones(len(values))
    return bool(((month >= 1) & (month <= 12) & (day >= 1) & (day <= 31)).all())


def _is_day(stamp: int) -> bool:
    try:
        date(stamp // 10_000, stamp // 100 % 100, stamp % 100)
    except ValueError:
        return False
    return True
