"""Words, money and times of the portal, in Chinese (the source) and English."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from flask import Flask, Response, request

import fenqi

LANGUAGES = ("zh-CN", "en")
COOKIE = "fenqi_lang"
SHANGHAI = ZoneInfo("Asia/Shanghai")


@cache
def catalogue(language: str) -> dict[str, str]:
    """All words of one language."""
    words: dict[str, str] = json.loads(
        (Path(__file__).parent / "locales" / f"{language}.json").read_text("utf-8")
    )
    return words


def language() -> str:
    """``?lang=``, then the choice made before, then what the browser accepts, else Chinese."""
    for chosen in (request.args.get("lang"), request.cookies.get(COOKIE)):
        if chosen in LANGUAGES:
            return chosen
    return "en" if request.accept_languages.best_match(["zh-CN", "zh", "en"], "zh-CN") == "en" else "zh-CN"


def t(key: str, **values: Any) -> str:
    """The words for ``key`` with ``{placeholders}`` filled in."""
    return catalogue(language())[key].format(**values)


def word(kind: str, value: str) -> str:
    """The word for a value of the API, such as a status; the value itself where there is none yet."""
    return catalogue(language()).get(f"{kind}.{value}", value)


def event(kind: str) -> str:
    """The word for a kind of ledger entry, also of one that cancels another."""
    base = kind.removesuffix("_reversed")
    return t("event.reversed", event=word("event", base)) if base != kind else word("event", kind)


def sorry(status: int) -> str:
    """The headline of a page that says what went wrong."""
    words = catalogue(language())
    return words.get(f"sorry.{status}", words["sorry.502" if status >= 500 else "sorry.400"])


def problem(error: fenqi.FenqiError) -> str:
    """What the gateway's answer means; its own English sentence only on an English page."""
    said = catalogue(language()).get(f"problem.{error.code}")
    if said is None and language() == "en":
        said = getattr(error, "detail", None) or str(error)
    return said or ""


def money(amount_fen: int) -> str:
    """``¥5,999.00``, with a real minus sign."""
    whole, cents = fenqi.yuan(abs(amount_fen)).replace(",", "").split(".")
    return f"{'−' if amount_fen < 0 else ''}¥{int(whole):,}.{cents}"


def plan_summary(plan: Mapping[str, Any]) -> dict[str, Any]:
    """What the payments of a plan come to, in fen, by the golden cases that shoppers' pages and the snippet hold."""
    payments = [row["payment"] for row in plan["schedule"] if row["payment"] is not None]
    payments = payments or [plan["installment"]["regular"]]
    regular, between = payments[len(payments) // 2], payments[1:-1] or payments
    return {
        "term": len(payments),
        "total": sum(payments),
        "first": payments[0] if payments[0] != regular else None,
        "low": min(between),
        "high": max(between),
        "last": payments[-1] if payments[-1] != regular else None,
        "even": len(set(payments)) == 1,
    }


def percent(rate: str | None) -> str:
    """A rate such as ``"0.156"`` as ``15.6%``; a dash for none."""
    try:
        return "–" if rate is None else f"{(Decimal(rate) * 100).normalize():f}%"
    except InvalidOperation:
        return str(rate)


def moment(text: str | None) -> str:
    """An API time in Shanghai, to the minute."""
    if not text:
        return ""
    return f"{datetime.fromisoformat(text).astimezone(SHANGHAI):%Y-%m-%d %H:%M}"


def switch_url() -> str:
    """The address of the page in the other language."""
    other = "zh-CN" if language() == "en" else "en"
    parameters = {name: value for name, value in request.args.items() if name != "lang"}
    return f"{request.script_root}{request.path}?{urlencode({**parameters, 'lang': other})}"


def register(app: Flask) -> None:
    """Give the functions to the templates, and remember a language that was chosen."""
    for function in (t, word, event, sorry, problem, money, plan_summary, percent, moment, switch_url):
        app.jinja_env.globals[function.__name__] = function
    app.jinja_env.globals["page_language"] = language

    @app.after_request
    def remember(response: Response) -> Response:
        if request.args.get("lang") in LANGUAGES:
            response.set_cookie(
                COOKIE,
                request.args["lang"],
                max_age=31_536_000,
                path=request.script_root or "/",
                samesite="Lax",
            )
        return response
