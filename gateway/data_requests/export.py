"""All that is stored about a person, as JSON: read by the data map, so that no table can be forgotten."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import Table, select

from gateway.complaints import service as complaints
from gateway.db.parts import in_parts
from gateway.db.tables import metadata
from gateway.db.transactions import Transaction
from gateway.identity import claims, erasure
from gateway.identity import service as identity
from gateway.messages import service as messages
from gateway.payments.disputes import by_shopper as disputes
from gateway.privacy.data_map import DATA_MAP, TableMap
from gateway.privacy.vault import Vault

FORMAT = "fenqi-person-1"


def export(tx: Transaction, vault: Vault, shopper_id: str) -> dict[str, Any]:
    """Everything about the person, by table, with the purpose of each; sealed values are opened. Raises ``NotFound``.

    What protects others or the lender (hashes, internal risk signals) is left out and named as left out.
    """
    erasure.present(tx, shopper_id)
    rows, people = rows_of(tx, shopper_id), claims.rows_of(tx, shopper_id)
    answer: dict[str, Any] = {
        entry.table: {
            "purpose": entry.purpose,
            "rows": [_shown(entry, row) for row in rows[entry.table]],
            "left_out": sorted(column.name for column in entry.columns if not column.export),
        }
        for entry in DATA_MAP.about_people()
    }
    in_clear: dict[str, dict[str, Any]] = {
        "shopper": {shopper_id: identity.opened(tx, vault, shopper_id)},
        "former_particulars": claims.former_of(tx, vault, shopper_id),
        "complaint": complaints.texts_of(tx, vault, shopper_id),
        "dispute_statement": {
            id: said for who in people for id, said in disputes.texts_of(tx, vault, who).items()
        },
        "message": {id: words for who in people for id, words in messages.texts_of(tx, vault, who).items()},
    }
    for table, opened in in_clear.items():
        for row in answer[table]["rows"]:
            row.update(opened.get(row["id"], {}))
    return {
        "format": FORMAT,
        "shopper": shopper_id,
        "exported_at": tx.now.isoformat(),
        "data": answer,
    }


def rows_of(tx: Transaction, shopper_id: str) -> dict[str, list[dict[str, Any]]]:
    """Every row about the person, by table."""
    tables = metadata().tables
    found: dict[str, list[dict[str, Any]]] = {
        "shopper": [{"id": row} for row in claims.rows_of(tx, shopper_id)]
    }
    for entry in DATA_MAP.about_people():
        found[entry.table] = _rows(tx, tables, entry, found)
    return found


def _rows(
    tx: Transaction, tables: Any, entry: TableMap, read: dict[str, list[dict[str, Any]]]
) -> list[dict[str, Any]]:
    """The rows of a table that belong to the person, by its link to a table that was read before."""
    table: Table = tables[entry.table]
    assert entry.link is not None, "tables about people say how they are linked to one"
    owners = [row[entry.link.to_column] for row in read[entry.link.to_table] if row[entry.link.to_column]]
    query = select(table).order_by(*table.primary_key.columns)
    return [
        dict(row)
        for part in in_parts(owners)
        for row in tx.connection().execute(query.where(table.c[entry.link.column].in_(part))).mappings()
    ]


def _shown(entry: TableMap, row: dict[str, Any]) -> dict[str, Any]:
    return {column.name: _plain(row[column.name]) for column in entry.columns if column.export}


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date | datetime) else value
