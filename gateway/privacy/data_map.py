"""The data map (``data_map.toml``): purpose, kind, retention and end of every column of every table.

``problems`` compares it with the models: a test fails the build when a column is missing from it or an entry is stale.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import MetaData

FILE = Path(__file__).parent / "data_map.toml"
KINDS = ("none", "personal", "sensitive")


@dataclass(frozen=True, slots=True)
class ColumnMap:
    """One column: why it is kept, what it is, how long, how it ends, and whether the person gets it in an export."""

    name: str
    purpose: str
    kind: str
    retention: str
    erased: str
    export: bool


@dataclass(frozen=True, slots=True)
class Link:
    """How a row finds its person: ``column`` holds a value of ``to_table.to_column``."""

    column: str
    to_table: str
    to_column: str

    @classmethod
    def of(cls, text: str) -> Link:
        """From ``loan_id = loan.id``."""
        column, _, target = text.partition(" = ")
        table, _, to_column = target.partition(".")
        return cls(column, table, to_column)


@dataclass(frozen=True, slots=True)
class TableMap:
    """One table; ``link`` is None where it holds nothing about shoppers."""

    table: str
    purpose: str
    link: Link | None
    columns: tuple[ColumnMap, ...]


@dataclass(frozen=True, slots=True)
class DataMap:
    """All tables, those about people in an order in which each link leads to an earlier one."""

    tables: tuple[TableMap, ...]

    def about_people(self) -> Iterator[TableMap]:
        """The tables that hold something about shoppers."""
        return (entry for entry in self.tables if entry.link is not None)

    def problems(self, models: MetaData) -> list[str]:
        """What is missing, stale or contradictory; empty when map and models agree."""
        mapped = [(entry.table, column.name) for entry in self.tables for column in entry.columns]
        real = {(table.name, column.name) for table in models.tables.values() for column in table.columns}
        found = [f"{table}.{name} is not in the data map" for table, name in sorted(real - set(mapped))]
        found += [
            f"{table}.{name} is mapped and does not exist" for table, name in sorted(set(mapped) - real)
        ]
        found += [
            f"{row[0]}.{row[1]} is mapped twice" for row in sorted({r for r in mapped if mapped.count(r) > 1})
        ]
        return found + list(self._broken_links(models))

    def _broken_links(self, models: MetaData) -> Iterator[str]:
        seen: set[str] = {"shopper"}
        for entry in self.tables:
            columns = {column.name for column in entry.columns}
            if entry.link is not None and (
                entry.link.to_table not in seen or entry.link.column not in columns
            ):
                yield f"{entry.table} is linked by {entry.link.column} to {entry.link.to_table}, which is not before it"
            leads_to_person = (
                any(key.column.table.name == "shopper" for key in models.tables[entry.table].foreign_keys)
                if entry.table in models.tables
                else False
            )
            if leads_to_person and entry.link is None:
                yield f"{entry.table} refers to a shopper and has no link"
            if entry.link is not None:
                seen.add(entry.table)

    def as_markdown(self) -> str:
        """The columns that are personal or sensitive, for the documentation."""
        lines = ["| column | kind | purpose | kept | in the end |", "| --- | --- | --- | --- | --- |"]
        for entry in self.tables:
            groups: dict[tuple[str, str, str, str], list[str]] = {}
            for column in entry.columns:
                if column.kind != "none":
                    fact = (column.kind, column.purpose, column.retention, column.erased)
                    groups.setdefault(fact, []).append(f"`{column.name}`")
            for fact, names in groups.items():
                lines.append(f"| `{entry.table}`: {', '.join(names)} | {' | '.join(fact)} |")
        return "\n".join(lines) + "\n"


def load(text: str) -> DataMap:
    """The map from its TOML. Raises ``KeyError`` or ``ValueError`` if it is not a map."""
    content = tomllib.loads(text)
    for name, rule in content["rules"].items():
        if rule["kind"] not in KINDS:
            raise ValueError(
                f"the rule {name} has the kind {rule['kind']!r}; expected one of {', '.join(KINDS)}"
            )
    return DataMap(tuple(_table(name, entry, content["rules"]) for name, entry in content["tables"].items()))


def _table(name: str, entry: dict[str, Any], rules: dict[str, dict[str, str]]) -> TableMap:
    columns = tuple(
        ColumnMap(
            name=column,
            purpose=group.get("purpose", entry["purpose"]),
            export=group.get("export", True),
            **rules[group["rule"]],
        )
        for group in entry["columns"]
        for column in group["names"]
    )
    return TableMap(name, entry["purpose"], Link.of(entry["link"]) if "link" in entry else None, columns)


DATA_MAP = load(FILE.read_text("utf-8"))


def print_into(page: Path) -> None:
    """Put the table into a page of the documentation, between its two marks."""
    text = page.read_text("utf-8")
    head, start, rest = text.partition("<!-- data map -->\n")
    _, end, tail = rest.partition("<!-- end of the data map -->")
    page.write_text(head + start + DATA_MAP.as_markdown() + end + tail, "utf-8")


if __name__ == "__main__":
    print_into(Path(sys.argv[1]))
