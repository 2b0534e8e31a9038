"""Vouchers: the merchant's own side as accounting programs of China read it (用友, 金蝶): CSV in GB18030."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from typing import IO

from gateway.exports.own_books import ROLES, summary, turned
from gateway.exports.tables import yuan
from gateway.ledger.service import OwnEntry
from gateway.web.csv_export import cell

HEADINGS = ("日期", "凭证字", "凭证号", "摘要", "科目编码", "科目名称", "借方金额", "贷方金额")
WORD = "记"
Codes = Mapping[str, tuple[str, str]]
"""By role the code and the name of an account."""


def codes(own: Mapping[str, Mapping[str, str]]) -> dict[str, tuple[str, str]]:
    """The code and name of each account: the merchant's, else the default."""
    return {
        name: (own[name]["code"], own[name]["name"]) if name in own else (role.code, role.name)
        for name, role in ROLES.items()
    }


def write_vouchers(file: IO[bytes], entries: Iterable[OwnEntry], accounts: Codes) -> Iterator[int]:
    """Write a voucher for each entry, numbered from 1 in each month; yields the entries written."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(HEADINGS)
    month, number, count = "", 0, 0
    for count, entry in enumerate(entries, 1):
        moved = turned(entry)
        if f"{entry.effective_date:%Y-%m}" != month:
            month, number = f"{entry.effective_date:%Y-%m}", 0
        number += 1 if moved else 0
        for role, amount in sorted(moved.items(), key=lambda one: one[1] < 0):  # debits first
            code, name = accounts[role]
            sides = (yuan(amount), "") if amount > 0 else ("", yuan(-amount))
            words = summary(entry)
            writer.writerow((entry.effective_date, WORD, number, words, cell(code), cell(name), *sides))
        if count % 500 == 0:
            _drain(out, file)
            yield count
    _drain(out, file)
    yield count


def _drain(out: io.StringIO, file: IO[bytes]) -> None:
    file.write(out.getvalue().encode("gb18030"))
    out.seek(0)
    out.truncate()
