"""The uploaded file again, with the verdict beside each row and what it lacks at its end."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from sqlmodel import col, select

from gateway.db.transactions import Transaction
from gateway.errors import WrongState
from gateway.reconciliation import files
from gateway.reconciliation.models import Reconciliation, ReconciliationItem
from gateway.reconciliation.reading import sheet
from gateway.reconciliation.reading.cells import plain
from gateway.reconciliation.reading.headings import Headings
from gateway.reconciliation.reading.sheet import Cell, Formula
from gateway.reconciliation.reading.typed import data_rows
from gateway.web.csv_export import BOM
from gateway.web.csv_export import cell as guarded

if TYPE_CHECKING:
    from gateway.privacy.vault import Vault

ADDED = ("verdict", "ours", "ours_amount", "difference", "suggestion", "resolved_by", "note")
NUMBER = re.compile(r"[-+]?[0-9][0-9., ]*-?")
"""What stays a number; ``-2+3`` would be computed."""
FULL_WIDTH = ("＝", "＋", "－", "＠")
"""Starts of a formula for a spreadsheet in Chinese or Japanese."""


def csv_of(tx: Transaction, vault: Vault, row: Reconciliation) -> bytes:
    """The file as CSV (UTF-8 with BOM). Amounts that are added are yuan. Raises ``WrongState`` once it was deleted."""
    if row.file_deleted_at is not None:
        raise WrongState(f"The file was deleted on {row.file_deleted_at.date()}; the items are still there.")
    content = files.content(tx, vault, row.id)
    query = select(ReconciliationItem).where(ReconciliationItem.reconciliation_id == row.id)
    by_line: dict[int, ReconciliationItem] = {}
    lacking: list[ReconciliationItem] = []
    for item in tx.exec(query.order_by(col(ReconciliationItem.number).desc())):
        if item.line is None:
            lacking.append(item)
        else:
            by_line[item.line] = item
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    width = len(row.headings)
    for cells in _rows(row, content, by_line, width):
        writer.writerow(cells)
    for item in lacking:
        writer.writerow([""] * width + _verdict(item))
    return (BOM + out.getvalue()).encode()


def _rows(
    row: Reconciliation, content: bytes, by_line: dict[int, ReconciliationItem], width: int
) -> Iterator[list[Any]]:
    yield [guarded(name) for name in row.headings] + list(ADDED)
    heading = Headings(row.heading_row, tuple(row.headings))
    memo = row.headings.index(row.columns["memo"]) if "memo" in row.columns else None
    for number, cells, kind in data_rows(sheet.opened(content), heading):
        shown = [_shown(cell) for cell in cells[:width]] + [""] * (width - len(cells))
        if kind != "data":
            yield shown
            continue
        item = by_line.get(number)
        skipped = row.memo_contains and (
            memo is None or memo >= len(cells) or row.memo_contains not in plain(cells[memo] or "")
        )
        yield shown + (_verdict(item) if item else ["ignored" if skipped else "matched"])


def _verdict(item: ReconciliationItem) -> list[Any]:
    suggestion = item.suggestion or {}
    hint = " ".join(str(part) for part in suggestion.values() if part is not None)
    yuan = [None if one is None else f"{one / 100:.2f}" for one in (item.ours, item.difference)]
    return [
        item.verdict,
        item.ours_id or "",
        *(one or "" for one in yuan),
        hint,
        item.resolved_by or "",
        guarded(item.note) if item.resolved_by else "",
    ]


def _shown(cell: Cell) -> Any:
    """A cell of the file; what a spreadsheet would compute is text, and numbers stay as they are."""
    if isinstance(cell, Formula):
        return guarded(cell.text)
    if isinstance(cell, str):
        if cell.startswith(FULL_WIDTH):
            return "'" + cell
        return cell if NUMBER.fullmatch(cell) else guarded(cell)
    return "" if cell is None else cell
