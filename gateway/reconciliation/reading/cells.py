"""One cell as what its column holds: an amount in fen, a day, a reference, a status or a sign; or why it is not."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation

from gateway.core.calendar import SHANGHAI
from gateway.reconciliation.reading.sheet import Cell, Formula

MOST_FEN = 10**12
"""Of one row; a million of them still have a sum."""
EXACT_DIGITS = 15
"""What a spreadsheet keeps of a number; it replaces the digits behind with zeros."""
SCIENTIFIC = re.compile(r"[+-]?\d+([.,]\d+)?[eE][+-]?\d+")
DECIMAL_COMMA = re.compile(r"\d,\d{1,2}$")
DECIMAL_POINT = re.compile(r"\d\.\d{1,2}$")
UNITS = re.compile(r"CNY|RMB|[¥￥元]", re.IGNORECASE)
GROUPED_BY_POINTS = re.compile(r"\d{1,3}(\.\d{3})+(,\d*)?|\d+(,\d*)?|,\d+")
GROUPED = re.compile(r"\d{1,3}(,\d{3})+(\.\d*)?|\d+(\.\d*)?|\.\d+")
DAY = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?(?:[ T]+(.*))?$")
COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})(\d{6})?$")
SERIAL = re.compile(r"\d{5}(\.\d+)?$")
FIRST_SERIAL = date(1899, 12, 30)
SERIALS = range(32_874, 73_051)
"""Days of a spreadsheet from 1990 to 2099."""
YEARS = range(1990, 2100)
INVISIBLE = str.maketrans("", "", "\u200b\u2060\ufeff")
"""What stands in a cell without being seen: spaces of no width, and marks of byte order."""
STATUSES = {
    "paid": "已支付 已付款 支付成功 交易成功 交易完成 已完成 完成 成功 已发货 已签收 已收货 已入账 已到账 "
    "paid success succeeded successful completed complete captured settled shipped delivered fulfilled booked book",
    "refunded": "已退款 退款成功 全额退款 已全额退款 退款 refunded refund reversed returned",
    "canceled": "已取消 取消 已关闭 交易关闭 关闭 已作废 作废 已撤销 canceled cancelled closed void voided expired",
    "pending": "待付款 待支付 未支付 处理中 待处理 待发货 未发货 进行中 pending processing open unpaid in_transit",
    "failed": "失败 支付失败 交易失败 已失败 failed failure declined",
}
STATUS_OF = {word: status for status, words in STATUSES.items() for word in words.split()}
SIGNS = {
    1: "贷 贷方 收入 收 入账 转入 存入 交易 消费 销售 c cr crdt credit in sale payment charge capture +",
    -1: "借 借方 支出 支 出账 转出 支取 退款 退货 冲正 d dr dbit debit out refund return reversal -",
}
SIGN_OF = {word: sign for sign, words in SIGNS.items() for word in words.split()}


class Fault(Exception):
    """What a cell holds is not what its column needs; the text says what it is and what to do."""


def is_empty(cell: Cell) -> bool:
    """Whether nothing stands in the cell, or one of the signs for nothing."""
    return cell is None or (isinstance(cell, str) and cell.strip() in ("", "-", "--", "—", "/"))


def plain(cell: Cell) -> str:
    """A cell as text with plain digits, letters and signs in the place of full-width ones."""
    text = str(cell)
    return (
        text.strip() if text.isascii() else unicodedata.normalize("NFKC", text.translate(INVISIBLE)).strip()
    )


def fen(cell: Cell, *, decimal_comma: bool = False, in_fen: bool = False) -> int:
    """An amount in fen. Raises ``Fault``."""
    _refuse_formula(cell)
    if isinstance(cell, (bool, date, datetime)):
        raise Fault(f"{str(cell)!r} is not an amount.")
    if isinstance(cell, (int, float)):
        return _exact_fen(Decimal(repr(cell)), cell, in_fen=in_fen, computed=isinstance(cell, float))
    text = UNITS.sub("", plain(cell)).replace("\u2212", "-")
    text = re.sub(r"(?<=\d)[ ' ](?=\d{3})", "", text).strip()
    negative = text.startswith(("-", "(")) or text.endswith("-")
    if SCIENTIFIC.fullmatch(text):
        raise Fault(
            f"{plain(cell)!r} is in scientific form and has lost digits: format the column as a number."
        )
    bare = text.strip("()+- ")
    if decimal_comma and GROUPED_BY_POINTS.fullmatch(bare):
        bare = bare.replace(".", "").replace(",", ".")
    elif decimal_comma or not GROUPED.fullmatch(bare):
        raise Fault(f"{plain(cell)[:40]!r} is not an amount such as 5,999.00.")
    value = _exact_fen(Decimal(bare.replace(",", "")), cell, in_fen=in_fen, computed=False)
    return -value if negative else value


def _exact_fen(value: Decimal, cell: Cell, *, in_fen: bool, computed: bool) -> int:
    try:
        whole = value if in_fen else value * 100
        nearest = whole.to_integral_value()
        if whole != nearest and not (computed and abs(whole - nearest) < Decimal("0.000001")):
            raise Fault(f"{plain(cell)!r} is not a whole number of fen.")
    except InvalidOperation:
        raise Fault(f"{plain(cell)!r} is not an amount.") from None
    if abs(nearest) > MOST_FEN:
        raise Fault(f"{plain(cell)[:40]!r} is larger than any amount here.")
    return int(nearest)


def writes_decimal_comma(cells: list[Cell]) -> bool:
    """Whether a column writes 12,50 for twelve yuan fifty. Raises ``Fault`` when it writes both ways."""
    texts = [plain(cell).strip("()+- ¥元") for cell in cells if isinstance(cell, str)]
    comma = next((text for text in texts if DECIMAL_COMMA.search(text)), None)
    point = next((text for text in texts if DECIMAL_POINT.search(text)), None)
    if comma and point:
        raise Fault(f"The column writes both {comma!r} and {point!r}: use one decimal sign.")
    return comma is not None


def day(cell: Cell) -> date:
    """A day from 1990 to 2099, in Shanghai where a time zone is said. Raises ``Fault``."""
    _refuse_formula(cell)
    found = _day(cell)
    if found.year not in YEARS:
        raise Fault(f"{str(cell)[:40]!r} is not a day from {YEARS[0]} to {YEARS[-1]}.")
    return found


def _day(cell: Cell) -> date:
    if isinstance(cell, datetime):
        return cell.astimezone(SHANGHAI).date() if cell.tzinfo else cell.date()
    if isinstance(cell, date):
        return cell
    if isinstance(cell, (int, float)) and not isinstance(cell, bool) and int(cell) in SERIALS:
        return FIRST_SERIAL + timedelta(days=int(cell))
    text = plain(int(cell) if isinstance(cell, float) and cell.is_integer() else cell)
    if match := DAY.match(text) or COMPACT.match(text):
        try:
            written = date(int(match[1]), int(match[2]), int(match[3]))
        except ValueError:
            raise Fault(f"{text[:40]!r} is not a day of the calendar.") from None
        return _in_shanghai(text, written)
    if SERIAL.match(text) and int(text[:5]) in SERIALS:
        return FIRST_SERIAL + timedelta(days=int(text[:5]))
    if re.match(r"\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}", text):
        raise Fault(f"{text[:40]!r} can be read as two different days: write it as 2026-01-05.")
    raise Fault(f"{text[:40]!r} is not a day such as 2026-01-05.")


def _in_shanghai(text: str, written: date) -> date:
    """The day that ``text`` names, moved to Shanghai where it ends with a time zone."""
    if "T" not in text and "+" not in text and not text.endswith("Z"):
        return written
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(SHANGHAI).date() if moment.tzinfo is not None else written
    except (ValueError, OverflowError):
        return written


def reference(cell: Cell) -> str:
    """What names the order or the payout, digit by digit. Raises ``Fault`` where a spreadsheet has lost digits."""
    _refuse_formula(cell)
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 10**EXACT_DIGITS:
        cell = int(cell)
    if isinstance(cell, (bool, float, date)):
        if isinstance(cell, float):
            raise Fault(_damaged(repr(cell)))
        raise Fault(f"{str(cell)!r} is not a reference: format the column as text before you enter it.")
    if isinstance(cell, int) and abs(cell) >= 10**EXACT_DIGITS:
        raise Fault(_damaged(str(cell)))
    text = plain(cell)
    if SCIENTIFIC.fullmatch(text):
        raise Fault(_damaged(text))
    if len(text) > 200:
        raise Fault(f"The reference has {len(text)} characters: expected at most 200.")
    return text


def _damaged(text: str) -> str:
    return (
        f"The number {text[:40]} was damaged by a spreadsheet, which keeps only {EXACT_DIGITS} digits. Format the "
        "column as text and export it again; it is not guessed."
    )


def status(cell: Cell) -> str:
    """What the file says became of it: one of ``STATUSES``. Raises ``Fault``."""
    _refuse_formula(cell)
    text = plain(cell).lower().replace(" ", "_")
    found = STATUS_OF.get(text)
    if found is None:
        raise Fault(
            f"The status {plain(cell)[:40]!r} is unknown: use for example 已支付, 已退款, 已取消, paid or refunded."
        )
    return found


def sign(cell: Cell) -> int:
    """1 for money that came in, -1 for money that went out. Raises ``Fault``."""
    _refuse_formula(cell)
    found = SIGN_OF.get(plain(cell).lower())
    if found is None:
        raise Fault(
            f"{plain(cell)[:40]!r} does not say in or out: use for example 贷 and 借, or credit and debit."
        )
    return found


def _refuse_formula(cell: Cell) -> None:
    if isinstance(cell, Formula):
        raise Fault(f"The cell is computed ({cell.text[:40]}): paste its value instead of the formula.")


def days_since_1970(of: date) -> int:
    """A day as a number, for SQL."""
    return (of - datetime(1970, 1, 1, tzinfo=UTC).date()).days
