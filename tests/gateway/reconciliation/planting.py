"""A month of two sides with planted differences of every kind, and the verdicts they must get, known beforehand."""

from __future__ import annotations

import io
import random
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import openpyxl

FIRST = date(2026, 1, 1)
WINDOW = 10
HEADINGS = ["订单号", "金额(元)", "日期", "状态", "手续费"]
FORMS = ("utf-8", "utf-8-sig", "gb18030", "decimal comma", "xlsx", "utf-16")


@dataclass
class Month:
    """Rows of the file as (name, fen, day, status, fee), rows of ours, and what must be found by row and by id."""

    theirs: list[tuple[str, int, date, str, int]] = field(default_factory=list)
    ours: list[tuple[str, str, int, date, bool, int, bool]] = field(default_factory=list)
    expected: list[tuple[int, str]] = field(default_factory=list)
    lacking: set[str] = field(default_factory=set)


class Planter:
    """Makes one month from a seed."""

    def __init__(self, seed: int, orders: int) -> None:
        self.chance = random.Random(seed)
        self.month = Month()
        kinds = [name for name in dir(self) if name.startswith("plant_")]
        for number in range(orders):
            self.name = f"{2026010100000000 + number * 37}"
            self.day = FIRST + timedelta(days=self.chance.randrange(30))
            self.fen = self.chance.randrange(10_000, 900_000)
            # Half of the orders agree plainly, as in life; the others take every kind.
            kind = kinds[number % len(kinds)] if number % 2 else "plant_agreeing"
            getattr(self, kind)()

    def there(
        self, fen: int, verdict: str = "", *, status: str = "已支付", fee: int | None = None, apart: int = 0
    ):
        """A row of the file, and what must be said of it (nothing: it agrees)."""
        self.month.theirs.append(
            (self.name, fen, self.day + timedelta(days=apart), status, self.fee(fen) if fee is None else fee)
        )
        if verdict:
            self.month.expected.append((len(self.month.theirs) - 1, verdict))

    def here(self, fen: int, *, lacking: bool = False, due: bool = True):
        """A row of ours, and whether it must be said that the file lacks it."""
        own = f"cap_{len(self.month.ours):06}"
        moved = self.day + timedelta(days=self.chance.randrange(4))
        self.month.ours.append((own, self.name, fen, moved, True, self.fee(fen), due))
        if lacking:
            self.month.lacking.add(own)

    def fee(self, fen: int) -> int:
        """Half a percent, so that the fees of parts add up to that of the whole."""
        return fen // 100

    def parts(self) -> list[int]:
        """The amount in several parts, of which some are equal."""
        part = self.fen // 400 * 100
        self.fen = part * 4
        return self.chance.choice(
            [[part] * 4, [part, part, part * 2], [part * 3, part], [part * 4 - 100, 100]]
        )

    def plant_agreeing(self):
        self.here(self.fen)
        self.there(self.fen)

    def plant_one_to_many(self):
        for part in self.parts():
            self.here(part)
        self.there(self.fen)

    def plant_many_to_one(self):
        for part in self.parts():
            self.there(part)
        self.here(self.fen)

    def plant_many_to_many(self):
        for part in self.parts():
            self.there(part)
            self.here(part)

    def plant_refund(self):
        back = self.fen // 300 * 100
        self.here(self.fen)
        self.here(-back)
        self.there(self.fen)
        self.there(-back, status="已退款")

    def plant_net_of_refund(self):
        self.fen = self.fen // 100 * 100
        back = self.fen // 300 * 100
        self.here(self.fen)
        self.here(-back)
        self.there(self.fen - back)

    def plant_fully_refunded_in_one_row(self):
        self.here(self.fen)
        self.here(-self.fen)
        self.there(self.fen, status="已退款")

    def plant_canceled_on_both_sides(self):
        self.there(self.fen, status="已取消")

    def plant_not_due_yet(self):
        self.here(self.fen, due=False)

    def plant_amount_differs(self):
        self.here(self.fen)
        self.there(self.fen + self.chance.choice([-700, -3, 3, 5000]), "amount_differs")

    def plant_refund_differs(self):
        self.here(self.fen)
        self.here(-5000)
        self.there(self.fen)
        self.there(-4000, "amount_differs", status="已退款")

    def plant_missing_here(self):
        self.there(self.fen, "missing_here")

    def plant_missing_part_here(self):
        self.here(self.fen)
        self.there(self.fen)
        self.there(self.fen // 2 + 1, "missing_here")

    def plant_missing_there(self):
        self.here(self.fen, lacking=True)

    def plant_missing_refund_there(self):
        self.here(self.fen)
        self.here(-self.fen // 3, lacking=True)
        self.there(self.fen)

    def plant_duplicate(self):
        self.here(self.fen)
        self.there(self.fen)
        for _ in range(self.chance.choice([1, 1, 3])):
            self.there(self.fen, "duplicate")

    def plant_duplicate_of_several(self):
        for part in self.parts():
            self.here(part)
        self.there(self.fen)
        self.there(self.fen, "duplicate")

    def plant_status_differs(self):
        self.here(self.fen)
        self.there(self.fen, "status_differs", status="已关闭")

    def plant_fee_differs(self):
        self.here(self.fen)
        self.there(self.fen, "fee_differs", fee=self.fee(self.fen) + 12)

    def plant_outside_window(self):
        self.here(self.fen, lacking=True)
        self.there(self.fen, "missing_here", apart=-WINDOW - 8)


def month(seed: int, orders: int) -> Month:
    """The month of a seed, its file in an order of chance that keeps what a duplicate repeats before it."""
    return Planter(seed, orders).month


def written(rows: list[tuple[str, int, date, str, int]], form: str) -> bytes:
    """The rows as the file of a shop, in one of ``FORMS``; row n stands in line n + 2."""
    if form == "xlsx":
        book = openpyxl.Workbook()
        book.active.append(HEADINGS)
        for name, fen, day, status, fee in rows:
            book.active.append([name, fen / 100, day, status, fee / 100])
        out = io.BytesIO()
        book.save(out)
        return out.getvalue()
    comma = form == "decimal comma"
    lines = [(";" if comma else ",").join(HEADINGS)]
    for number, (name, fen, day, status, fee) in enumerate(rows):
        amounts: list[Any] = [f"{one / 100:.2f}" for one in (fen, fee)]
        if comma:
            amounts = [one.replace(".", ",") for one in amounts]
        days = (f"{day.year}/{day.month}/{day.day}", f"{day:%Y%m%d}", str((day - date(1899, 12, 30)).days))
        cells = [f"`{name}", amounts[0], days[number % 3], status, amounts[1]]
        lines.append((";" if comma else ",").join(cells))
    encoding = "utf-8" if comma else form
    return "\r\n".join(lines).encode(encoding)
