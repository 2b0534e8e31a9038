"""Words of the pages: key-based catalogues in Chinese (the source) and English, one pair per room."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from flask import Flask, g, request

import gateway
from gateway.core.calendar import SHANGHAI
from gateway.core.money import yuan

LANGUAGES = ("zh-CN", "en")
ROOMS = Path(gateway.__file__).parent
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@cache
def catalogue(language: str) -> dict[str, str]:
    """All rooms' words in one language. A key that two rooms define is a mistake and stops the start."""
    words: dict[str, str] = {}
    for path in sorted(ROOMS.glob(f"*/locales/{language}.json")):
        found = json.loads(path.read_text("utf-8"))
        twice = words.keys() & found.keys()
        if twice:
            raise ValueError(f"{path} defines again: {', '.join(sorted(twice))}")
        words |= found
    return words


def language() -> str:
    """The reader's language: ``?lang=``, that of the page's subject, what the browser accepts, else Chinese."""
    if "language" not in g:
        chosen = request.args.get("lang", "") or g.get("locale", "")
        if chosen in LANGUAGES:
            g.language = chosen
        else:
            best = request.accept_languages.best_match(["zh-CN", "zh", "en"], default="zh-CN")
            g.language = "en" if best == "en" else "zh-CN"
    return str(g.language)


def begin_in(locale: str | None) -> None:
    """Let the page be in ``locale``, where the reader has not chosen another."""
    if locale is not None:
        g.locale = locale
        g.pop("language", None)


def t(key: str, **values: Any) -> str:
    """The words for ``key`` in the reader's language, with ``{placeholders}`` filled in."""
    return catalogue(language())[key].format(**values)


def money(amount_fen: int) -> str:
    """``¥5,999.00``; in English ``CN¥5,999.00``."""
    return ("CN¥" if language() == "en" else "¥") + yuan(amount_fen)


def day(value: date | str) -> str:
    """``2026年12月23日``; in English ``23 Dec 2026``."""
    found = date.fromisoformat(value) if isinstance(value, str) else value
    if language() == "en":
        return f"{found.day} {MONTHS[found.month - 1]} {found.year}"
    return f"{found.year}年{found.month}月{found.day}日"


def moment(value: datetime) -> str:
    """A time in Shanghai, to the minute."""
    local = value.astimezone(SHANGHAI)
    return f"{day(local.date())} {local:%H:%M}"


def waiting_time(seconds: int) -> str:
    """``30 seconds``, ``5 minutes``, ``2 hours``: rounded up, so that who comes then is not too early."""
    unit, length = ("second", 1) if seconds < 60 else ("minute", 60) if seconds < 3600 else ("hour", 3600)
    count = -(-seconds // length)
    return t(f"wait.{unit}" if count == 1 else f"wait.{unit}s", count=count)


def percent(rate: str) -> str:
    """A decimal rate as percent with two decimals, half up as it was rounded before: ``0.1800060335`` is ``18.00%``."""
    return f"{(Decimal(rate) * 100).quantize(Decimal('0.01'), ROUND_HALF_UP)}%"


def other_language_url(path: str | None = None) -> str:
    """The address of the page, or of the one at ``path``, in the other language."""
    other = "zh-CN" if language() == "en" else "en"
    parameters = {name: value for name, value in request.args.items() if name != "lang"}
    return f"{path or request.path}?{urlencode({**parameters, 'lang': other})}"


def with_language(url: str) -> str:
    """A link that keeps the language the reader chose."""
    if "lang" not in request.args:
        return url
    return f"{url}{'&' if '?' in url else '?'}lang={language()}"


def register(app: Flask) -> None:
    """Give the functions above to every template."""
    names: tuple[Callable[..., Any], ...] = (
        t,
        money,
        day,
        moment,
        percent,
        other_language_url,
        with_language,
    )
    app.jinja_env.globals.update({function.__name__: function for function in names})
    app.jinja_env.globals["page_language"] = language
