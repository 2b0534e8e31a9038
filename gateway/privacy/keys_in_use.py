"""Which keys belong to the database: their ids stand in it, so that another gateway's, or old ones, are found out.

A folder fits when it holds the keys that were recorded last. What it holds beside them was made by a rotation of that
same folder and is also recorded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import true
from sqlmodel import col, select

from gateway.db.transactions import Transaction
from gateway.privacy.keyfile import KeyFileError
from gateway.privacy.models import KeyInUse, SubjectKey

FILES = {
    "sealing": "vault.json",
    "people": "vault.json",
    "lookup": "vault.json",
    "contracts": "contracts.json",
    "tokens": "signing.json",
    "rows": "rows.json",
}
Held = Mapping[str, Sequence[str]]
"""The ids of the keys in a folder, by kind."""


def check(tx: Transaction, held: Held, *, folder: str) -> None:
    """Do nothing where the keys in ``folder`` are those of the database. Raises ``KeyFileError``."""
    for kind, ids in held.items():
        lacking = [id for id in _newest(tx, kind) if id not in ids]
        # Keys of tokens come and go: where all are new, it is the database that is the old one.
        if lacking and (kind != "tokens" or any(tx.get(KeyInUse, (kind, id)) for id in ids)):
            raise KeyFileError(
                f"{folder}/{FILES[kind]} does not contain the key {lacking[0]} ({kind}), which this database "
                "uses: the folder belongs to another gateway or is an old copy. Give every host the same key "
                "folder, or restore it from its backup; do not create new keys."
            )
    if not any(_newest(tx, kind) for kind in held):
        sealed = tx.exec(
            select(SubjectKey.key_id).order_by(col(SubjectKey.created_at).desc()).limit(1)
        ).first()
        if sealed is not None and sealed not in held["sealing"]:
            raise KeyFileError(
                f"{folder}/vault.json does not contain the key {sealed}, which sealed data in this database: "
                "restore the folder from its host or its backup."
            )


def record(tx: Transaction, held: Held) -> int:
    """Write down the keys of the database that are not known yet; returns how many."""
    fresh = 0
    for kind, ids in held.items():
        for id in ids:
            if tx.get(KeyInUse, (kind, id)) is None:
                tx.add(KeyInUse(kind=kind, key_id=id, recorded_at=tx.wall))
                fresh += 1
    return fresh


def are_recorded(tx: Transaction, kind: str | None = None) -> bool:
    """Whether the database has ever been used with keys, or with keys of a kind."""
    query = select(KeyInUse.key_id).where(true() if kind is None else KeyInUse.kind == kind)
    return tx.exec(query.limit(1)).first() is not None


def are_known(tx: Transaction, held: Held) -> bool:
    """Whether every key of a folder is written down."""
    return all(tx.get(KeyInUse, (kind, id)) is not None for kind, ids in held.items() for id in ids)


def _newest(tx: Transaction, kind: str) -> list[str]:
    """The keys of a kind that were recorded last: one moment records all that a folder held then."""
    rows = list(tx.exec(select(KeyInUse).where(KeyInUse.kind == kind)))
    latest = max((row.recorded_at for row in rows), default=None)
    return [row.key_id for row in rows if row.recorded_at == latest]
