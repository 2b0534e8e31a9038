"""Statements as Chinese banks hand them out: CSV in GB18030 under lines of headings, and ISO 20022 camt.053.001.08."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from xml.etree import ElementTree

from gateway.core.calendar import SHANGHAI, shanghai_date

NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"
HEADINGS = ("交易日期", "交易时间", "凭证号", "借方发生额", "贷方发生额", "余额", "对方户名", "摘要")
PAYER = "分期付款备付金专户"
TIME = "%Y-%m-%dT%H:%M:%S.%fZ"


@dataclass(frozen=True, slots=True)
class Entry:
    """One movement: fen (positive to the merchant), when (UTC), and the balance after it."""

    serial: int
    reference: str
    at: datetime
    amount_fen: int
    balance_fen: int

    @property
    def day(self) -> date:
        """The day in Shanghai."""
        return shanghai_date(self.at)


@dataclass(frozen=True, slots=True)
class Statement:
    """The movements of one party from one day to another, and the balance before them."""

    party: str
    first: date
    last: date
    opening_fen: int
    entries: tuple[Entry, ...]

    @property
    def closing_fen(self) -> int:
        """The balance at the end."""
        return self.entries[-1].balance_fen if self.entries else self.opening_fen


def statement(party: str, booked: Sequence[dict[str, Any]], first: date, last: date) -> Statement:
    """The statement over ``booked``, which is all that was ever booked."""
    balance = opening = 0
    entries = []
    for row in booked:
        balance += row["amount"]
        at = datetime.strptime(row["at"], TIME).replace(tzinfo=UTC)
        entry = Entry(row["serial"], row["reference"], at, row["amount"], balance)
        if entry.day < first:
            opening = balance
        elif entry.day <= last:
            entries.append(entry)
    return Statement(party, first, last, opening, tuple(entries))


def as_csv(told: Statement) -> bytes:
    """Lines about the account, the headings, the movements in two columns, and their totals; GB18030, CRLF."""
    page = io.StringIO()
    page.write("模拟银行股份有限公司企业网上银行\r\n账户交易明细查询\r\n")
    page.write(f"账号：****{told.party[-4:]}\t户名：{told.party}\t币种：人民币\r\n")
    page.write(f"起始日期：{told.first:%Y%m%d}\t截止日期：{told.last:%Y%m%d}\t单位：元\r\n\r\n")
    writer = csv.writer(page)
    writer.writerow(HEADINGS)
    for entry in told.entries:
        moment = entry.at.astimezone(SHANGHAI)
        credit, debit = (entry.amount_fen, 0) if entry.amount_fen > 0 else (0, -entry.amount_fen)
        what = "货款结算" if credit else "退汇"
        row = (f"{moment:%Y%m%d}", f"{moment:%H:%M:%S}", f"{entry.serial:012}", _yuan(debit), _yuan(credit))
        writer.writerow((*row, _yuan(entry.balance_fen), PAYER, f"{what} {entry.reference}"))
    paid_in = sum(entry.amount_fen for entry in told.entries if entry.amount_fen > 0)
    paid_out = -sum(entry.amount_fen for entry in told.entries if entry.amount_fen < 0)
    writer.writerow(("合计", "", f"{len(told.entries)}笔", _yuan(paid_out), _yuan(paid_in), "", "", ""))
    return page.getvalue().encode("gb18030")


def as_camt053(told: Statement) -> bytes:
    """The same as an ISO 20022 message, with the bank's serial number and our reference in each entry."""
    ElementTree.register_namespace("", NAMESPACE)
    document = ElementTree.Element(f"{{{NAMESPACE}}}Document")
    message = _add(document, "BkToCstmrStmt")
    made = f"{told.last:%Y-%m-%d}T23:59:59+08:00"
    id = f"{told.party[-12:]}-{told.first:%Y%m%d}-{told.last:%Y%m%d}"
    header = _add(message, "GrpHdr")
    _add(header, "MsgId", id)
    _add(header, "CreDtTm", made)
    body = _add(message, "Stmt")
    _add(body, "Id", id)
    _add(body, "CreDtTm", made)
    period = _add(body, "FrToDt")
    _add(period, "FrDtTm", f"{told.first:%Y-%m-%d}T00:00:00+08:00")
    _add(period, "ToDtTm", made)
    account = _add(body, "Acct")
    _add(_add(_add(account, "Id"), "Othr"), "Id", told.party[:34])
    _add(account, "Ccy", "CNY")
    for code, fen, day in (
        ("OPBD", told.opening_fen, told.first),
        ("CLBD", told.closing_fen, told.last),
    ):
        balance = _add(body, "Bal")
        _add(_add(_add(balance, "Tp"), "CdOrPrtry"), "Cd", code)
        _amount(balance, fen)
        _add(_add(balance, "Dt"), "Dt", day.isoformat())
    for entry in told.entries:
        _entry(body, entry)
    return bytes(ElementTree.tostring(document, encoding="UTF-8", xml_declaration=True))


def _entry(body: Any, entry: Entry) -> None:
    node = _add(body, "Ntry")
    _amount(node, entry.amount_fen)
    _add(_add(node, "Sts"), "Cd", "BOOK")
    for name in ("BookgDt", "ValDt"):
        _add(_add(node, name), "Dt", entry.day.isoformat())
    _add(node, "AcctSvcrRef", f"{entry.serial:012}")
    domain = _add(_add(node, "BkTxCd"), "Domn")
    _add(domain, "Cd", "PMNT")
    family = _add(domain, "Fmly")
    came_in = entry.amount_fen > 0
    _add(family, "Cd", "RCDT")
    _add(family, "SubFmlyCd", "DMCT" if came_in else "RRTN")
    details = _add(_add(node, "NtryDtls"), "TxDtls")
    _add(_add(details, "Refs"), "EndToEndId", entry.reference)
    _add(_add(details, "RmtInf"), "Ustrd", "货款结算" if came_in else "退汇")
    if not came_in:
        _add(_add(_add(details, "RtrInf"), "Rsn"), "Cd", "AC04")


def _amount(parent: Any, fen: int) -> None:
    _add(parent, "Amt", f"{abs(fen) // 100}.{abs(fen) % 100:02}", Ccy="CNY")
    _add(parent, "CdtDbtInd", "CRDT" if fen >= 0 else "DBIT")


def _add(parent: Any, name: str, text: str | None = None, **attributes: str) -> Any:
    node = ElementTree.SubElement(parent, f"{{{NAMESPACE}}}{name}", attributes)
    node.text = text
    return node


def _yuan(fen: int) -> str:
    """With separators of thousands, as banks write; nothing for nothing."""
    sign = "-" if fen < 0 else ""
    return f"{sign}{abs(fen) // 100:,}.{abs(fen) % 100:02}" if fen else ""
