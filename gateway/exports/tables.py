"""Tables: rows as CSV and as a workbook (XLSX), written as they come.

A workbook is written as the few parts of XML that ECMA-376 wants, by the standard library: openpyxl's write-only mode
takes several times as long for the same cells. Text stands in its cell as text, so no order number becomes 1.23E+17 and
nothing is computed; numbers are numbers, and money is yuan with two decimals.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import IO, Any

from gateway.web.columns import Column
from gateway.web.csv_export import BOM, cell

LONGEST_CELL = 32_767
"""Characters; Excel refuses to open more."""
PIECE = 512
FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""What XML cannot hold."""
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
MADE = (1980, 1, 1, 0, 0, 0)
"""The time of every part, so that the same rows make the same bytes."""
PARTS = {
    "[Content_Types].xml": f'<Types xmlns="{PACKAGE}/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/>'
    '<Override PartName="/xl/workbook.xml" '
    'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/>'
    '<Override PartName="/xl/worksheets/sheet1.xml" '
    'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/>'
    '<Override PartName="/xl/styles.xml" '
    'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.styles+xml"/></Types>',
    "_rels/.rels": f'<Relationships xmlns="{PACKAGE}/relationships"><Relationship Id="rId1" '
    f'Type="{RELATIONS}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{PACKAGE}/relationships"><Relationship Id="rId1" '
    f'Type="{RELATIONS}/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="rId2" '
    f'Type="{RELATIONS}/styles" Target="styles.xml"/></Relationships>',
    "xl/styles.xml": f'<styleSheet xmlns="{MAIN}"><fonts count="2"><font><sz val="11"/><name val="Calibri"/></font>'
    '<font><b/><sz val="11"/><name val="Calibri"/></font></fonts><fills count="2"><fill>'
    '<patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill></fills>'
    '<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>'
    '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
    '<cellXfs count="4"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>'
    '<xf numFmtId="0" fontId="1" fillId="0" borderId="0" xfId="0" applyFont="1"/>'
    '<xf numFmtId="4" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>'
    '<xf numFmtId="49" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/></cellXfs>'
    '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>',
}
"""The parts that are the same in every workbook. Styles: 1 is a heading, 2 is money, 3 is text."""
Row = Mapping[str, Any]


def write_csv(file: IO[bytes], columns: Sequence[Column], rows: Iterable[Row]) -> Iterator[int]:
    """Write the rows as ``csv_bytes`` would, fen as fen; yields how many are written, every few hundred."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    out.write(BOM)
    writer.writerow([column.name for column in columns])
    cells, count = [column.cell for column in columns], 0
    for count, row in enumerate(rows, 1):
        writer.writerow([cell(read(row)) for read in cells])
        if count % PIECE == 0:
            _drain(out, file)
            yield count
    _drain(out, file)
    yield count


def _drain(out: io.StringIO, file: IO[bytes]) -> None:
    file.write(out.getvalue().encode())
    out.seek(0)
    out.truncate()


def write_xlsx(
    file: IO[bytes], columns: Sequence[Column], rows: Iterable[Row], *, title: str
) -> Iterator[int]:
    """Write the rows as a workbook of one sheet under a frozen heading; yields how many are written."""
    count = 0
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as book:
        workbook = (
            f'<workbook xmlns="{MAIN}" xmlns:r="{RELATIONS}"><sheets><sheet name="{title}" sheetId="1" r:id="rId1"/>'
            "</sheets></workbook>"
        )
        for name, content in {**PARTS, "xl/workbook.xml": workbook}.items():
            book.writestr(_part(name), HEAD + content)
        with book.open(_part("xl/worksheets/sheet1.xml"), "w", force_zip64=True) as sheet:
            sheet.write(_sheet_head(columns))
            pieces: list[str] = []
            for count, row in enumerate(rows, 1):
                pieces.append(_row(columns, row))
                if count % PIECE == 0:
                    sheet.write("".join(pieces).encode())
                    pieces.clear()
                    yield count
            sheet.write(("".join(pieces) + "</sheetData></worksheet>").encode())
    yield count


def _part(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, MADE)
    info.compress_type = zipfile.ZIP_DEFLATED
    return info


def _sheet_head(columns: Sequence[Column]) -> bytes:
    names = [f"{column.name} (CNY)" if column.is_money else column.name for column in columns]
    widths = "".join(
        f'<col min="{at}" max="{at}" width="{14 if column.is_money else 22}" customWidth="1"/>'
        for at, column in enumerate(columns, 1)
    )
    heading = "".join(f'<c s="1" t="inlineStr"><is><t>{name}</t></is></c>' for name in names)
    return (
        f'{HEAD}<worksheet xmlns="{MAIN}"><sheetViews><sheetView workbookViewId="0"><pane ySplit="1" '
        f'topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews>'
        f"<cols>{widths}</cols><sheetData><row>{heading}</row>"
    ).encode()


def _row(columns: Sequence[Column], row: Row) -> str:
    return f"<row>{''.join([_xlsx_cell(column.cell(row), column.is_money) for column in columns])}</row>"


def _xlsx_cell(value: Any, is_money: bool) -> str:
    if value is None or value == "":
        return "<c/>"
    if isinstance(value, bool):
        return f'<c t="b"><v>{int(value)}</v></c>'
    if isinstance(value, int):
        return f'<c s="2"><v>{yuan(value)}</v></c>' if is_money else f"<c><v>{value}</v></c>"
    text = value.isoformat() if isinstance(value, date) else str(value)
    return f'<c s="3" t="inlineStr"><is><t xml:space="preserve">{_escaped(text)}</t></is></c>'


def _escaped(text: str) -> str:
    """Text as XML holds it, no longer than a cell."""
    if text.isalnum():
        return text[:LONGEST_CELL]
    plain = FORBIDDEN.sub("\ufffd", text[:LONGEST_CELL])
    return plain.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\r", "&#13;")


def yuan(amount_fen: int) -> str:
    """Fen as yuan with two decimals: exact, whatever the size."""
    whole, rest = divmod(abs(amount_fen), 100)
    return f"{'-' if amount_fen < 0 else ''}{whole}.{rest:02d}"
