"""The words of documents in one language, and how documents write amounts, days and rates; no request is needed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from gateway.core.calendar import SHANGHAI
from gateway.core.money import yuan
from gateway.web.i18n import MONTHS, catalogue


@dataclass(frozen=True, slots=True)
class Words:
    """One language of the pages: ``zh-CN`` or ``en``."""

    language: str

    def t(self, key: str, **values: Any) -> str:
        """The words for ``key``, with ``{placeholders}`` filled in."""
        return catalogue(self.language)[key].format(**values)

    def has(self, key: str) -> bool:
        """Whether there are words for ``key``."""
        return key in catalogue(self.language)

    def of(self, key: str, otherwise: str) -> str:
        """The words for ``key`` where there are any."""
        return self.t(key) if self.has(key) else otherwise

    def lender(self, name: str) -> str:
        """What a lender is called."""
        return self.of(f"lender.{name}", name)

    def money(self, amount_fen: int) -> str:
        """``¥5,999.00``; in English ``CN¥5,999.00``."""
        sign = "−" if amount_fen < 0 else ""
        return f"{sign}{'CN¥' if self.language == 'en' else '¥'}{yuan(abs(amount_fen))}"

    def day(self, value: date | str) -> str:
        """``2026年12月23日``; in English ``23 Dec 2026``."""
        found = date.fromisoformat(value) if isinstance(value, str) else value
        if self.language == "en":
            return f"{found.day} {MONTHS[found.month - 1]} {found.year}"
        return f"{found.year}年{found.month}月{found.day}日"

    def moment(self, value: datetime) -> str:
        """A time in Beijing, to the minute."""
        local = value.astimezone(SHANGHAI)
        return f"{self.day(local.date())} {local:%H:%M}"

    def percent(self, rate: str) -> str:
        """A decimal rate as percent with two decimals, half up: ``0.1800060335`` is ``18.00%``."""
        return f"{(Decimal(rate) * 100).quantize(Decimal('0.01'), ROUND_HALF_UP)}%"


def figure(amount_fen: int) -> str:
    """Yuan in a column of amounts: ``1,234.56``, and ``−1,234.56`` below 0."""
    return yuan(amount_fen).replace("-", "−")
