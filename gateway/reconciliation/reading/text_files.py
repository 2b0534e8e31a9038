"""CSV as shops and banks write it: UTF-8, GB18030 or UTF-16, and a comma, semicolon, tab or bar between cells."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator

from gateway.reconciliation.reading.sheet import (
    LONGEST_CELL,
    MOST_COLUMNS,
    MOST_ROWS,
    Cell,
    Formula,
    Row,
    Unreadable,
)

DELIMITERS = (",", ";", "\t", "|")
SAMPLE_LINES = 60
ODD = re.compile("[\x00-\x08\x0b\x0c\x0e-\x19\x1b-\x1f\ue000-\uf8ff\ufffd]")
SURELY_UTF8 = 3
"""Characters beyond ASCII that are hardly ever valid UTF-8 by chance: the file is UTF-8, and damaged."""


def reader(content: bytes) -> Callable[[], Iterator[Row]]:
    """What reads the rows of the text, again from the start each time. Raises ``Unreadable``."""
    text = decoded(content)
    delimiter = _delimiter(text)
    return lambda: _rows(text, delimiter)


def decoded(content: bytes) -> str:
    """The text of a file, whose encoding is found by its bytes. Raises ``Unreadable`` naming the row."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return _checked(_decoded(content, "utf-16"))
    content = content.removeprefix(b"\xef\xbb\xbf")
    try:
        return _checked(content.decode("utf-8"))
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8")
        if sum(not char.isascii() for char in before) >= SURELY_UTF8:
            raise Unreadable(
                "The file is UTF-8, but a character in it is damaged: export it again.",
                row=_row_at(content, error.start),
            ) from None
    return _checked(_decoded(content, "gb18030"))


def _decoded(content: bytes, encoding: str) -> str:
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        raise Unreadable(
            "The text is neither UTF-8 nor GB18030: save the file as 'CSV UTF-8'.",
            row=_row_at(content, error.start),
        ) from None


def _checked(text: str) -> str:
    """Text without characters that no export contains; what was decoded by a wrong encoding has them."""
    odd = ODD.search(text)
    if odd is not None:
        row = text.count("\n", 0, odd.start()) + 1
        raise Unreadable(
            "This is not a text file, or its encoding is unknown: save it as 'CSV UTF-8'.", row=row
        )
    return text


def _row_at(content: bytes, place: int) -> int:
    return content.count(b"\n", 0, place) + 1


def _delimiter(text: str) -> str:
    """What parts the cells: the sign by which most lines have the same number of cells, more than one."""
    lines = io.StringIO(text, newline=None)
    sample = [
        line for line, _ in zip((one for one in lines if one.strip()), range(SAMPLE_LINES), strict=False)
    ]

    def agreement(delimiter: str) -> tuple[int, int]:
        try:
            widths = Counter(len(cells) for cells in csv.reader(sample, delimiter=delimiter))
        except csv.Error:  # told, with its row, when the rows are read
            return 0, 0
        widths.pop(1, None)
        width, lines_of_it = max(widths.items(), key=lambda item: (item[1], item[0]), default=(0, 0))
        return lines_of_it, width

    return max(DELIMITERS, key=agreement)


def _rows(text: str, delimiter: str) -> Iterator[Row]:
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    number = 0
    while True:
        try:
            cells = next(lines)
        except StopIteration:
            return
        except csv.Error as error:
            raise Unreadable(
                f"The quotes of this row are not closed, or stand inside a cell ({error}): export the file again.",
                row=number + 1,
            ) from None
        number += 1
        _bound(number, cells)
        yield number, [_bare(cell) for cell in cells]


def _bound(number: int, cells: list[str]) -> None:
    if number > MOST_ROWS:
        raise Unreadable(
            f"The file has more than {MOST_ROWS} rows: send fewer, for example one month at a time."
        )
    if len(cells) > MOST_COLUMNS:
        raise Unreadable(f"The row has {len(cells)} cells: expected at most {MOST_COLUMNS}.", row=number)
    if any(len(cell) > LONGEST_CELL for cell in cells):
        raise Unreadable(
            f"A cell has more than {LONGEST_CELL} characters: probably a quote is not closed.", row=number
        )


def _bare(cell: str) -> Cell:
    """A cell without the signs by which exports keep a spreadsheet from reading its digits as a number."""
    text = cell.strip(" \t\x1a\u3000\ufeff")
    if text.startswith('="') and text.endswith('"'):
        text = text[2:-1]
    elif text.startswith("=") and len(text) > 1:
        return Formula(text)
    if text.startswith(("`", "'")):
        text = text[1:]
    return text if text.isascii() else unicodedata.normalize("NFC", text)
