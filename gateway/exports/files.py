"""Files of exports, kept for some days: compressed, in parts, and deleted together."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator
from typing import IO

from sqlalchemy import delete
from sqlmodel import col, select

from gateway.db.transactions import Transaction
from gateway.exports.models import HAS_FILE, Export, ExportFilePart

PART_BYTES = 512 * 1024
PIECE = 256 * 1024


class Packed:
    """A file on its way into parts: what it weighs, and its hash, once all parts were taken."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.bytes = 0
        self.sha256 = hashlib.sha256()

    def parts(self) -> Iterator[bytes]:
        """The compressed parts, in order."""
        self._file.seek(0)
        compressor, waiting = zlib.compressobj(level=1), bytearray()
        while piece := self._file.read(PIECE):
            self.bytes += len(piece)
            self.sha256.update(piece)
            waiting += compressor.compress(piece)
            while len(waiting) >= PART_BYTES:
                yield bytes(waiting[:PART_BYTES])
                del waiting[:PART_BYTES]
        waiting += compressor.flush()
        for start in range(0, len(waiting), PART_BYTES):
            yield bytes(waiting[start : start + PART_BYTES])


def pieces(tx: Transaction, export_id: str) -> Iterator[bytes]:
    """The file, piece by piece."""
    query = select(ExportFilePart).where(ExportFilePart.export_id == export_id)
    unpacker = zlib.decompressobj()
    rows = query.order_by(col(ExportFilePart.number)).execution_options(yield_per=1)
    for part in tx.exec(rows):
        yield unpacker.decompress(part.content)
    yield unpacker.flush()


def forget(tx: Transaction, row: Export) -> None:
    """Delete the file of an export; what was asked for stays."""
    tx.exec(delete(ExportFilePart).where(col(ExportFilePart.export_id) == row.id))
    row.file_deleted_at = tx.wall
    if row.status != "failed":
        row.status = "expired"
    tx.add(row)


def forget_old(tx: Transaction, *, limit: int) -> int:
    """Delete the files of some exports whose time is over. Returns how many."""
    query = select(Export).where(HAS_FILE, Export.expires_at <= tx.wall)
    rows = list(tx.exec(query.limit(limit).with_for_update(skip_locked=True)))
    for row in rows:
        forget(tx, row)
    return len(rows)
