"""Checking a request body field by field, as strictly as the gateway does."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Any
from urllib.parse import urlsplit

from ._state import Fields, Problem

Check = Callable[[Any], str | None]


def checked(
    body: Fields, required: dict[str, Check], optional: dict[str, Check] | None = None, *, path: str = ""
) -> Fields:
    """``body`` when every field is known and good, else a 422 problem with one entry per bad field."""
    known = {**required, **(optional or {})}
    wrong = [(name, "unknown_field", "Unknown field.") for name in body if name not in known]
    wrong += [(name, "missing", "Missing data for required field.") for name in required if name not in body]
    wrong += [
        (name, "invalid", complaint)
        for name, value in body.items()
        if name in known and (complaint := known[name](value)) is not None
    ]
    if wrong:
        errors = [{"param": path + name, "code": code, "detail": detail} for name, code, detail in wrong]
        detail = f"{errors[0]['param']}: {errors[0]['detail']}"
        raise Problem(422, "validation_failed", detail, param=errors[0]["param"], errors=errors)
    return body


def fen(value: Any) -> str | None:
    """A positive amount."""
    good = type(value) is int and value > 0
    return None if good else "Must be a whole number of fen without quotes: 599900 is 5,999.00 yuan."


def whole(value: Any) -> str | None:
    """A positive count."""
    return None if type(value) is int and value > 0 else "Must be a positive whole number."


def life(value: Any) -> str | None:
    """Seconds that a checkout lives."""
    return None if type(value) is int and 300 <= value <= 604_800 else "Must be from 300 to 604800."


def text(value: Any) -> str | None:
    """One line of text."""
    good = isinstance(value, str) and 0 < len(value.strip()) <= 200 and value.isprintable()
    return None if good else "Must be 1 to 200 characters of text."


def moment(value: Any) -> str | None:
    """A time with its zone."""
    try:
        good = isinstance(value, str) and datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        good = False
    return None if good else "Must be a time with a time zone, such as 2026-11-23T12:00:00Z."


def day(value: str, param: str) -> str:
    """A calendar date in a query."""
    try:
        return date.fromisoformat(value).isoformat()
    except ValueError:
        raise invalid(param, "Not a valid date.") from None


def invalid(param: str, detail: str) -> Problem:
    """The 422 problem of one field."""
    error = {"param": param, "code": "invalid", "detail": detail}
    return Problem(422, "validation_failed", f"{param}: {detail}", param=param, errors=[error])


def address(value: Any) -> str | None:
    """An absolute http(s) address."""
    try:
        parts = urlsplit(value) if isinstance(value, str) else None
        good = parts is not None and parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:  # also a port above 65535
        good = False
    if good and ("#" in value or "@" in urlsplit(value).netloc):
        return "Must not hold a user name or a fragment (#…)."
    return None if good else "Must be an absolute http(s) address, such as https://shop.example/return."


def truth(value: Any) -> str | None:
    """Why a value is not true or false, or None."""
    return None if isinstance(value, bool) else "Must be true or false."


def thing(value: Any) -> str | None:
    """An object."""
    return None if isinstance(value, dict) else "Must be an object."


def pairs(value: Any) -> str | None:
    """Up to 50 pairs of text."""
    good = (
        isinstance(value, dict) and len(value) <= 50 and all(isinstance(one, str) for one in value.values())
    )
    return None if good else "Must be an object of at most 50 string values."


def numbers(value: Any) -> str | None:
    """A list of terms."""
    good = isinstance(value, list) and value and all(type(one) is int and 3 <= one <= 12 for one in value)
    return None if good else "Must be terms from 3 to 12 months."


def things(value: Any) -> str | None:
    """A list of objects, not empty."""
    good = isinstance(value, list) and value and all(isinstance(one, dict) for one in value)
    return None if good else "Must be a list of objects."


def texts(value: Any) -> str | None:
    """A list of text."""
    return (
        None
        if isinstance(value, list) and all(text(one) is None for one in value)
        else "Must be a list of text."
    )


def one_of(*choices: str) -> Check:
    """One of some words."""
    return lambda value: None if value in choices else f"Must be one of: {', '.join(choices)}."
