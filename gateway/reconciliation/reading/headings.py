"""Which row of a file names its columns, and which column holds what: guessed from words, confirmed by the merchant."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from gateway.reconciliation.reading.cells import is_empty, plain
from gateway.reconciliation.reading.sheet import Cell, Row, Unreadable

FIELDS = ("reference", "amount", "credit", "debit", "sign", "refund", "fee", "date", "status", "memo")
SEARCHED_ROWS = 50
NAMES: dict[str, str] = {
    "reference": "商户订单号 商家订单号 店铺订单号 订单编号 订单号 单号 商户单号 交易单号 交易订单号 流水号 "
    "交易流水号 参考号 凭证号 merchant_reference merchantreference order_id orderid order_no orderno order_number "
    "order reference ref out_trade_no transaction_id",
    "amount": "实付金额 实收金额 订单金额 交易金额 付款金额 支付金额 应结订单金额 发生额 金额 "
    "总金额 amount total paid_amount order_amount transaction_amount order_total gross",
    "credit": "贷方金额 贷方发生额 收入金额 收入 贷方 存入金额 转入金额 credit credit_amount money_in deposit",
    "debit": "借方金额 借方发生额 支出金额 支出 借方 支取金额 转出金额 debit debit_amount money_out withdrawal",
    "sign": "借贷标志 借贷方向 收支类型 收/支 收支 借贷 方向 交易类型 dr/cr cr/dr sign direction type",
    "refund": "退款金额 已退金额 退货金额 refund_amount refunded_amount refunded refund",
    "fee": "手续费 服务费 商户手续费 费用 fee fees service_fee commission",
    "date": "交易日期 交易时间 记账日期 入账日期 下单时间 订单日期 付款时间 支付时间 成交时间 完成时间 支付完成时间 "
    "入账时间 创建时间 日期 时间 "
    "date time created_at paid_at order_date transaction_date booking_date value_date",
    "status": "订单状态 交易状态 支付状态 状态 status state order_status",
    "memo": "摘要 备注 附言 用途 交易摘要 memo remark remarks description narrative purpose",
}
FIELD_OF = {name: (field, rank) for field, names in NAMES.items() for rank, name in enumerate(names.split())}
TOTALS = (
    "合计",
    "总计",
    "小计",
    "本页合计",
    "累计",
    "total",
    "totals",
    "subtotal",
    "sum",
    "grand_total",
    "共",
)


@dataclass(frozen=True, slots=True)
class Headings:
    """The row that names the columns, and its names, each once: a second 金额 is called ``金额 (2)``."""

    row: int
    names: tuple[str, ...]

    def fingerprint(self) -> str:
        """By which a later file of the same make is known (hex)."""
        return hashlib.sha256(json.dumps(self.names, ensure_ascii=False).encode()).hexdigest()

    def guessed(self) -> dict[str, str]:
        """Field to column, where a name is known; the better known of two names takes the field."""
        best: dict[str, tuple[int, str]] = {}
        for name in self.names:
            field, rank = FIELD_OF.get(_word(name), (None, 0))
            if field is not None and (field not in best or rank < best[field][0]):
                best[field] = (rank, name)
        if "credit" in best and "debit" in best:
            best.pop("amount", None)
            best.pop("sign", None)
        return {field: best[field][1] for field in FIELDS if field in best}

    def places(self, columns: Mapping[str, str]) -> dict[str, int]:
        """Field to the place of its column, from 0. Raises ``Unreadable`` for a column that is not there."""
        places = {name: place for place, name in enumerate(self.names)}
        for field, name in columns.items():
            if name not in places:
                there = ", ".join(name for name in self.names if name)
                raise Unreadable(
                    f"There is no column {name!r} for {field}; the columns are: {there}."[:1000],
                    row=self.row,
                    column=name,
                )
        return {field: places[name] for field, name in columns.items()}


def find(rows: Iterator[Row]) -> Headings:
    """The headings among the first rows: those with the most known names. Raises ``Unreadable``."""
    first = list(islice(rows, SEARCHED_ROWS))
    scored = [(_known(cells), -number, cells) for number, cells in first]
    best = max(scored, default=None, key=lambda one: one[:2])
    if best is None or not any(_filled(cells) > 1 for _, _, cells in scored):
        raise Unreadable("The file has no row with two cells: it is empty, or its cells are not parted.")
    if best[0] < 2:
        number, cells = next((number, cells) for number, cells in first if _filled(cells) > 1)
        return Headings(number, _unique(cells))
    return Headings(-best[1], _unique(best[2]))


def is_heading(cells: list[Cell]) -> bool:
    """Whether a row names columns: headings in a second language, or those repeated on the next page."""
    return _known(cells) >= 2 and _known(cells) * 2 >= _filled(cells)


def is_total(cells: list[Cell]) -> bool:
    """Whether a row sums others up: its first words are 合计, total or the like."""
    words = _word(next((cell for cell in cells if not is_empty(cell)), ""))
    if words.startswith("#") and _filled(cells) == 1:
        return (
            True  # the end of an institution's file; a row with an amount may begin with an order like #1001
        )
    return words.rstrip(":：").startswith(
        ("合计", "总计", "小计", "本页合计", "累计", "共", "总交易单数", "总笔数", "总金额")
    ) or (words.partition(":")[0].rstrip("_") in TOTALS)


def names_totals(cells: list[Cell]) -> bool:
    """Whether totals stand in the row below, as in the bills of WeChat Pay: names in two cells or more, no figure."""
    texts = [plain(cell) for cell in cells if not is_empty(cell)]
    return (
        len(texts) > 1
        and texts[0].startswith("总")
        and not any(char.isdigit() for text in texts for char in text)
    )


def _known(cells: list[Cell]) -> int:
    return len(
        {FIELD_OF[_word(cell)][0] for cell in cells if isinstance(cell, str) and _word(cell) in FIELD_OF}
    )


def _filled(cells: list[Cell]) -> int:
    return sum(not is_empty(cell) for cell in cells)


def _word(cell: Cell) -> str:
    """A heading without its unit and spaces: ``金额(元)`` is ``金额``."""
    text = plain(cell if cell is not None else "").lower()
    return text.partition("(")[0].strip(" \t*:：").replace(" ", "_").replace("-", "_")


def _unique(cells: Iterable[Cell]) -> tuple[str, ...]:
    seen: dict[str, int] = {}
    names = []
    for cell in cells:
        name = "" if is_empty(cell) else plain(cell)[:100].replace("\n", " ")
        seen[name] = seen.get(name, 0) + 1
        names.append(f"{name} ({seen[name]})" if name and seen[name] > 1 else name)
    return tuple(names)
