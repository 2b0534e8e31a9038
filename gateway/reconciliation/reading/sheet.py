"""A file as rows of raw cells, whatever its form: where each row stands in it, and what cannot be read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

MOST_BYTES = 31 * 1024 * 1024
"""A little less than a form may have."""
MOST_ROWS = 1_000_000
MOST_COLUMNS = 200
LONGEST_CELL = 2_000
"""Characters of one cell; more is a broken quote, not a cell."""


@dataclass(frozen=True, slots=True)
class Formula:
    """A cell of a workbook that is computed: its formula, which says nothing about its value."""

    text: str


Cell = str | int | float | datetime | date | bool | Formula | None
Row = tuple[int, list[Cell]]
"""The number of a row as a spreadsheet shows it, from 1, and its cells."""
Form = Literal["csv", "xlsx", "camt.053"]


class Unreadable(Exception):
    """A file cannot be read, or one of its cells: what is wrong, in which row (from 1) and column (its heading)."""

    def __init__(self, detail: str, *, row: int | None = None, column: str | None = None) -> None:
        super().__init__(detail)
        self.detail, self.row, self.column = detail, row, column


@dataclass(frozen=True, slots=True)
class Sheet:
    """An open file: its form, and its rows from the first, as often as they are asked for."""

    form: Form
    rows: Callable[[], Iterator[Row]]


def opened(content: bytes) -> Sheet:
    """The file as a sheet; its form is seen from its first bytes, never from its name. Raises ``Unreadable``."""
    if not content.strip(b"\x00 \t\r\n\xef\xbb\xbf"):
        raise Unreadable("The file is empty: export it again.")
    if len(content) > MOST_BYTES:
        raise Unreadable(
            f"The file has {len(content)} bytes: send at most {MOST_BYTES}, for example one month at a time."
        )
    if content.startswith(b"PK\x03\x04"):
        from gateway.reconciliation.reading import workbooks  # noqa: PLC0415 - with libraries that few need

        return Sheet("xlsx", workbooks.reader(content))
    if content.startswith(b"\xd0\xcf\x11\xe0"):
        raise Unreadable("This is an old Excel workbook (.xls): save it as .xlsx or as CSV.")
    if content.startswith(b"%PDF"):
        raise Unreadable("This is a PDF document: export the statement as CSV, XLSX or camt.053.")
    if content[:200].replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n").startswith(b"<"):
        from gateway.reconciliation.reading import bank_messages  # noqa: PLC0415

        return Sheet("camt.053", bank_messages.reader(content))
    from gateway.reconciliation.reading import text_files  # noqa: PLC0415

    return Sheet("csv", text_files.reader(content))
