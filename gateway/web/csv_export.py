"""CSV that spreadsheets read right: UTF-8 with BOM, CRLF, and no cell that is taken for a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from typing import Any

BOM = "\ufeff"
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def csv_bytes(columns: list[str], rows: Iterable[Mapping[str, Any]]) -> bytes:
    """``rows`` under a header of ``columns``; numbers stay numbers, text that looks like a formula gets a ``'``."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([cell(row[column]) for column in columns])
    return (BOM + out.getvalue()).encode()


def cell(value: Any) -> Any:
    """A value as a cell: empty for None, quoted by a leading apostrophe where a spreadsheet would compute it."""
    if value is None:
        return ""
    if isinstance(value, str) and value.startswith(FORMULA_STARTS):
        return "'" + value
    return value
