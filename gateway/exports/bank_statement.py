"""ISO 20022 camt.053.001.08: what the merchant is due, or its payouts, as a bank would report an account."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import IO
from xml.sax.saxutils import escape

from gateway.exports.tables import yuan
from gateway.web.columns import moment

NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"


@dataclass(frozen=True, slots=True)
class Movement:
    """One entry of the statement: signed fen, credit above 0, under a reference of at most 35 characters."""

    id: str
    reference: str
    amount_fen: int
    day: date
    value_date: date
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Statement:
    """What stands around the entries; balances in fen, credit above 0."""

    id: str
    account: str
    created_at: datetime
    first: date
    last: date
    opening_fen: int
    closing_fen: int


def write_statement(file: IO[bytes], said: Statement, movements: Iterable[Movement]) -> Iterator[int]:
    """Write the statement; yields the entries written."""
    file.write(_head(said).encode())
    count = 0
    for count, one in enumerate(movements, 1):
        file.write(_entry(one).encode())
        if count % 500 == 0:
            yield count
    file.write(b"</Stmt></BkToCstmrStmt></Document>\n")
    yield count


def _head(said: Statement) -> str:
    created = moment(said.created_at)
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<Document xmlns="{NAMESPACE}"><BkToCstmrStmt>'
        f"<GrpHdr><MsgId>{said.id}</MsgId><CreDtTm>{created}</CreDtTm></GrpHdr>\n"
        f"<Stmt><Id>{said.id}</Id><CreDtTm>{created}</CreDtTm>"
        f"<FrToDt><FrDtTm>{said.first}T00:00:00+08:00</FrDtTm><ToDtTm>{said.last}T23:59:59+08:00</ToDtTm></FrToDt>"
        f"<Acct><Id><Othr><Id>{said.account}</Id></Othr></Id><Ccy>CNY</Ccy></Acct>\n"
        f"{_balance('OPBD', said.opening_fen, said.first)}{_balance('CLBD', said.closing_fen, said.last)}"
    )


def _balance(code: str, amount_fen: int, day: date) -> str:
    return (
        f"<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp>{_amount(amount_fen)}"
        f"<Dt><Dt>{day}</Dt></Dt></Bal>\n"
    )


def _entry(one: Movement) -> str:
    return (
        f"<Ntry><NtryRef>{one.id}</NtryRef>{_amount(one.amount_fen)}<Sts><Cd>BOOK</Cd></Sts>"
        f"<BookgDt><Dt>{one.day}</Dt></BookgDt><ValDt><Dt>{one.value_date}</Dt></ValDt><AcctSvcrRef>{one.id}</AcctSvcrRef>"
        f"<BkTxCd><Prtry><Cd>{one.kind[:35]}</Cd></Prtry></BkTxCd><NtryDtls><TxDtls><Refs>"
        f"<EndToEndId>{escape(one.reference[:35])}</EndToEndId></Refs><RmtInf><Ustrd>{escape(one.text[:140])}</Ustrd>"
        "</RmtInf></TxDtls></NtryDtls></Ntry>\n"
    )


def _amount(amount_fen: int) -> str:
    side = "DBIT" if amount_fen < 0 else "CRDT"
    return f'<Amt Ccy="CNY">{yuan(abs(amount_fen))}</Amt><CdtDbtInd>{side}</CdtDbtInd>'
