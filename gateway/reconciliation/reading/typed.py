"""Typed rows of a file: what each says moved, in fen, when and under which reference; and every fault, named."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from itertools import islice
from typing import Any, TypeVar

from gateway.reconciliation.reading import cells as read
from gateway.reconciliation.reading import headings
from gateway.reconciliation.reading.headings import Headings
from gateway.reconciliation.reading.sheet import Cell, Row, Sheet, Unreadable

T = TypeVar("T")
MOST_FAULTS = 100
ENOUGH_FAULTS = 10_000
"""After so many nothing more is read: the columns or the file are wrong."""
SAMPLED_ROWS = 2_000
"""Rows by which the decimal sign of a column is found."""
NO_MONEY = ("canceled", "pending", "failed")


@dataclass(frozen=True, slots=True)
class Movement:
    """What one row says moved: fen (positive to the merchant), fee in fen, day; ``moved`` is false where nothing did.

    A row that was refunded, in whole or in part, is two: its amount, and what went back (``part`` 1).
    """

    line: int
    part: int
    reference: str | None
    amount_fen: int
    day: date | None
    moved: bool
    fee_fen: int | None
    memo: str = ""


@dataclass
class Told:
    """What was found while rows were read: faults, skipped rows, and how many rows count."""

    faults: list[dict[str, Any]] = field(default_factory=list)
    more_faults: int = 0
    rows: int = 0
    totals: int = 0

    def fault(self, row: int, column: str | None, detail: str) -> None:
        """Name one more fault; beyond the first hundred they are only counted."""
        if len(self.faults) < MOST_FAULTS:
            self.faults.append({"row": row, "column": column, "detail": detail})
        else:
            self.more_faults += 1


def check_columns(columns: Mapping[str, str]) -> None:
    """Refuse columns from which no movement can be read. Raises ``Unreadable`` with what is missing."""
    if "amount" not in columns and "credit" not in columns and "debit" not in columns:
        raise Unreadable("No column holds the amount: name amount, or credit and debit.")
    if "amount" in columns and ("credit" in columns or "debit" in columns):
        raise Unreadable("Name either amount, or credit and debit, not both.")
    if "sign" in columns and "amount" not in columns:
        raise Unreadable("The column sign needs amount.")
    if "date" not in columns:
        raise Unreadable("No column holds the day: name date.")
    if "reference" not in columns and "memo" not in columns:
        raise Unreadable("No column names the order or the payout: name reference or memo.")


def data_rows(sheet: Sheet, heading: Headings) -> Iterator[tuple[int, list[Cell], str]]:
    """Every row below the headings, with what it is: ``data``, ``total``, ``heading`` or ``blank``."""
    names_totals = False
    for number, cells in sheet.rows():
        if number <= heading.row:
            continue
        kind = "total" if names_totals else _kind(cells)
        names_totals = kind == "total" and not names_totals and headings.names_totals(cells)
        yield number, cells, kind


def _kind(cells: list[Cell]) -> str:
    if all(read.is_empty(cell) for cell in cells):
        return "blank"
    if headings.is_total(cells):
        return "total"
    return "heading" if headings.is_heading(cells) else "data"


class Reader:
    """Reads the movements of a sheet; what is wrong with it is in ``told`` at the end."""

    def __init__(self, sheet: Sheet, heading: Headings, columns: Mapping[str, str]) -> None:
        check_columns(columns)
        self.sheet, self.heading, self.columns = sheet, heading, dict(columns)
        self.places = heading.places(columns)
        self.told = Told()
        self._in_fen = {
            name for name in ("amount", "credit", "debit", "refund", "fee") if self._is_in_fen(name)
        }
        self._comma: dict[str, bool] = {}

    def movements(self) -> Iterator[Movement]:
        """All that the rows say; a row with a fault says nothing, and its faults are told."""
        self._find_decimal_signs()
        for number, cells, kind in data_rows(self.sheet, self.heading):
            if kind == "total":
                self.told.totals += 1
            if kind != "data":
                continue
            self.told.rows += 1
            if self.told.more_faults >= ENOUGH_FAULTS:
                return
            yield from self._row(number, cells)
        if not self.told.rows:
            raise Unreadable("The file has headings and no row below them.", row=self.heading.row)

    def _row(self, number: int, cells: list[Cell]) -> Iterator[Movement]:
        before = len(self.told.faults) + self.told.more_faults
        reference = self._read(number, cells, "reference", read.reference)
        status = self._read(number, cells, "status", read.status)
        when = self._read(number, cells, "date", read.day)
        amount = self._amount(number, cells)
        back = self._fen(number, cells, "refund")
        fee = self._fen(number, cells, "fee")
        if when is None and before == len(self.told.faults) + self.told.more_faults:
            self.told.fault(number, self.columns["date"], "The day is missing.")
        if before != len(self.told.faults) + self.told.more_faults or amount is None:
            return
        memo = self._cell(cells, "memo")
        text = "" if read.is_empty(memo) else read.plain(memo)
        moved = status not in NO_MONEY
        signed_fee = None if fee is None else abs(fee) if amount >= 0 else -abs(fee)
        yield Movement(number, 0, reference, amount, when, moved, signed_fee, text)
        if moved and amount > 0:
            returned = abs(back) if back else amount if status == "refunded" else 0
            if returned:
                yield Movement(number, 1, reference, -returned, when, True, None, text)

    def _amount(self, number: int, cells: list[Cell]) -> int | None:
        """The signed amount, from one column, one with a sign beside it, or two; None where a fault was told."""
        if "amount" in self.columns:
            amount = self._fen(number, cells, "amount")
            if amount is None:
                self._missing(number, cells, "amount")
                return None
            direction = self._read(number, cells, "sign", read.sign)
            return amount if direction is None else direction * abs(amount)
        credit, debit = self._fen(number, cells, "credit"), self._fen(number, cells, "debit")
        if credit and debit:
            self.told.fault(number, self.columns["debit"], "The row has both a credit and a debit.")
            return None
        if credit is None and debit is None:
            self._missing(number, cells, "credit" if "credit" in self.columns else "debit")
            return None
        return (credit or 0) - (debit or 0)

    def _missing(self, number: int, cells: list[Cell], name: str) -> None:
        if read.is_empty(self._cell(cells, name)):
            self.told.fault(number, self.columns[name], "The amount is missing.")

    def _fen(self, number: int, cells: list[Cell], name: str) -> int | None:
        comma, in_fen = self._comma.get(name, False), name in self._in_fen
        return self._read(
            number, cells, name, lambda cell: read.fen(cell, decimal_comma=comma, in_fen=in_fen)
        )

    def _read(self, number: int, cells: list[Cell], name: str, parse: Callable[[Cell], T]) -> T | None:
        cell = self._cell(cells, name)
        if read.is_empty(cell):
            return None
        try:
            return parse(cell)
        except read.Fault as fault:
            self.told.fault(number, self.columns[name], str(fault))
            return None

    def _cell(self, cells: list[Cell], name: str) -> Cell:
        place = self.places.get(name)
        return cells[place] if place is not None and place < len(cells) else None

    def _is_in_fen(self, name: str) -> bool:
        heading = self.columns.get(name, "").lower()
        return "(分)" in heading or "(fen)" in heading or heading.endswith("_fen")

    def _find_decimal_signs(self) -> None:
        names = [name for name in ("amount", "credit", "debit", "refund", "fee") if name in self.columns]
        texts: dict[str, list[Cell]] = {name: [] for name in names}
        rows: Iterator[Row] = self.sheet.rows()
        for _, cells in islice(rows, self.heading.row, self.heading.row + SAMPLED_ROWS):
            for name in names:
                cell = self._cell(cells, name)
                if isinstance(cell, str):
                    texts[name].append(cell)
        for name in names:
            try:
                self._comma[name] = read.writes_decimal_comma(texts[name])
            except read.Fault as fault:
                raise Unreadable(str(fault), column=self.columns[name]) from None
