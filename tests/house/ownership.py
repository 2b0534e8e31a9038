"""Whose each row of the whole schema is, found from the metadata alone, and what changed of whom.

A row belongs to the merchant and mode it names; else to whoever the rows belong to that it points to; else to whoever
points to it. A row of several owners belongs to each of them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sqlalchemy import Engine, Table, select

from gateway.core.tenant import Tenant
from gateway.db.tables import metadata

Owner = tuple[str, str | None]
Row = tuple[str, tuple[Any, ...]]
"""A table and the primary key of one of its rows."""

BELONG_TO_NOBODY = {
    "audit_root": "signs the end of a day of the whole log",
    "ledger_account": "the chart, with accounts that many share, such as the lender's",
    "ledger_block": "a block chains the entries of everybody",
    "ledger_head": "the end of the chain of everybody",
    "ledger_link": "the place of an entry in the chain of everybody",
    "ledger_tree": "a tree over entries of everybody",
    "list_entry": "the lender's lists of people, by a keyed hash",
    "code_count": "counts codes by the hash of a phone or an ID number, over all merchants of a mode",
    "key_in_use": "which keys the database is used with, by their ids alone",
    "login_attempt": "counts tries by the hash of an address, which may be nobody's",
    "operator": "the gateway's own people",
    "operator_code": "codes of the gateway's own people",
    "operator_refresh_token": "logins of the gateway's own people",
    "operator_session": "logins of the gateway's own people",
    "revoked_token": "tokens by their hash alone",
    "row_version": "hashes of rows, by their table and key alone",
    "signed_root": "signs where a chain of everybody stood",
    "spent_proof": "proofs by their hash alone",
    "subsidy_programme": "the state's programmes",
    "used_challenge": "challenges by their hash alone",
}
"""Tables that no row of leads to a merchant, each with the reason."""
UNWRITTEN_KEYS = {
    ("subject_key", "subject_id"): "shopper",
    ("destroyed_key", "subject_id"): "shopper",
    ("one_time_code", "subject_id"): "checkout",
}
"""Columns that point to another table without a foreign key."""


@dataclass(frozen=True)
class Picture:
    """All rows of a database at a moment."""

    rows: dict[Row, tuple[Any, ...]]

    @cached_property
    def owners(self) -> dict[Row, frozenset[Owner]]:
        """Whose each row is; computed for whoever finds that something changed."""
        return _owners(self.rows)

    def changed_since(self, before: Picture) -> dict[Row, frozenset[Owner]]:
        """Rows that were added, changed or deleted, with everybody who owns or owned them."""
        return {
            row: self.owners.get(row, frozenset()) | before.owners.get(row, frozenset())
            for row in self.rows.keys() | before.rows.keys()
            if self.rows.get(row) != before.rows.get(row)
        }

    def changed_of_others(self, before: Picture, tenant: Tenant) -> list[str]:
        """What changed that is not the tenant's, as text. What is nobody's may be added to, and never changes."""
        own = (tenant.merchant_id, tenant.mode)
        return sorted(
            f"{row[0]} {row[1]} of {sorted(map(str, owners))}"
            for row, owners in self.changed_since(before).items()
            if own not in owners and (owners or row in before.rows)
        )


def unattributed() -> list[str]:
    """Tables that neither lead to a merchant nor are declared as nobody's, and declarations that are wrong."""
    tables = metadata().tables
    known = {name for name, table in tables.items() if "merchant_id" in table.columns or name == "merchant"}
    while True:
        more = {
            name
            for name, table in tables.items()
            if name not in known | BELONG_TO_NOBODY.keys()
            and (_points_to(table) & known or any(name in _points_to(tables[other]) for other in known))
        }
        if not more:
            break
        known |= more
    named = {"merchant_id" in tables[name].columns for name in BELONG_TO_NOBODY if name in tables}
    assert named <= {False}, "a table with a merchant is declared as nobody's"
    return sorted(
        (tables.keys() - known - BELONG_TO_NOBODY.keys()) | (BELONG_TO_NOBODY.keys() - tables.keys())
    )


def picture(engine: Engine) -> Picture:
    """Every row of every table."""
    rows: dict[Row, tuple[Any, ...]] = {}
    with engine.connect() as connection:
        for table in metadata().sorted_tables:
            names = list(table.columns.keys())
            key = [names.index(column.name) for column in table.primary_key]
            for record in connection.execute(select(table)):
                rows[table.name, tuple(record[at] for at in key)] = tuple(record)
    return Picture(rows)


def _owners(rows: dict[Row, tuple[Any, ...]]) -> dict[Row, frozenset[Owner]]:
    """Whose each row is."""
    owners: dict[Row, set[Owner]] = defaultdict(set)
    up: dict[Row, set[Row]] = defaultdict(set)
    tables = metadata().tables
    for row, values in rows.items():
        table = tables[row[0]]
        record = dict(zip(table.columns.keys(), values, strict=True))
        if table.name == "merchant":
            owners[row].add((record["id"], None))
        elif record.get("merchant_id"):
            owners[row].add((record["merchant_id"], record.get("mode")))
        if table.name not in BELONG_TO_NOBODY:
            up[row] = set(_parents(table, record))
    _inherit(rows, owners, up)
    return {row: frozenset(owners[row]) for row in rows}


def _inherit(rows: Iterable[Row], owners: dict[Row, set[Owner]], up: dict[Row, set[Row]]) -> None:
    """Pass owners on to the rows that name none: down from what they point to, else up from what points to them."""
    nameless = {row for row in rows if not owners[row] and row[0] not in BELONG_TO_NOBODY}
    down: dict[Row, set[Row]] = defaultdict(set)
    for row, parents in up.items():
        for parent in parents:
            down[parent].add(row)
    while True:
        given = {row: {owner for parent in up[row] for owner in owners[parent]} for row in nameless}
        if not any(given.values()):
            given = {row: {owner for child in down[row] for owner in owners[child]} for row in nameless}
        if not any(given.values()):
            return
        for row, found in given.items():
            owners[row] |= found
        nameless = {row for row in nameless if not owners[row]}


def _parents(table: Table, record: Any) -> Iterable[Row]:
    for column in table.columns:
        target = UNWRITTEN_KEYS.get((table.name, column.name))
        for key in column.foreign_keys:
            if list(key.column.table.primary_key) == [key.column]:
                target = key.column.table.name
        if target is not None and record[column.name] is not None:
            yield target, (record[column.name],)


def _points_to(table: Table) -> set[str]:
    keys = {key.column.table.name for column in table.columns for key in column.foreign_keys}
    return keys | {target for (name, _), target in UNWRITTEN_KEYS.items() if name == table.name}
