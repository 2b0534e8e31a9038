"""The words of messages: by kind in Chinese and English, from the catalogue of this room."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from gateway.core.calendar import SHANGHAI
from gateway.core.money import yuan
from gateway.web.i18n import LANGUAGES, catalogue

LONGEST_NAME = 60


@dataclass(frozen=True, slots=True)
class Wording:
    """In which language a message speaks (both, Chinese first, where it is not known), and what it is filled with."""

    language: str | None
    values: Callable[[str], Mapping[str, str]]
    variant: str = ""
    """Of a kind with several texts."""


def text(kind: str, wording: Wording) -> str:
    """What the message says."""
    key = f"message.{kind}{wording.variant}"
    languages = (wording.language,) if wording.language in LANGUAGES else LANGUAGES
    return "\n".join(
        catalogue(language)[key].format(**wording.values(language)) for language in languages if language
    )


def money(amount_fen: int, language: str) -> str:
    """``¥5,999.00``; in English ``CN¥5,999.00``."""
    return ("CN¥" if language == "en" else "¥") + yuan(amount_fen)


def day(value: date, language: str) -> str:
    """``11 月 23 日``; in English ``2026-11-23``."""
    return value.isoformat() if language == "en" else f"{value.month} 月 {value.day} 日"


def moment(value: datetime) -> str:
    """Day and minute in Shanghai."""
    return f"{value.astimezone(SHANGHAI):%Y-%m-%d %H:%M}"


def named(language: str, zh: str, en: str) -> str:
    """A name in the reader's language, short enough for a message."""
    return (en if language == "en" else zh)[:LONGEST_NAME]


def lender(name: str, language: str) -> str:
    """The lender as the shopper reads it: its translated name, or the name itself."""
    return catalogue(language).get(f"lender.{name}", name)
