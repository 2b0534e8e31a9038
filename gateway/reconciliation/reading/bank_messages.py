"""ISO 20022 camt.053: the entries of a bank's statement as rows, one for each transaction of an entry."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from typing import Any

from defusedxml import ElementTree
from defusedxml.common import DefusedXmlException

from gateway.reconciliation.reading.sheet import LONGEST_CELL, MOST_ROWS, Cell, Row, Unreadable

COLUMNS: tuple[str, ...] = ("reference", "memo", "amount", "sign", "date", "status", "currency")
"""The headings of the rows that a statement becomes; row 1."""
DECLARED = re.compile(rb"""<\?xml[^>]*?encoding\s*=\s*["']([A-Za-z0-9._-]+)""")
DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")
ENCODINGS = {"utf-8": "utf-8-sig", "us-ascii": "ascii", "iso-8859-1": "iso-8859-1", "utf-16": "utf-16",
             "gb2312": "gb18030", "gbk": "gb18030", "gb18030": "gb18030"}  # fmt: skip
MOST_ELEMENTS = 200_000
"""Within one entry, or between two of them: they are in memory together."""
DEEPEST = 50
SAID = {"BOOK": "paid", "PDNG": "pending", "INFO": "pending", "FUTR": "pending"}


def reader(content: bytes) -> Callable[[], Iterator[Row]]:
    """What reads the entries of the statement, again from the start each time. Raises ``Unreadable``."""
    told = _in_utf8(content)
    if b"BkToCstmrStmt" not in told:
        raise Unreadable("This XML is not a bank statement of the form camt.053 (no BkToCstmrStmt).")
    return lambda: _rows(told)


def _in_utf8(content: bytes) -> bytes:
    """The XML without its declaration: the parser knows few encodings, and none of China's. Raises ``Unreadable``."""
    said = DECLARED.search(content[:200].replace(b"\0", b""))
    encoding = said[1].decode().lower() if said else "utf-8"
    encoding = "utf-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else encoding
    if encoding not in ENCODINGS:
        raise Unreadable(f"The XML says that its encoding is {encoding}: export it in UTF-8.", row=1)
    try:
        text = content.decode(ENCODINGS[encoding])
    except UnicodeDecodeError:
        raise Unreadable(f"The XML says that it is {encoding}, and is not: export it again.", row=1) from None
    return DECLARATION.sub("", text, count=1).encode("utf-8", "surrogatepass")


def _rows(content: bytes) -> Iterator[Row]:
    yield 1, list(COLUMNS)
    number = 1
    try:
        for element in _entries(content):
            for cells in _entry(element, number + 1):
                number += 1
                if number > MOST_ROWS:
                    raise Unreadable(f"The statement has more than {MOST_ROWS} transactions.")
                yield number, cells
    except ElementTree.ParseError as error:
        raise Unreadable(f"The XML of the statement is damaged: {error}.", row=number + 1) from None
    except DefusedXmlException:
        raise Unreadable(
            "The XML of the statement defines entities, which no bank does: it is not read."
        ) from None


def _entries(content: bytes) -> Iterator[Any]:
    """The entries, one at a time; what stands around them is let go as soon as it has ended."""
    open_elements: list[Any] = []
    within, many = False, 0
    for event, element in ElementTree.iterparse(io.BytesIO(content), events=("start", "end")):
        if event == "start":
            many += 1
            if many > MOST_ELEMENTS or len(open_elements) >= DEEPEST:
                raise Unreadable("The XML has more between two entries than any statement: it is not read.")
            open_elements.append(element)
            within = within or _name(element) == "Ntry"
            continue
        open_elements.pop()
        is_entry = _name(element) == "Ntry"
        if is_entry:
            yield element
        if is_entry or not within:
            within, many = False, 0 if is_entry else many
            element.clear()
            if open_elements:
                open_elements[-1].remove(element)


def _entry(entry: Any, number: int) -> Iterator[list[Cell]]:
    """The transactions of an entry.

    ``CdtDbtInd`` is the direction of the entry itself, also where ``RvslInd`` says that it reverses another: what takes
    a debit back is a credit (ISO 20022: "if CRDT and the indicator is true, the original operation was a debit entry").
    """
    sign = _text(entry, "CdtDbtInd")
    if sign not in ("CRDT", "DBIT"):
        raise Unreadable("The entry does not say CRDT or DBIT.", row=number, column="sign")
    day = _text(entry, "BookgDt", "Dt") or _text(entry, "BookgDt", "DtTm") or _text(entry, "ValDt", "Dt")
    status = _text(entry, "Sts", "Cd") or _text(entry, "Sts")
    details = [one for part in entry if _name(part) == "NtryDtls" for one in part if _name(one) == "TxDtls"]
    amount = _child(entry, "Amt")
    for detail in details or [entry]:
        own = _child(detail, "Amt") if len(details) > 1 else amount
        if own is None:
            raise Unreadable(
                "A transaction of a batch has no amount of its own.", row=number, column="amount"
            )
        currency = own.get("Ccy", "")
        if currency != "CNY":
            raise Unreadable(f"The amount is in {currency or 'no currency'}: only CNY is matched.", row=number,
                             column="currency")  # fmt: skip
        reference = _text(detail, "Refs", "EndToEndId")
        if reference in ("", "NOTPROVIDED"):
            reference = _text(detail, "Refs", "InstrId") or _text(entry, "AcctSvcrRef")
        yield [
            reference,
            _memo(detail),
            (own.text or "").strip(),
            sign,
            day,
            SAID.get(status, status),
            currency,
        ]


def _memo(detail: Any) -> str:
    information = _child(detail, "RmtInf")
    parts = [] if information is None else [(one.text or "").strip() for one in information]
    parts.append(_text(detail, "AddtlTxInf") or _text(detail, "AddtlNtryInf"))
    return " ".join(part for part in parts if part)[:LONGEST_CELL]


def _name(element: Any) -> str:
    return str(element.tag).rpartition("}")[2]


def _child(element: Any, name: str) -> Any:
    return next((one for one in element if _name(one) == name), None)


def _text(element: Any, *path: str) -> str:
    for name in path:
        element = _child(element, name)
        if element is None:
            return ""
    return (element.text or "").strip()
