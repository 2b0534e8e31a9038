"""Uploaded files, kept for some weeks: compressed, in sealed parts, and deleted together."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import delete, tuple_
from sqlmodel import col, select

from gateway.db.transactions import Transaction
from gateway.reconciliation.models import HAS_FILE, Reconciliation, ReconciliationFilePart

if TYPE_CHECKING:
    from gateway.privacy.vault import Vault

PART_BYTES = 512 * 1024
KEPT = timedelta(days=60)
"""So long a file can be downloaded with its verdicts; it may name the shop's customers."""


def packed(content: bytes) -> list[bytes]:
    """The file in parts that ``keep`` seals."""
    compressed = zlib.compress(content, level=1)
    return [compressed[place : place + PART_BYTES] for place in range(0, len(compressed), PART_BYTES)]


def keep(tx: Transaction, vault: Vault, reconciliation_id: str, parts: Sequence[bytes]) -> None:
    """Store the parts of a file."""
    for number, part in enumerate(parts):
        text = base64.b64encode(part).decode()
        sealed = vault.seal(text, **_place(reconciliation_id, number))
        tx.add(
            ReconciliationFilePart(reconciliation_id=reconciliation_id, number=number, content_sealed=sealed)
        )
        tx.flush()


def content(tx: Transaction, vault: Vault, reconciliation_id: str) -> bytes:
    """The bytes of a file as they came."""
    query = select(ReconciliationFilePart).where(
        ReconciliationFilePart.reconciliation_id == reconciliation_id
    )
    unpacked, packed_parts = bytearray(), zlib.decompressobj()
    for part in tx.exec(query.order_by(col(ReconciliationFilePart.number))):
        text = vault.open(part.content_sealed, **_place(reconciliation_id, part.number))
        unpacked += packed_parts.decompress(base64.b64decode(text))
    return bytes(unpacked + packed_parts.flush())


def forget_old(tx: Transaction, *, limit: int) -> int:
    """Delete the files of some reconciliations that are old; what they said stays. Returns how many."""
    query = select(Reconciliation).where(HAS_FILE, Reconciliation.created_at <= tx.wall - KEPT)
    rows = list(tx.exec(query.limit(limit).with_for_update(skip_locked=True)))
    for row in rows:
        tx.exec(delete(ReconciliationFilePart).where(col(ReconciliationFilePart.reconciliation_id) == row.id))
        row.file_deleted_at, row.faults = tx.wall, []  # which may repeat what stood in a cell
        tx.add(row)
    return len(rows)


def reseal(tx: Transaction, vault: Vault, *, after: str, limit: int) -> str | None:
    """Reseal some parts with the newest master key, from the key ``after`` on; returns where to go on, or None."""
    part = ReconciliationFilePart
    query = select(part).order_by(col(part.reconciliation_id), col(part.number)).limit(min(limit, 20))
    if after:
        id, _, number = after.rpartition(":")
        query = query.where(tuple_(col(part.reconciliation_id), col(part.number)) > (id, int(number)))
    rows = list(tx.exec(query.with_for_update()))
    for row in rows:
        row.content_sealed = vault.resealed(row.content_sealed, **_place(row.reconciliation_id, row.number))
        tx.add(row)
    return f"{rows[-1].reconciliation_id}:{rows[-1].number}" if rows else None


def _place(reconciliation_id: str, number: int) -> dict[str, str]:
    return {
        "table": "reconciliation_file_part",
        "row": f"{reconciliation_id}:{number}",
        "column": "content_sealed",
    }
