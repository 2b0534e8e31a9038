"""The fake bank's repayment methods: what a tester types on its page, and how collections by it end.

A number chooses what happens, as in other test environments. Of a number it keeps the last four digits.
"""

from __future__ import annotations

import re
import secrets
import sqlite3
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from gateway.core.calendar import shanghai_date

SCHEMA = """
CREATE TABLE IF NOT EXISTS setup (
    reference TEXT PRIMARY KEY, party TEXT NOT NULL, return_url TEXT NOT NULL, language TEXT NOT NULL,
    expires_at TEXT NOT NULL, secret TEXT NOT NULL UNIQUE, status TEXT NOT NULL, failure TEXT, method TEXT) STRICT;
CREATE TABLE IF NOT EXISTS method (
    token TEXT PRIMARY KEY, party TEXT NOT NULL, kind TEXT NOT NULL, brand TEXT NOT NULL, last4 TEXT NOT NULL,
    exp_year INTEGER NOT NULL, exp_month INTEGER NOT NULL, failure TEXT, detached INTEGER NOT NULL DEFAULT 0) STRICT;
"""
DECLINED_AT_ONCE = {"4000000000000002": "do_not_honor", "4000000000000119": "processing_error"}
"""Numbers that are refused while the shopper is on the page, and why."""
ASKS_MORE = frozenset({"4000002500003155"})
"""Numbers whose bank asks the shopper to approve once more."""
FAILS_LATER = {
    "4000000000009995": "insufficient_funds",
    "4000000000000341": "do_not_honor",
    "4000000000000069": "expired_card",
    "4000000000009987": "lost_card",
    "6222020000000034": "mandate_withdrawn",
}
"""Numbers that are taken, and fail whenever something is collected."""
BRANDS = (("unionpay", r"62\d{14,17}"), ("visa", r"4\d{15}"), ("mastercard", r"5[1-5]\d{14}"))


@dataclass(frozen=True, slots=True)
class Typed:
    """What a tester typed, or what is wrong with it: ``faults`` are fields."""

    number: str = ""
    year: int = 0
    month: int = 0
    faults: tuple[str, ...] = ()


def read(form: Any, now: datetime) -> Typed:
    """A form with ``number`` and ``expiry`` (MM/YY). Full-width digits, spaces and hyphens are understood."""
    number = re.sub(r"[\s\-]", "", unicodedata.normalize("NFKC", form.get("number", "")[:40]))
    expiry = re.sub(r"\s", "", unicodedata.normalize("NFKC", form.get("expiry", "")[:20]))
    faults = []
    if brand_of(number) is None or not _has_check_digit(number):
        faults.append("number")
    found = re.fullmatch(r"(0?[1-9]|1[0-2])[/-](?:20)?(\d\d)", expiry, re.ASCII)
    year, month = (2000 + int(found[2]), int(found[1])) if found else (0, 0)
    today = shanghai_date(now)
    if (year, month) < (today.year, today.month):
        faults.append("expiry")
    return Typed(number, year, month, tuple(faults))


def brand_of(number: str) -> str | None:
    """Whose card it is; None for a number of nobody's."""
    return next((name for name, form in BRANDS if re.fullmatch(form, number, re.ASCII)), None)


def begin(connection: sqlite3.Connection, told: dict[str, str]) -> None:
    """Begin a set-up; the same reference is the same one. Raises ``ValueError`` for another of that reference."""
    row = _setup(connection, "reference", told["reference"])
    if row is None:
        connection.execute(
            "INSERT INTO setup VALUES (?, ?, ?, ?, ?, ?, 'open', NULL, NULL)",
            (
                told["reference"],
                told["party"],
                told["return_url"],
                told["language"],
                told["expires_at"],
                secrets.token_urlsafe(24),
            ),
        )
    elif (row["party"], row["return_url"]) != (told["party"], told["return_url"]):
        raise ValueError(f"{told['reference']} is known with another party or return_url")


def state(connection: sqlite3.Connection, reference: str) -> dict[str, Any] | None:
    """A set-up as the bank tells it; None for an unknown one."""
    row = _setup(connection, "reference", reference)
    return _told(connection, row) if row is not None else None


def by_secret(connection: sqlite3.Connection, secret: str) -> dict[str, Any] | None:
    """The set-up behind the address of the page."""
    row = _setup(connection, "secret", secret)
    return _told(connection, row) if row is not None else None


def take(connection: sqlite3.Connection, secret: str, typed: Typed, *, approved: bool) -> str:
    """Take a number: ``taken``, ``declined`` or ``asks`` (to approve once more). A set-up takes one number."""
    told = by_secret(connection, secret)
    if told is None or told["status"] != "open":
        return "over"
    if typed.number in DECLINED_AT_ONCE:
        return "declined"
    if typed.number in ASKS_MORE and not approved:
        return "asks"
    token = f"fbm_{secrets.token_hex(16)}"
    brand = brand_of(typed.number)
    connection.execute(
        "INSERT INTO method VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0)",
        (
            token,
            told["party"],
            "mandate" if brand == "unionpay" else "card",
            brand,
            typed.number[-4:],
            typed.year,
            typed.month,
            FAILS_LATER.get(typed.number),
        ),
    )
    connection.execute("UPDATE setup SET status = 'done', method = ? WHERE secret = ?", (token, secret))
    return "taken"


def give_up(connection: sqlite3.Connection, secret: str) -> None:
    """The shopper turns back: nothing was given."""
    connection.execute(
        "UPDATE setup SET status = 'failed', failure = 'canceled' WHERE secret = ? AND status = 'open'",
        (secret,),
    )


def detach(connection: sqlite3.Connection, token: str) -> None:
    """Collect nothing by this method any more. Raises ``KeyError`` for an unknown one."""
    if not connection.execute("UPDATE method SET detached = 1 WHERE token = ?", (token,)).rowcount:
        raise KeyError("method")


def failure_of(
    connection: sqlite3.Connection, token: str | None, party: str, at: datetime | None
) -> str | None:
    """Why nothing can be collected by a method at a time; None where it can, or where no method is named."""
    if token is None:
        return None
    row = connection.execute("SELECT * FROM method WHERE token = ?", (token,)).fetchone()
    if row is None or row["party"] != party or row["detached"]:
        return "no_payment_method"
    today = shanghai_date(at or datetime.now(UTC))
    if (row["exp_year"], row["exp_month"]) < (today.year, today.month):
        return "expired_card"
    return None if row["failure"] is None else str(row["failure"])


def _setup(connection: sqlite3.Connection, by: str, value: str) -> Any:
    return connection.execute(f"SELECT * FROM setup WHERE {by} = ?", (value,)).fetchone()


def _told(connection: sqlite3.Connection, row: Any) -> dict[str, Any]:
    expired = row["status"] == "open" and datetime.fromisoformat(row["expires_at"]) <= datetime.now(UTC)
    found = connection.execute("SELECT * FROM method WHERE token = ?", (row["method"],)).fetchone()
    shown = ("token", "kind", "brand", "last4", "exp_year", "exp_month")
    return {
        "reference": row["reference"],
        "party": row["party"],
        "return_url": row["return_url"],
        "language": row["language"],
        "secret": row["secret"],
        "status": "failed" if expired else row["status"],
        "failure": "setup_expired" if expired else row["failure"],
        "method": {name: found[name] for name in shown} if found is not None else None,
    }


def _has_check_digit(number: str) -> bool:
    """Luhn's check, which some cards of UnionPay do without: theirs is not asked for."""
    if number.startswith("62"):
        return True
    digits = [int(char) for char in reversed(number)]
    doubled = [digit if at % 2 == 0 else sum(divmod(digit * 2, 10)) for at, digit in enumerate(digits)]
    return sum(doubled) % 10 == 0
