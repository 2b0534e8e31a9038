"""Files as shops and banks really write them: each is read to the fen, or refused with row and column."""

from __future__ import annotations

import io
import random
import zipfile
from contextlib import suppress
from datetime import date, datetime
from itertools import islice

import openpyxl
import pytest

from gateway.reconciliation import result_file
from gateway.reconciliation.reading import bank_messages, cells, headings, sheet, typed
from gateway.reconciliation.reading.sheet import Formula, Unreadable
from gateway.reconciliation.reading.typed import Reader

JAN_5 = date(2026, 1, 5)


def read(content: bytes, **columns: str):
    """The movements of a file by its guessed columns, and what was told of it."""
    opened = sheet.opened(content)
    heading = headings.find(opened.rows())
    reader = Reader(opened, heading, {**heading.guessed(), **columns})
    return list(reader.movements()), reader.told


def workbook(*rows: list[object]) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


STATEMENT = """招商银行,,,
账号,6225,,
户名,某商家,,
币种,人民币,,
起始日期,20260101,,
终止日期,20260131,,
打印时间,2026-02-01 09:00,,
,,,
记账日期,摘要,借方金额,贷方金额
2026/1/5,分期打款 A,,"¥5,999.00"
20260105,手续费,１２．００,
46027,分期打款 B,,"1,234"
合计,,12.00,"7,233.00"
"""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_a_banks_statement_with_eight_lines_above_its_headings_is_read_in_every_encoding(
    encoding: str,
) -> None:
    movements, told = read(STATEMENT.encode(encoding))
    assert [(one.line, one.amount_fen, one.day) for one in movements] == [
        (10, 599900, JAN_5),
        (11, -1200, JAN_5),
        (12, 123400, JAN_5),
    ]
    assert (told.rows, told.totals, told.faults) == (3, 1, [])


def test_a_sign_column_a_decimal_comma_a_refund_and_a_zone_are_read() -> None:
    shop = (
        "Order ID;Amount;Type;Date;Fee;Refund amount\n"
        "A1;1.234,50;sale;2026-01-04T23:30:00Z;-0,60;\n"
        "A2;12,00;refund;2026-01-05 10:00:00;;\n"
        "A3;(3,00);;2026.1.5;;\n"
        "A4;10,00;sale;2026年1月5日;;4,00\n"
    )
    movements, told = read(shop.encode())
    assert not told.faults
    assert [(one.reference, one.part, one.amount_fen, one.fee_fen, one.day) for one in movements] == [
        ("A1", 0, 123450, 60, JAN_5),
        ("A2", 0, -1200, None, JAN_5),
        ("A3", 0, -300, None, JAN_5),
        ("A4", 0, 1000, None, JAN_5),
        ("A4", 1, -400, None, JAN_5),
    ]


def test_a_workbook_with_two_rows_of_headings_tells_damaged_numbers_and_formulas() -> None:
    movements, told = read(
        workbook(
            ["导出"],
            ["商户订单号", "金额(元)", "时间", "状态"],
            ["order_id", "amount", "date", "status"],
            ["20260105123456789", 5.1, datetime(2026, 1, 5, 10), "已支付"],
            [1234567890123456789, 5.1, 46027, "已支付"],
            ["A1", "=1+1", 46027, "已支付"],
            [12345, 0.1 + 0.2, "2026/1/5", "已退款"],
            ["A2", 7, 20260105, "已取消"],
            [None, None],
            ["合计", "=SUM(B4:B8)"],
        )
    )
    assert [(one.line, one.reference, one.amount_fen, one.moved) for one in movements] == [
        (4, "20260105123456789", 510, True),
        (7, "12345", 30, True),
        (7, "12345", -30, True),
        (8, "A2", 700, False),
    ]
    assert [(fault["row"], fault["column"]) for fault in told.faults] == [(5, "商户订单号"), (6, "金额(元)")]
    assert "keeps only 15 digits" in told.faults[0]["detail"]
    assert "(=1+1)" in told.faults[1]["detail"]


CAMT = """<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt><Stmt>
<Ntry><Amt Ccy="CNY">5999.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>
<BookgDt><Dt>2026-01-05</Dt></BookgDt><NtryDtls><TxDtls><Refs><EndToEndId>E1</EndToEndId></Refs>
<RmtInf><Ustrd>po_1</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>
<Ntry><Amt Ccy="CNY">30</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts>PDNG</Sts>
<BookgDt><DtTm>2026-01-05T01:00:00</DtTm></BookgDt><NtryDtls>
<TxDtls><Refs><EndToEndId>E2</EndToEndId></Refs><Amt Ccy="CNY">10</Amt></TxDtls>
<TxDtls><Refs><InstrId>E3</InstrId></Refs><Amt Ccy="CNY">20</Amt></TxDtls>
</NtryDtls></Ntry></Stmt></BkToCstmrStmt></Document>"""


def test_a_camt_statement_is_read_and_another_currency_is_refused() -> None:
    movements, _ = read(CAMT.encode())
    assert [(one.line, one.reference, one.amount_fen, one.moved) for one in movements] == [
        (2, "E1", 599900, True),
        (3, "E2", -1000, False),
        (4, "E3", -2000, False),
    ]
    with pytest.raises(Unreadable, match="only CNY"):
        read(CAMT.replace('Ccy="CNY">5999', 'Ccy="USD">5999').encode())
    with pytest.raises(Unreadable, match="entities"):
        read(b'<!DOCTYPE a [<!ENTITY b "c">]>' + CAMT.replace("E1", "&b;").encode())


@pytest.mark.parametrize(("direction", "fen"), [("CRDT", 3000), ("DBIT", -3000)])
@pytest.mark.parametrize("reverses", ["true", "false", "1"])
def test_an_entry_that_reverses_another_has_its_own_direction(
    direction: str, fen: int, reverses: str
) -> None:
    """ISO 20022: where ``RvslInd`` is true and ``CdtDbtInd`` is CRDT, the entry that is reversed was a debit."""
    own = f"<CdtDbtInd>{direction}</CdtDbtInd><RvslInd>{reverses}</RvslInd>"
    movements, _ = read(CAMT.replace("<CdtDbtInd>DBIT</CdtDbtInd>", own).encode())
    assert sum(one.amount_fen for one in movements[1:]) == fen


def test_a_file_of_300_mb_is_refused_before_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheet, "MOST_BYTES", 100)
    with pytest.raises(Unreadable, match="send at most 100"):
        read(b"order,amount,date\n" * 6)


def archive(**members: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in members.items():
            packed.writestr(name.replace("__", "/"), content)
    return out.getvalue()


@pytest.mark.parametrize(
    ("content", "words", "row"),
    [
        (b"", "is empty", None),
        (b"\xef\xbb\xbf\r\n", "is empty", None),
        (b"%PDF-1.7", "PDF", None),
        (b"\xd0\xcf\x11\xe0....", "old Excel", None),
        ("订单号,金额,日期\nA,1,2026-01-05\nB".encode() + b"\xff,2,2026-01-05\n", "damaged", 3),
        (b"a,b\n\x81\xff,1\n", "neither UTF-8 nor GB18030", 2),
        (b"a,b\n1,2\x00\n", "not a text file", 2),
        (b'order,amount,date\n"A,1,2026-01-05\n', "not closed", 2),
        (b"hello\n", "no row with two cells", None),
        (b"order,amount,date\n", "no row below", 1),
        (b"a," * 201 + b"\n", "201|202", 1),
        (b"<a/>", "camt.053", None),
        (b"PK\x03\x04rubbish", "damaged", None),
        (archive(a=b"1"), "not an .xlsx", None),
        (archive(xl__workbook=b"", **{"xl__workbook.xml": b'<!DOCTYPE w [<!ENTITY a "b">]><w/>'}), "entities", None),
        (b"order,amount,date\nA,1.50,2026-01-05\nB,\"1,50\",2026-01-05\n", "use one decimal sign", None),
    ],
)  # fmt: skip
def test_an_unreadable_file_is_refused_with_where_and_why(
    content: bytes, words: str, row: int | None
) -> None:
    with pytest.raises(Unreadable, match=words) as refused:
        read(content)
    assert refused.value.row == row


def test_a_zip_bomb_is_refused_by_what_it_says_and_by_what_it_does(monkeypatch: pytest.MonkeyPatch) -> None:
    from gateway.reconciliation.reading import workbooks  # noqa: PLC0415 - only this test

    monkeypatch.setattr(workbooks, "MOST_UNPACKED", 100_000)
    bomb = archive(**{"xl__workbook.xml": b"", "xl__sheet.xml": b"0" * 200_000})
    assert len(bomb) < 1_000
    with pytest.raises(Unreadable, match="unpacks to more"):
        read(bomb)
    small = (1).to_bytes(4, "little")
    lying = bomb.replace((200_000).to_bytes(4, "little"), small)
    with pytest.raises(Unreadable, match=r"damaged|unpacks"):
        read(lying)


@pytest.mark.parametrize(
    ("sheet_xml", "words"),
    [
        (b"<w>" + b"<a/>" * 2_000 + b"</w>", "millions of elements"),
        (b"<w><sheetData><row>" + b"<c/>" * 3_300 + b"</row></sheetData></w>", "more than 200 cells"),
        (
            b"<x:w xmlns:x='urn:x'><x:row/><x:row>" + b"<x:c/>" * 3_300 + b"</x:row></x:w>",
            "more than 200 cells",
        ),
        (b"<w><row>" + b"<row>" * 3_300 + b"</row>" * 3_301 + b"</w>", "more than 200 cells"),
    ],
)
def test_a_workbook_of_many_elements_is_refused_before_they_fill_the_memory(
    monkeypatch: pytest.MonkeyPatch, sheet_xml: bytes, words: str
) -> None:
    monkeypatch.setattr("gateway.reconciliation.reading.workbooks.MOST_ELEMENTS", 1_000)
    with pytest.raises(Unreadable, match=words):
        read(archive(**{"xl__workbook.xml": b"<w/>", "xl__worksheets__sheet1.xml": sheet_xml}))


@pytest.mark.parametrize("name", ["xl___rels__workbook.xml.rels", "xl__worksheets__sheet1.bin", "any"])
def test_elements_count_under_every_name_of_a_member(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr("gateway.reconciliation.reading.workbooks.MOST_ELEMENTS", 1_000)
    with pytest.raises(Unreadable, match="millions of elements"):
        read(archive(**{"xl__workbook.xml": b"<w/>", name: b"<w>" + b"<a/>" * 2_000 + b"</w>"}))


def test_elements_of_all_members_and_rows_count_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.reconciliation.reading.workbooks.MOST_IN_ALL", 1_000)
    rows = b"<w>" + b"<row><c/></row>" * 300 + b"</w>"
    with pytest.raises(Unreadable, match="millions of elements"):
        read(archive(**{"xl__workbook.xml": b"<w/>", "xl__a.xml": rows, "xl__b.xml": rows}))


def test_entities_are_refused_in_whatever_encoding() -> None:
    xml = '<?xml version="1.0" encoding="utf-16"?><!DOCTYPE w [<!ENTITY a "aa">]><w>&a;</w>'.encode("utf-16")
    with pytest.raises(Unreadable, match="XML entities"):
        read(archive(**{"xl__workbook.xml": xml}))


@pytest.mark.parametrize(
    ("parse", "cell", "expected"),
    [
        (cells.fen, "5 999.00", 599900),
        (cells.fen, "12.00-", -1200),
        (cells.fen, "−1,234.5", -123450),
        (cells.fen, 59.99, 5999),
        (cells.reference, 12345.0, "12345"),
        (cells.reference, "ＡＢ１", "AB1"),
        (cells.day, 46027.75, JAN_5),
        (cells.day, "2026/1/5 23:59", JAN_5),
        (cells.status, "支付成功", "paid"),
        (cells.sign, "借", -1),
    ],
)
def test_a_cell_is_read(parse, cell: object, expected: object) -> None:
    assert parse(cell) == expected


@pytest.mark.parametrize(
    ("parse", "cell"),
    [
        (cells.fen, "1.234"),
        (cells.fen, "1.2E+5"),
        (cells.fen, "12,34,5"),
        (cells.fen, True),
        (cells.fen, float("nan")),
        (cells.fen, float("inf")),
        (cells.fen, "1" * 30),
        (cells.reference, "1.23E+17"),
        (cells.reference, 1.23e17),
        (cells.reference, 10**15),
        (cells.reference, Formula("=A1")),
        (cells.day, "05/01/2026"),
        (cells.day, "2026-02-30"),
        (cells.day, 7),
        (cells.status, "vielleicht"),
        (cells.sign, "quer"),
    ],
)
def test_a_cell_that_can_be_misread_is_not_guessed(parse, cell: object) -> None:
    with pytest.raises(cells.Fault):
        parse(cell)


def test_headings_that_occur_twice_get_a_number_and_a_missing_column_is_named() -> None:
    heading = headings.find(sheet.opened("订单号,金额,金额,日期\nA,1,2,20260105\n".encode()).rows())
    assert heading.names == ("订单号", "金额", "金额 (2)", "日期")
    with pytest.raises(Unreadable, match="no column '价格' for amount") as refused:
        heading.places({"amount": "价格"})
    assert (refused.value.row, refused.value.column) == (1, "价格")


def test_rows_are_read_one_by_one() -> None:
    text = "order,amount,date\n" + "A1,1.00,2026-01-05\n" * 50
    opened = sheet.opened(text.encode())
    reader = Reader(
        opened, headings.find(opened.rows()), {"reference": "order", "amount": "amount", "date": "date"}
    )
    assert [one.line for one in islice(reader.movements(), 3)] == [2, 3, 4]
    assert reader.told.rows == 3


def orders(*rows: str) -> bytes:
    return "\n".join(["订单号,金额,日期,状态", *rows]).encode()


NTRY = (
    '<Ntry><Amt Ccy="CNY">5999.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>2026-01-05'
    "</Dt></BookgDt><NtryDtls><TxDtls><RmtInf><Ustrd>分期打款</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>"
)
MESSAGE = f"<Document><BkToCstmrStmt><Stmt>{NTRY}</Stmt></BkToCstmrStmt></Document>"
WECHAT = (
    "交易时间,商户订单号,交易状态,应结订单金额,手续费\n`2026-01-05 12:00:00,`A1,`SUCCESS,`5999.00,`0.60\n"
    "总交易单数,应结订单总金额,退款总金额\n`1,`5999.00,`0.00\n"
)
ALIPAY = "#业务明细\n商户订单号,订单金额（元）,完成时间\n#A1,5999.00,2026-01-05 12:00:00\n#-----结束-----\n#合计：1笔\n"


@pytest.mark.parametrize(
    "content",
    [
        WECHAT.encode("utf-8-sig"),
        ALIPAY.encode("gb18030"),
        f"<?xml version='1.0' encoding='GBK'?>{MESSAGE}".encode("gbk"),
        f"<?xml version='1.0' encoding='UTF-16'?>{MESSAGE}".encode("utf-16"),
        orders("A1,5999.00,2026-01-05,").replace(b"\n", b"\r"),
        "\ufeff\ufeff".encode() + orders("A1\u200b,5999.00,2026-01-05,"),
    ],
)
def test_a_bill_and_a_bank_message_as_they_are_downloaded_in_china_are_read(content: bytes) -> None:
    (one,), told = read(content)
    assert (one.amount_fen, one.day, told.faults) == (599900, JAN_5, [])
    assert one.reference in ("A1", "#A1", None)


def test_a_row_far_below_with_another_decimal_sign_is_named_and_not_read_a_hundredfold() -> None:
    rows = [f"A{at};1.234,50;2026-01-05" for at in range(2_000)]
    _, told = read("\n".join(["订单号;金额;日期", *rows, "B;12.50;2026-01-05"]).encode())
    assert [(fault["row"], fault["column"]) for fault in told.faults] == [(2_002, "金额")]


@pytest.mark.parametrize("when", ["9999-12-31", "0001-01-01", "0001-01-01T00:00:00+14:00", "1989-12-31"])
def test_a_day_that_no_file_of_today_has_is_named(when: str) -> None:
    _, told = read(orders(f"A1,5999.00,{when},"))
    assert [(fault["row"], fault["column"]) for fault in told.faults] == [(2, "日期")]


def test_of_a_file_in_which_nothing_fits_no_more_is_read_than_shows_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(typed, "ENOUGH_FAULTS", 50)
    _, told = read(orders(*(f"A{at},x,y," for at in range(5_000))))
    assert (len(told.faults), told.rows < 200) == (100, True)


@pytest.mark.parametrize("cell", ["=1", "-2+3", "-5+6", "+1", "@SUM(1)", "＝1", "－1+2", "＋1", "－1"])
def test_a_cell_of_the_file_is_not_computed_where_it_is_opened_again(cell: str) -> None:
    assert result_file._shown(cell) in ("'" + cell, *(["+1"] if cell == "+1" else []))
    assert [result_file._shown(one) for one in ("-1,234.50", "12.00-", "5 999,00")] == [
        "-1,234.50",
        "12.00-",
        "5 999,00",
    ]


def test_a_format_without_content_in_the_last_column_hinders_nothing() -> None:
    book = openpyxl.load_workbook(io.BytesIO(workbook(["订单号", "金额", "日期"], ["A1", 5999, JAN_5])))
    book.active.cell(1, 16_384).number_format = "0.00"
    out = io.BytesIO()
    book.save(out)
    assert [one.amount_fen for one in read(out.getvalue())[0]] == [599900]


@pytest.mark.parametrize("around", [("<a>" * 300, "</a>" * 300), ("<a/>" * 600, "")])
def test_what_stands_around_the_entries_of_a_bank_message_is_bounded(
    around: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bank_messages, "MOST_ELEMENTS", 500)
    with pytest.raises(Unreadable, match="more between two entries"):
        read(MESSAGE.replace("<Stmt>", f"<Stmt>{around[0]}{around[1]}").encode())


def test_whatever_a_file_is_damaged_by_is_a_sentence() -> None:
    chance = random.Random(20260105)
    whole = [
        STATEMENT.encode("gb18030"),
        STATEMENT.encode("utf-16"),
        WECHAT.encode(),
        f"<?xml version='1.0' encoding='GBK'?>{MESSAGE}".encode("gbk"),
        workbook(["订单号", "金额", "日期"], ["A1", 5999, JAN_5]),
        b"<?xml version='1.0' encoding='klingon'?><BkToCstmrStmt/>",
        b"a,b\n" + b"x" * 200_000 + b",1\n",
        b'a,b\n"x\r=1",1\n',
    ]
    odd = [b"\r", b'"', b"\0", b"\xff", b"<", b"&a;", b"9" * 400, b"1e999", b"=", b"\xef\xbb\xbf", b"]]>"]
    for content in whole:
        for turn in range(120):
            at = chance.randrange(len(content))
            end = at + chance.choice([0, 0, 1, 3, 40])
            damaged = content[:at] + chance.choice(odd) + content[end:] if turn else content
            with suppress(Unreadable):
                read(damaged)
