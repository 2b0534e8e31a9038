"""What one cell of a table says: a gap, a number however it is written, a date, or a word."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from scoring.errors import TableInvalid

GAPS: Final = frozenset(
    {
        "",
        "na",
        "n/a",
        "n.a.",
        "nan",
        "null",
        "(null)",
        "none",
        "nil",
        "?",
        "-",
        "--",
        "\u2014",
        ".",
        "#n/a",
        "#na",
    }
    | {"#null!", "#div/0!", "#value!", "\\n", "<na>", "unknown", "missing", "not available"}
    | {"\u672a\u77e5", "\u4e0d\u8be6", "\u7f3a\u5931", "\u65e0", "\u6682\u65e0", "\u7a7a"}
)
"""Texts of a gap, in lower case; the last ones are Chinese for unknown, not clear, missing, none, none yet, empty."""
SCALES: Final = {"\u4e07": 1e4, "\u4e07\u5143": 1e4, "\u4ebf": 1e8, "\u4ebf\u5143": 1e8, "k": 1e3}
CURRENCIES: Final = {
    "\u00a5": "CNY", "\uffe5": "CNY", "cny": "CNY", "rmb": "CNY", "\u5143": "CNY", "\u4eba\u6c11\u5e01": "CNY",
    "$": "USD", "us$": "USD", "usd": "USD", "\u20ac": "EUR", "eur": "EUR", "\u00a3": "GBP", "gbp": "GBP",
}  # fmt: skip
UNITS: Final = {
    **dict.fromkeys(("year", "years", "yr", "yrs", "\u5e74", "\u5c81"), "years"),
    **dict.fromkeys(("month", "months", "mo", "mos", "mths", "\u6708", "\u4e2a\u6708", "\u671f"), "months"),
    **dict.fromkeys(("week", "weeks", "\u5468"), "weeks"),
    **dict.fromkeys(("day", "days", "\u5929", "\u65e5"), "days"),
    **dict.fromkeys(("hour", "hours", "\u5c0f\u65f6"), "hours"),
}
_MONEY: Final = "|".join(re.escape(word) for word in sorted(CURRENCIES, key=len, reverse=True))
NUMBER: Final = re.compile(
    rf"(?P<open>\()?(?P<near>[<>~])?\s*(?P<sign>[+-])?\s*(?P<money>{_MONEY})?\s*(?P<sign2>-)?"
    r"(?P<digits>\d[\d.,' ]*|\.\d+)(?P<power>e[+-]?\d+)?\+?\s*(?P<tail>[^\d\s.,()'+-][^\d()]*)?(?P<close>\))?"
)
EPOCH: Final = datetime(1970, 1, 1)
DATES: Final = {
    "YYYY-MM-DD": re.compile(r"(?P<y>\d{4})-(?P<m>\d{1,2})-(?P<d>\d{1,2})(?P<t>[T ].*)?"),
    "YYYY/MM/DD": re.compile(r"(?P<y>\d{4})/(?P<m>\d{1,2})/(?P<d>\d{1,2})(?P<t> .*)?"),
    "YYYY.MM.DD": re.compile(r"(?P<y>\d{4})\.(?P<m>\d{1,2})\.(?P<d>\d{1,2})"),
    "YYYY\u5e74MM\u6708DD\u65e5": re.compile(
        r"(?P<y>\d{4})\u5e74(?P<m>\d{1,2})\u6708(?:(?P<d>\d{1,2})\u65e5)?"
    ),
    "YYYY-MM": re.compile(r"(?P<y>\d{4})[-/](?P<m>\d{1,2})"),
    "Mon-YYYY": re.compile(r"(?P<m>[a-z]{3})-(?P<y>\d{4})"),
}
SLASHED: Final = re.compile(r"(\d{1,2})[/.](\d{1,2})[/.](\d{4})(?: .*)?")
DAY_FIRST: Final = "DD/MM/YYYY"
MONTH_FIRST: Final = "MM/DD/YYYY"
MONTH_NAMES: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
MONTHS: Final = {name: number for number, name in enumerate(MONTH_NAMES, start=1)}


@dataclass(frozen=True, slots=True)
class Cell:
    """One text, read: ``kind`` is gap, number, odd, date or word."""

    kind: str
    mark: str = ""
    """Of a number: percent, a unit or "mixed"; of a date: how it is written."""
    currency: str = ""
    comma: str = ""
    """What a comma in a number is: decimal, thousands, either, or nothing."""
    digits: str = ""
    scale: float = 1.0

    def number(self, decimal: str) -> float:
        """The value, when ``decimal`` is the mark before the decimals."""
        text = self.digits
        text = text.replace(".", "").replace(",", ".") if decimal == "," else text.replace(",", "")
        return float(text) * self.scale


GAP: Final = Cell("gap")
WORD: Final = Cell("word")


def plain(text: str) -> str:
    """A cell without spaces around it, full-width forms and typographic signs, in lower case."""
    found = (
        text
        if text.isascii()
        else unicodedata.normalize("NFKC", text).replace("\u2212", "-").replace("\u2019", "'")
    )
    return found.strip().lower()


def cell(text: str, gaps: frozenset[str]) -> Cell:
    """What a text says; ``gaps`` are the texts of a gap, as ``plain`` gives them."""
    bare = plain(text)
    if bare in gaps:
        return GAP
    if "_" in bare or bare.lstrip("+-") in {"inf", "infinity"}:
        try:
            float(bare)
        except ValueError:
            return WORD
        return Cell("odd")
    if (found := _date(bare)) is not None:
        return found
    return _number(bare)


def days(text: str, form: str) -> float:
    """Days since 1970-01-01 of a date in one of the forms. Raises ``ValueError``."""
    bare = plain(text)
    if form in {DAY_FIRST, MONTH_FIRST}:
        one, two, year = (int(part) for part in _slashed(bare))
        day, month = (one, two) if form == DAY_FIRST else (two, one)
        return float((date(year, month, day) - EPOCH.date()).days)
    if form in {"YYYYMMDD", "YYYYMM"}:
        whole = str(int(float(bare)))
        return float((date(int(whole[:4]), int(whole[4:6]), int(whole[6:8] or 1)) - EPOCH.date()).days)
    match = DATES[form].fullmatch(bare)
    if match is None:
        raise ValueError(f"{text!r} is not written as {form}")
    parts = match.groupdict()
    month = int(parts["m"]) if parts["m"].isdigit() else MONTHS[parts["m"]]
    whole_days = (date(int(parts["y"]), month, int(parts.get("d") or 1)) - EPOCH.date()).days
    if not parts.get("t"):
        return float(whole_days)
    moment = datetime.fromisoformat(f"2000-01-01T{parts['t'].strip(' t').upper()}").replace(tzinfo=None)
    return whole_days + (moment - datetime(2000, 1, 1)).total_seconds() / 86_400


def _slashed(bare: str) -> tuple[str, ...]:
    match = SLASHED.fullmatch(bare)
    if match is None:
        raise ValueError(f"{bare!r} is not a date with the year at the end")
    return match.groups()


def _date(bare: str) -> Cell | None:
    if len(bare) < 7 or not (bare[:4].isdigit() or bare[-4:].isdigit() or ":" in bare):
        return None
    for form, pattern in DATES.items():
        if pattern.fullmatch(bare):
            try:
                days(bare, form)
            except (ValueError, KeyError):
                return None
            return Cell("date", form)
    match = SLASHED.fullmatch(bare)
    if match is None:
        return None
    one, two = int(match[1]), int(match[2])
    if max(one, two) > 31 or min(one, two) > 12 or min(one, two) < 1:
        return None
    return Cell("date", DAY_FIRST if one > 12 else MONTH_FIRST if two > 12 else "DD/MM or MM/DD")


def _number(bare: str) -> Cell:
    match = NUMBER.fullmatch(bare)
    if match is None or bool(match["open"]) != bool(match["close"]):
        return WORD
    tail = (match["tail"] or "").strip().rstrip(".")
    money = CURRENCIES.get(match["money"] or "", "")
    mark, scale = "", 1.0
    if tail == "%":
        mark = "percent"
    elif tail in CURRENCIES:
        money = CURRENCIES[tail]
    elif tail in SCALES:
        scale = SCALES[tail]
    elif tail in UNITS:
        mark = UNITS[tail]
    elif tail:
        return WORD
    digits = match["digits"].strip()
    comma = _comma(digits)
    if comma is None:
        return WORD
    negative = bool(match["open"]) or "-" in (match["sign"], match["sign2"])
    digits = digits.replace(" ", "").replace("'", "") + (match["power"] or "")
    return Cell("number", mark, money, comma, f"-{digits}" if negative else digits, scale)


def _comma(digits: str) -> str | None:
    """What the comma is in these digits; nothing for numbers without, ``None`` for no number at all."""
    if " " in digits or "'" in digits:
        if not re.fullmatch(r"\d{1,3}([ ']\d{3})+([.,]\d+)?", digits):
            return None
        return "decimal" if "," in digits else ""
    if re.fullmatch(r"\d*\.?\d*", digits):
        return ""
    if re.fullmatch(r"\d{1,3}(\.\d{3})+,\d+|\d{1,3}(\.\d{3}){2,}", digits):
        return "decimal"
    if re.fullmatch(r"\d{1,3}(,\d{3})+\.\d+|\d{1,3}(,\d{3}){2,}", digits):
        return "thousands"
    if re.fullmatch(r"[1-9]\d{0,2},\d{3}", digits):
        return "either"
    return "decimal" if re.fullmatch(r"\d+,\d+", digits) else None


def gap_words(further: str | None) -> frozenset[str]:
    """The known texts of a gap, with those of ``--missing A,B``."""
    if further is None:
        return GAPS
    words = {plain(word) for word in further.split(",") if word.strip()}
    if not words:
        raise TableInvalid("--missing takes the texts of a gap, such as --missing 9999,keine")
    return GAPS | words
