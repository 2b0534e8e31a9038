"""What the entries of a ledger say, and what a line of a settlement may say that stands on them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

CLAIMS = ("merchant_pending", "merchant_available", "merchant_receivable")
"""Accounts of what the merchant is due: their sum is what a line brings or takes."""
ENTRY_KINDS = {
    "capture": "capture",
    "refund": r"refund|unwound_claim_moved|\w+_reversed",
    "subsidy": "subsidy_received",
    "subsidy_return": "subsidy_returned",
    "dispute": "dispute_opened",
    "dispute_won": "dispute_won",
    "payout_returned": "payout_(rejected|returned)",
    "invoice_payment": "invoice_paid",
    "reserve_release": "settlement",
    "stage_held": "stage_held",
    "stage_released": "stage_released",
    "stage_returned": "stage_returned",
}
"""By kind of line: the kinds of entry it stands on."""
ABOUT = {
    "capture": "capture",
    "refund": "refund",
    "subsidy": "payment",
    "subsidy_return": "payment",
    "dispute": "dispute",
    "dispute_won": "dispute",
    "payout_returned": "payout",
    "stage_held": "milestone",
    "stage_released": "milestone",
    "stage_returned": "milestone",
}
"""By kind of line: its field that its entry is about."""
OF_ONE_KIND = {
    "refund": ("refund",),
    "dispute": ("dispute", "dispute_won"),
    "payout": ("payout_returned",),
    "milestone": ("stage_held", "stage_released", "stage_returned"),
}
"""Fields that lines of other kinds leave empty."""
ENTRY_COLUMNS, SEAL_COLUMNS, POSTING_COLUMNS = 11, 3, 5


class StatementError(ValueError):
    """The statement is not true, or no statement; the message says where and why."""

    __module__ = "fenqi.statements"


@dataclass(frozen=True)
class Entry:
    """An entry: its kind, what it is about, its day (Shanghai), and what it booked (fen, debits above 0)."""

    kind: str
    about: str
    day: str
    sums: Mapping[str, int]


def entry_of(name: str, content: Sequence[str], *, mode: str, merchant: str) -> Entry:
    """An entry from its canonical texts. Raises ``StatementError``."""
    row, seal, lines = content
    columns = columns_of(row, ENTRY_COLUMNS)
    if (columns[0], columns[1], columns[6]) != (name, mode, merchant):
        raise StatementError(f"the entry {name} is another one, or another merchant's")
    if seal and columns_of(seal, SEAL_COLUMNS)[0] != name:
        raise StatementError(f"the entry {name} has another one's seal")
    sums: dict[str, int] = defaultdict(int)
    for line in lines.split("\n"):
        of_entry, _, account, amount, _ = columns_of(line, POSTING_COLUMNS)
        if of_entry != name:
            raise StatementError(f"the entry {name} has a line of {of_entry}")
        sums[(account or "").split(":")[1]] += int(amount or 0)
    if sum(sums.values()):
        raise StatementError(f"the lines of the entry {name} do not sum to zero")
    return Entry(columns[2] or "", columns[8] or "", columns[9] or "", sums)


def columns_of(text: str, count: int) -> list[str | None]:
    """The columns of a canonical text: each is its length, a colon and itself, or ``-`` where it is null."""
    found = list(_columns(text))
    if len(found) != count:
        raise StatementError(f"an entry has {len(found)} columns where {count} belong")
    return found


def _columns(text: str) -> Iterator[str | None]:
    at = 0
    while at < len(text):
        if text[at] == "-":
            yield None
            at += 1
            continue
        # Where one text ends and the next begins, only these lengths say: the hash is over all three.
        written = re.compile(r"([0-9]{1,9}):").match(text, at)
        if written is None or written.end() + int(written[1]) > len(text):
            raise StatementError("the columns of an entry are not parted as they must be")
        start, at = written.end(), written.end() + int(written[1])
        yield text[start:at]


def check_line(line: Mapping[str, Any], entries: Sequence[Entry]) -> None:
    """Refuse a line whose kind, figures or ids its entries do not bear out. Raises ``StatementError``."""
    name, kind = line["id"], line["kind"]
    for entry in entries:
        if not re.fullmatch(ENTRY_KINDS[kind], entry.kind):
            raise StatementError(
                f"the line {name} is a {kind}, and stands on an entry of the kind {entry.kind}"
            )
    unwinding = kind == "refund" and entries[0].kind != "refund"
    if len(entries) > 1 and (not unwinding or any(entry.kind == "refund" for entry in entries)):
        raise StatementError(f"the line {name} stands on more than one entry")
    for what, fen in _booked(kind, entries).items():
        if whole(line[what], what) != fen:
            raise StatementError(f"{what} of the line {name} is {line[what]} fen, and {fen} were booked")
    for field, kinds in OF_ONE_KIND.items():
        if kind not in kinds and line.get(field) is not None:
            raise StatementError(f"the line {name} is a {kind} and names a {field}")
    for entry in entries:
        of_unwinding = {"capture_reversed": "capture", "unwound_claim_moved": "refund"}.get(entry.kind)
        named = of_unwinding if unwinding else ABOUT.get(kind)
        if named is not None and line[named] != entry.about:
            raise StatementError(f"{named} of the line {name} is {line[named]}, and {entry.about} was booked")


def _booked(kind: str, entries: Sequence[Entry]) -> dict[str, int]:
    """The figures of a line from what its entries booked, signed from the merchant's side."""
    sums: dict[str, int] = defaultdict(int)
    for entry in entries:
        for account, fen in entry.sums.items():
            sums[account] += fen
    if kind == "reserve_release":
        net = -sums["merchant_reserve"]
    elif kind == "subsidy":
        net = -sums["subsidy_receivable"]
    elif kind == "subsidy_return":
        net = sums["subsidy_receivable"]
    else:
        net = -sum(sums[account] for account in CLAIMS)
    fee = sums["merchant_fee_income"] + sums["vat_payable"]
    subsidy = sums["unearned_merchant_subsidy"] + sums["merchant_subsidy_income"]
    return {
        "net": net,
        "merchant_fee": fee,
        "merchant_subsidy": subsidy,
        "amount": net - fee - subsidy,
    }


def whole(value: Any, what: str) -> int:
    """A whole number, which neither ``true`` nor ``1.0`` is. Raises ``StatementError``."""
    if type(value) is not int:
        raise StatementError(f"{what} is not a whole number")
    return value
