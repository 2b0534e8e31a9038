"""XLSX: the first sheet with something in it, read row by row, after its archive was found to be no trap."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import Any
from xml.parsers import expat

import openpyxl
from openpyxl.utils.exceptions import InvalidFileException

from gateway.reconciliation.reading.sheet import (
    LONGEST_CELL,
    MOST_COLUMNS,
    MOST_ROWS,
    Cell,
    Formula,
    Row,
    Unreadable,
)

MOST_UNPACKED = 200 * 1024 * 1024
MOST_TEXTS = 64 * 1024 * 1024
"""Of the texts that all cells share, which are held in memory."""
MOST_MEMBERS = 2_000
MOST_ELEMENTS = 2_000_000
"""Of XML in one member, without what stands in rows: these stay in memory until the member is read."""
MOST_IN_ROW = 16 * MOST_COLUMNS
MOST_IN_ALL = 16_000_000
"""Of XML in the whole workbook: no sheet that is written as spreadsheet programs do reaches it within 200 MB."""
CHUNK = 1024 * 1024
MILLIONS = "The workbook has millions of elements: save it again, or send it as CSV."
BROKEN = "The workbook is damaged: open it in your spreadsheet program and save it again as .xlsx."
FAILURES = (InvalidFileException, KeyError, ValueError, TypeError, AttributeError, IndexError, zipfile.BadZipFile,
            zlib.error, EOFError, OSError, SyntaxError, NotImplementedError)  # fmt: skip
"""What openpyxl and its XML parser raise for a workbook that is none."""


def reader(content: bytes) -> Callable[[], Iterator[Row]]:
    """What reads the rows of the workbook, again from the start each time. Raises ``Unreadable``."""
    _check_archive(content)
    return lambda: _rows(content)


def _check_archive(content: bytes) -> None:
    """Refuse an archive that unpacks to too much, as it says or as it does, and XML that defines entities."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
            texts = sum(one.file_size for one in members if one.filename.endswith("sharedStrings.xml"))
            said = sum(one.file_size for one in members)
            if len(members) > MOST_MEMBERS or said > MOST_UNPACKED or texts > MOST_TEXTS:
                raise Unreadable(f"The workbook unpacks to more than {MOST_UNPACKED} bytes: send fewer rows.")
            if any(one.flag_bits & 1 for one in members):
                raise Unreadable("The workbook has a password: save it without one.")
            names = {one.filename for one in members}
            if "xl/workbook.xml" not in names:
                raise Unreadable("This archive is not an .xlsx workbook.")
            _check_members(archive)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, ValueError):
        raise Unreadable(BROKEN) from None


def _check_members(archive: zipfile.ZipFile) -> None:
    """Unpack every member once. Which of them openpyxl parses, the workbook says itself: a name proves nothing."""
    unpacked = elements = 0
    for member in archive.infolist():
        counter = _Elements(elements)
        with archive.open(member) as stream:
            while chunk := stream.read(CHUNK):
                unpacked += len(chunk)
                if unpacked > MOST_UNPACKED:
                    raise Unreadable(f"The workbook unpacks to more than {MOST_UNPACKED} bytes.")
                counter.feed(chunk)
        elements = counter.all


class _Elements:
    """Counts the elements of XML as it comes, within a row and beside the rows. Raises ``Unreadable`` for too many.

    openpyxl forgets a row when it has read it, and keeps the rest of a sheet until its end: a few million empty
    elements fill gigabytes, though they are some megabytes of a file.
    """

    def __init__(self, before: int) -> None:
        """``before`` are those of the members before."""
        self._parser = expat.ParserCreate()
        self._parser.StartElementHandler = self._begin
        self._parser.EndElementHandler = self._end
        self._parser.StartDoctypeDeclHandler = _refuse_entities
        self._beside = self._inside = self._depth = self._row_at = 0
        self._is_xml, self.all = True, before

    def feed(self, chunk: bytes) -> None:
        """Count on; what stops being XML is read by no parser, and is not counted any more."""
        if self._is_xml:
            try:
                self._parser.Parse(chunk, False)
            except expat.ExpatError:
                self._is_xml = False

    def _begin(self, name: str, attributes: object) -> None:
        self._depth += 1
        self.all += 1
        if self.all > MOST_IN_ALL:
            raise Unreadable(MILLIONS)
        if self._row_at:
            self._inside += 1
            if self._inside > MOST_IN_ROW:
                raise Unreadable(f"A row of the workbook has more than {MOST_COLUMNS} cells.")
        else:
            self._beside += 1
            if self._beside > MOST_ELEMENTS:
                raise Unreadable(MILLIONS)
            if name == "row" or name.endswith(":row"):
                self._row_at, self._inside = self._depth, 0

    def _end(self, name: str) -> None:
        if self._depth == self._row_at:
            self._row_at = 0
        self._depth -= 1


def _refuse_entities(*_: object) -> None:
    raise Unreadable("The workbook defines XML entities, which no spreadsheet program does: it is not read.")


def _rows(content: bytes) -> Iterator[Row]:
    number = 0
    try:
        book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=False, keep_links=False)
        sheet = _first_filled(book)
        for number, cells in enumerate(sheet.iter_rows(), start=1):
            if number > MOST_ROWS:
                raise Unreadable(
                    f"The sheet has more than {MOST_ROWS} rows: send fewer, for example one month."
                )
            shown = [_cell(cell, number) for cell in cells]
            while shown and shown[-1] is None:  # a format without content reaches to the last column
                shown.pop()
            if len(shown) > MOST_COLUMNS:
                raise Unreadable(
                    f"The row has {len(shown)} cells: expected at most {MOST_COLUMNS}.", row=number
                )
            yield number, shown
    except FAILURES:
        raise Unreadable(BROKEN, row=number + 1 if number else None) from None


def _first_filled(book: Any) -> Any:
    for sheet in book.worksheets:
        for cells in sheet.iter_rows(max_row=100):
            if any(cell.value is not None for cell in cells):
                return sheet
    raise Unreadable("No sheet of the workbook has anything in its first 100 rows: it is empty.")


def _cell(cell: Any, number: int) -> Cell:
    value = cell.value
    if isinstance(value, str):
        if cell.data_type == "f":
            return Formula(value)
        if len(value) > LONGEST_CELL:
            raise Unreadable(f"A cell has more than {LONGEST_CELL} characters.", row=number)
        text = value.strip(" \t\r\n\u3000")
        return text.removeprefix("`").removeprefix("'")
    if value is None or isinstance(value, (bool, int, float)) or hasattr(value, "isoformat"):
        return value if not hasattr(value, "total_seconds") else str(value)
    return Formula(str(getattr(value, "text", value)))  # an array formula
