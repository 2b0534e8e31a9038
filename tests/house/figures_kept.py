"""The figures that the rooms of money leave in their tables and answer, compared with a listing.

They are those of one book in which nearly everything has happened.

A fen, a day or a state more or less is no error where it is written, and the books may agree about it. A new column or
field of an answer appears in the listing without a line here. ``words_kept.py`` says how the listing is written.
"""

from __future__ import annotations

import re
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import timedelta
from inspect import isfunction, signature
from typing import Any

from sqlalchemy import Connection, select
from sqlmodel import SQLModel, col

from gateway.db.transactions import Transaction
from gateway.identity.models import Shopper
from gateway.ledger.models import ENTRY, POSTING
from gateway.loans import by_shopper as loans_of
from gateway.loans import repayment
from gateway.loans import service as loans
from gateway.loans.models import Loan
from gateway.payments import by_shopper as payments_of
from tests.gateway.conftest import Api
from tests.house.rich_book import RichBook
from tests.house.shapes import HASH, without_ids

ROOMS = ("loans", "payments", "settlement")
TABLES = ("credit_limit", "limit_movement")
"""Of other rooms."""
LISTS = (
    "/v1/payments",
    "/v1/refunds",
    "/v1/disputes",
    "/v1/settlements",
    "/v1/payouts",
    "/v1/balance_entries",
)
COPIED = ("plan", "price")
"""Fields that another room has made."""
MOST_VALUES = 12
"""Of a column or field with more of them the listing has their number, two of them and a checksum of all."""
ONE_ID = re.compile(r"<[a-z_]+>")
Figures = dict[str, Counter[str]]


def figures(book: RichBook) -> list[str]:
    """A line for each column and field: which values it has, and how often."""
    counted: Figures = defaultdict(Counter)
    for shop, api in (("shop", book.shop), ("school", book.school)):
        _count(counted, f"{shop} /v1/balance", api.get("/v1/balance").json)
        for path in LISTS:
            for one in _listed(api, path):
                _count(counted, f"{shop} {path}", one)
                _read_on(counted, api, shop, path, one)
    with book.gateway.db.read() as tx:
        _quoted(counted, tx)
        _of_people(counted, tx)
    with book.gateway.db.engine.connect() as connection:
        _posted(counted, connection)
        for name in _tables():
            for row in connection.execute(select(SQLModel.metadata.tables[name])).mappings():
                _count(counted, name, dict(row))
    return [line for name in sorted(counted) for line in _line(name, counted[name])]


def _quoted(counted: Figures, tx: Transaction) -> None:
    """What ends a loan early before, on and after each day on which something falls due."""
    for loan in tx.execute(select(Loan).order_by(col(Loan.id))).scalars():
        for row in loans.rows_of(tx, loan):
            for days in (-1, 0, 1):
                quote = repayment.quote_settlement(tx, loan, row.due_date + timedelta(days))
                _count(counted, "quoted", quote)


def _of_people(counted: Figures, tx: Transaction) -> None:
    """What the rooms know of each person, and of nobody else."""
    people = tx.execute(select(col(Shopper.id))).scalars().all()
    for room in (loans_of, payments_of):
        for name, asked in vars(room).items():
            if isfunction(asked) and [*signature(asked).parameters] == ["tx", "shopper_id"]:
                for one in people:
                    _count(counted, f"of one person {name}", _plain(asked(tx, one)))


def _plain(value: Any) -> Any:
    return [_plain(part) for part in value] if isinstance(value, list | tuple) else str(value)


def _tables() -> Iterator[str]:
    yield from TABLES
    for mapper in SQLModel._sa_registry.mappers:
        if mapper.class_.__module__.split(".")[1] in ROOMS:
            yield str(mapper.class_.__tablename__)


def _posted(counted: Figures, connection: Connection) -> None:
    """What each kind of entry has moved on which account, and on which day it counts."""
    entries = {row.id: row for row in connection.execute(select(ENTRY))}
    for line in connection.execute(select(POSTING)):
        entry = entries[line.entry_id]
        kind = line.account_id.split(":")[1]
        counted[f"posted {entry.kind} {kind}"][f"{line.amount} on {entry.effective_date}"] += 1


def _listed(api: Api, path: str) -> Iterator[dict[str, Any]]:
    """All of a list, page by page."""
    cursor: str | None = ""
    while cursor is not None:
        page = api.get(f"{path}?limit=20" + (f"&cursor={cursor}" if cursor else "")).json
        yield from page["data"]
        cursor = page["next_cursor"]
        assert (cursor is not None) is page["has_more"]


def _read_on(counted: Figures, api: Api, shop: str, path: str, one: dict[str, Any]) -> None:
    """What was listed is read alike; and what it leads to."""
    if path != "/v1/balance_entries":
        assert api.get(f"{path}/{one['id']}").json == one
    if path == "/v1/settlements":
        for line in _listed(api, f"{path}/{one['id']}/lines"):
            _count(counted, f"{shop} {path} lines", line)
    if path == "/v1/payments":
        for capture in one["captures"]:
            _count(counted, f"{shop} /v1/loans", api.get(f"/v1/loans/{capture['loan']}").json)


def _count(counted: Figures, name: str, value: Any) -> None:
    if isinstance(value, dict):
        for field, part in value.items():
            if field not in COPIED:
                _count(counted, f"{name}.{field}", part)
    elif isinstance(value, list):
        counted[f"{name}[]"][str(len(value))] += 1
        for part in value:
            _count(counted, f"{name}[]", part)
    elif isinstance(value, str):
        text = without_ids(value)
        if not HASH.search(text) and not ONE_ID.fullmatch(text):
            counted[name][text] += 1
    elif not isinstance(value, bytes):
        counted[name][str(value)] += 1


def _line(name: str, values: Counter[str]) -> Iterator[str]:
    known = sorted(values.items())
    if len(known) <= MOST_VALUES:
        yield f"{name}: " + ", ".join(f"{count} x {value}" for value, count in known)
    else:
        yield f"{name}: {len(known)}, {known[0][0]} to {known[-1][0]}, {zlib.crc32(repr(known).encode()):08x}"
