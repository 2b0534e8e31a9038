"""Many purchases out of a few: what some left in the database is written as many times again, on PostgreSQL.

It goes by the schema alone, so that a new table is covered without a line here. Whatever came since a first look is a
row of the sample. In each copy our identifiers, keyed hashes, references and running numbers are others, and the times
lie some days earlier; a row that can be there only once (a settlement of a day, a block of the chain) is shared.
"""

from __future__ import annotations

import itertools
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property, partial
from typing import Any

from sqlalchemy import BigInteger, Column, Engine, Index, Table, Text, UniqueConstraint

from gateway.core.identifiers import ALPHABET
from gateway.db.tables import metadata
from gateway.db.types import Day, Document, UtcTime

IDENTIFIER = re.compile(r"(?<![a-z_])[a-z]{2,5}_[0-9A-HJKMNP-TV-Z]{26}(?![0-9A-Z])")
DIGEST = re.compile(r"(?<![0-9a-f])[0-9a-f]{32,}(?![0-9a-f])")
TENANT = {"merchant_id", "mode"}
NULL = r"\N"
DAYS = 28
"""Copies begin on so many days, so that what the sample has to do within a month is spread over a month."""
PART = 250
Fields = tuple[str, ...]
Write = Callable[["Copy"], str]


@dataclass(frozen=True)
class Copy:
    """One copy of the sample: its number from 1, and by how much it is older."""

    number: int
    days: int
    seconds: int

    @cached_property
    def base32(self) -> str:
        """The number in the digits of our identifiers."""
        return "".join(ALPHABET[self.number >> shift & 31] for shift in (25, 20, 15, 10, 5, 0))

    @cached_property
    def known(self) -> dict[str, str]:
        """What was computed for this copy already, by what it was in the sample."""
        return {}


class Rows:
    """The sample's rows of one table, as COPY writes them."""

    def __init__(self, table: Table, rows: Sequence[Fields]) -> None:
        self.table, self.columns = table, list(table.columns)
        self.rows = rows
        self.places = {str(column.name): place for place, column in enumerate(self.columns)}
        indexed = {name for key in _keys(table, unique=False) for name in key}
        self.digests = {name for name in indexed if isinstance(table.c[name].type, Text)}
        self.counters: dict[str, Iterator[int]] = {}
        self.named: set[str] = set()

    def value(self, row: Fields, column: str) -> str:
        """One field of a row."""
        return row[self.places[column]]

    def differs(self, row: Fields, column: str, own: set[str]) -> bool:
        """Whether a field is another one in each copy, or NULL, which equals nothing."""
        value = self.value(row, column)
        if value == NULL or column in self.counters or column in self.named:
            return True
        return bool(own.intersection(IDENTIFIER.findall(value))) or (
            column in self.digests and bool(DIGEST.search(value))
        )

    def find_numbers(self, own: set[str]) -> None:
        """Which numbers must go on in the copies, and which words must be others, for their keys to be free."""
        keys = [(unique, key) for unique in (True, False) for key in _keys(self.table, unique) if self.rows]
        for unique, key in keys:
            free = [name for name in key if name not in TENANT]
            if any(any(self.differs(row, name, own) for name in free) for row in self.rows):
                continue
            if not all(own.intersection(IDENTIFIER.findall("\t".join(row))) for row in self.rows):
                continue  # what hangs on no purchase is there once
            column = self.table.c[free[0]] if len(free) == 1 else None
            if column is None or column.foreign_keys or _is_referenced(column):
                continue
            if isinstance(column.type, BigInteger):
                last = max(int(self.value(row, column.name)) for row in self.rows)
                self.counters[column.name] = itertools.count(last + 1)
            elif unique and isinstance(column.type, Text):
                self.named.add(column.name)

    def shared(self, own: set[str], lost: set[str]) -> list[Fields]:
        """Rows that would break a unique key in a copy, or hang on nothing but what is shared."""
        keys = list(_keys(self.table, unique=True))
        return [
            row
            for row in self.rows
            if not all(any(self.differs(row, name, own) for name in key) for key in keys)
            or self._hangs_on(row, own, lost)
        ]

    def _hangs_on(self, row: Fields, own: set[str], lost: set[str]) -> bool:
        named = set(IDENTIFIER.findall("\t".join(row))).difference(_key_of(self.table, row))
        return not named.isdisjoint(lost) and named.isdisjoint(own)


def _keys(table: Table, unique: bool) -> Iterator[list[str]]:
    """The columns of each unique key, or of each index that is not unique."""
    if unique:
        yield [str(column.name) for column in table.primary_key]
        for constraint in table.constraints:
            if isinstance(constraint, UniqueConstraint):
                yield [str(column.name) for column in constraint.columns]
    for index in table.indexes:
        if bool(index.unique) is unique:
            yield _columns(index)
    if not unique:
        yield from _keys(table, unique=True)


def _columns(index: Index) -> list[str]:
    return [str(column.name) for column in index.columns]


def _is_referenced(column: Column[Any]) -> bool:
    return any(key.column is column for table in metadata().tables.values() for key in table.foreign_keys)


@dataclass
class Sample:
    """What came into a database since ``begin``."""

    engine: Engine
    _before: dict[str, set[Fields]] = field(default_factory=dict)
    _old: set[str] = field(default_factory=set)

    def begin(self) -> None:
        """Whatever comes from now on is of the sample."""
        for table in metadata().sorted_tables:
            rows = self._read(table)
            self._before[table.name] = {_key_of(table, row) for row in rows}
            self._old.update(IDENTIFIER.findall("\n".join(map("\t".join, rows))))

    def multiply(self, copies: int) -> None:
        """Write the sample so many times again."""
        tables, own = self._rows_to_copy()
        written = [_Lines(rows, own) for rows in tables]
        moments = sorted({moment for lines in written for moment in lines.by_month})
        plans = [
            Copy(number, days=DAYS - 1 - DAYS * (number - 1) // copies, seconds=number * 37 % 7200)
            for number in range(1, copies + 1)
        ]
        raw = self.engine.raw_connection()
        try:
            session: Any = raw.driver_connection
            session.execute("SET session_replication_role = replica")
            for month in moments:  # nearly in the order of time, as real rows come
                for start in range(0, copies, PART):
                    _write(session, written, month, plans[start : start + PART])
                    session.commit()
            self._go_on(session, tables)
            session.commit()
            session.autocommit = True
            session.execute("VACUUM (ANALYZE)")
        finally:
            raw.invalidate()

    def _rows_to_copy(self) -> tuple[list[Rows], set[str]]:
        """The new rows by table, without those that are shared, and the identifiers that a copy has anew."""
        tables = []
        for table in metadata().sorted_tables:
            before = self._before[table.name]
            new = [row for row in self._read(table) if _key_of(table, row) not in before]
            if new:
                tables.append(Rows(table, new))
        everything = "\n".join("\t".join(row) for rows in tables for row in rows.rows)
        own, lost = set(IDENTIFIER.findall(everything)) - self._old, set[str]()
        while True:
            for rows in tables:
                rows.find_numbers(own)
            shared = {rows.table.name: rows.shared(own, lost) for rows in tables}
            if not any(shared.values()):
                return [rows for rows in tables if rows.rows], own
            for rows in tables:
                kept = set(shared[rows.table.name])
                for row in kept:
                    lost.update(own.intersection(_key_of(rows.table, row)))
                rows.rows = [row for row in rows.rows if row not in kept]
            own -= lost

    def _read(self, table: Table) -> list[Fields]:
        names = ", ".join(f'"{column.name}"' for column in table.columns)
        raw = self.engine.raw_connection()
        try:
            session: Any = raw.driver_connection
            session.execute("SET TIME ZONE 'UTC'")
            with session.cursor().copy(f'COPY (SELECT {names} FROM "{table.name}") TO STDOUT') as copied:
                text = b"".join(copied).decode()
        finally:
            raw.close()
        return [tuple(line.split("\t")) for line in text.splitlines()] if text else []

    @staticmethod
    def _go_on(session: Any, tables: Iterable[Rows]) -> None:
        """Let every counter go on behind the numbers of the copies."""
        most = max((next(counter) for rows in tables for counter in rows.counters.values()), default=0)
        for name in session.execute("SELECT quote_ident(sequencename) FROM pg_sequences").fetchall():
            session.execute(f"SELECT setval('{name[0]}', (SELECT last_value FROM {name[0]}) + {most})")
        session.execute("UPDATE ledger_head SET position = (SELECT max(position) FROM ledger_link)")


def _key_of(table: Table, row: Fields) -> Fields:
    places = {column.name: place for place, column in enumerate(table.columns)}
    return tuple(row[places[column.name]] for column in table.primary_key)


class _Lines:
    """The rows of a table as lines that say for each copy what they are, by the month they are from."""

    def __init__(self, rows: Rows, own: set[str]) -> None:
        names = ", ".join(f'"{column.name}"' for column in rows.columns)
        self.copy = f'COPY "{rows.table.name}" ({names}) FROM STDIN'
        self.by_month: dict[int, list[list[str | Write]]] = defaultdict(list)
        for row in rows.rows:
            self.by_month[_month(row)].append(self._parts(rows, row, own))

    def _parts(self, rows: Rows, row: Fields, own: set[str]) -> list[str | Write]:
        parts: list[str | Write] = []
        for column, value in zip(rows.columns, row, strict=True):
            parts += ["\t", *_field(rows, str(column.name), column.type, value, own)]
        parts[0] = ""
        joined: list[str | Write] = []
        for constant, group in itertools.groupby(parts, lambda part: isinstance(part, str)):
            some = list(group)
            joined += ["".join(some)] if constant else some  # type: ignore[arg-type]
        return joined

    def written(self, month: int, copies: Sequence[Copy]) -> str:
        """The lines of a month for these copies."""
        return "".join(
            "".join([part if part.__class__ is str else part(copy) for part in parts]) + "\n"  # type: ignore[operator, misc]
            for copy in copies
            for parts in self.by_month.get(month, ())
        )


def _write(session: Any, tables: Iterable[_Lines], month: int, copies: Sequence[Copy]) -> None:
    for lines in tables:
        text = lines.written(month, copies)
        if text:
            with session.cursor().copy(lines.copy) as copied:
                copied.write(text)


def _field(rows: Rows, name: str, kind: Any, value: str, own: set[str]) -> list[str | Write]:
    if value == NULL:
        return [value]
    if name in rows.counters:
        counter = rows.counters[name]
        return [lambda _: str(next(counter))]
    if name in rows.named:
        return [value, _named]
    if isinstance(kind, UtcTime):
        return [partial(_known, value, _moment)]
    if isinstance(kind, Day):
        return [partial(_known, value, _day)]
    if not isinstance(kind, (Text, Document)):
        return [value]
    pattern = IDENTIFIER if name not in rows.digests else re.compile(f"{IDENTIFIER.pattern}|{DIGEST.pattern}")
    parts: list[str | Write] = []
    end = 0
    for match in pattern.finditer(value):
        if match[0] in own or DIGEST.fullmatch(match[0]):
            make = _identifier if match[0] in own else _digest
            parts += [value[end : match.start()], partial(_known, match[0], make)]
            end = match.end()
    return [*parts, value[end:]]


def _known(value: str, make: Callable[[str, Copy], str], copy: Copy) -> str:
    made = copy.known.get(value)
    if made is None:
        made = copy.known[value] = make(value, copy)
    return made


def _identifier(value: str, copy: Copy) -> str:
    """The identifier minted earlier: its ten digits of milliseconds, and the copy's number in its random digits."""
    prefix, _, body = value.partition("_")
    milliseconds = 0
    for digit in body[:10]:
        milliseconds = milliseconds << 5 | ALPHABET.index(digit)
    milliseconds -= (copy.days * 86_400 + copy.seconds) * 1000
    digits = "".join([ALPHABET[milliseconds >> shift & 31] for shift in range(45, -1, -5)])
    return f"{prefix}_{digits}{body[10:20]}{copy.base32}"


def _digest(value: str, copy: Copy) -> str:
    """Spread as hashes are, and the copy's number in its last digits."""
    first = (int(value[:8], 16) ^ copy.number * 2_654_435_761) & 0xFFFFFFFF
    return f"{first:08x}{value[8:-8]}{copy.number:08x}"


def _moment(value: str, copy: Copy) -> str:
    return str(datetime.fromisoformat(value) - timedelta(days=copy.days, seconds=copy.seconds))


def _day(value: str, copy: Copy) -> str:
    return str(date.fromisoformat(value) - timedelta(days=copy.days))


def _named(copy: Copy) -> str:
    return f"-{copy.number}"


def _month(row: Fields) -> int:
    """The 28 days of the first identifier of a row."""
    found = IDENTIFIER.search("\t".join(row))
    if not found:
        return 0
    milliseconds = 0
    for digit in found[0].partition("_")[2][:10]:
        milliseconds = milliseconds << 5 | ALPHABET.index(digit)
    return milliseconds // (DAYS * 86_400_000)
