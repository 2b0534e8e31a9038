"""The job of an export: write the file from one moment of the books, keep it in parts; killed, it begins again.

The file grows in a temporary file of the machine, which goes with its process. Its parts are written under the number
of the attempt, so that a worker that lost its row of the outbox writes nothing more, and the next one deletes what it
left.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING, Any

from sqlalchemy import delete
from sqlmodel import col

from gateway.core.tenant import Tenant
from gateway.db.transactions import READ_COMMITTED, Transaction
from gateway.documents import making
from gateway.documents.making import Document
from gateway.exports import files, paper, writing
from gateway.exports.kinds import KINDS, PAPER, Wanted
from gateway.exports.models import Export, ExportFilePart
from gateway.exports.service import KEPT
from gateway.outbox.service import LeaseLost, write_as_holder
from gateway.web.context import Gateway

if TYPE_CHECKING:
    from gateway.outbox.models import OutboxItem

MOST_LINES = 1_000_000
"""A spreadsheet takes no more."""
MOST_ON_PAPER = 2_000
"""Lines of a PDF file: some hundred pages, which take seconds and some hundred megabytes to typeset."""
MOST_ATTEMPTS = 5
GAVE_UP = "The export broke off five times. Create it again, for fewer days if it is a large one."
PROGRESS_SECONDS = 1


class TooLong(Exception):
    """The rows are more than a file may have; says what to do."""


@dataclass
class Run:
    """One attempt at an export."""

    gateway: Gateway
    id: str
    tenant: Tenant
    attempt: int
    _told_at: float = field(default_factory=time.monotonic)

    def write(self, act: Callable[[Transaction, Export], object]) -> None:
        """Write under the lock of the row, as long as this attempt may. Raises ``LeaseLost``."""
        write_as_holder(self.gateway.db, Export, self.id, self.tenant, self.attempt, act)

    def tell(self, lines: int) -> None:
        """Show progress, at most every second. Raises ``LeaseLost``, and ``TooLong`` beyond a million lines."""
        if lines > MOST_LINES:
            raise TooLong(f"There are more than {MOST_LINES} lines: ask for fewer days at once.")
        if time.monotonic() - self._told_at > PROGRESS_SECONDS:
            self._told_at = time.monotonic()
            self.write(lambda tx, row: setattr(row, "lines_done", lines))


def carry_out(gateway: Gateway, item: OutboxItem) -> None:
    """Make one file. Raises ``LeaseLost`` when another worker has it."""
    run = _begun(gateway, item)
    if run is None:
        return
    try:
        with TemporaryFile() as file:
            lines = _make(run, file)
            _keep(run, file, lines)
    except LeaseLost:
        raise
    except TooLong as error:
        told = str(error)
        run.write(lambda tx, row: _fail(tx, row, told))
    except Exception:
        if item.attempts >= MOST_ATTEMPTS:
            run.write(lambda tx, row: _fail(tx, row, GAVE_UP))
        raise


def _begun(gateway: Gateway, item: OutboxItem) -> Run | None:
    """Take the export for this attempt, unless it has ended; delete what an earlier attempt left."""

    def take(tx: Transaction) -> Tenant | None:
        row = tx.get(Export, item.payload["export"], with_for_update=True, populate_existing=True)
        if row is None or row.status != "running":
            return None
        row.attempt, row.lines_done = item.attempts, 0
        tx.add(row)
        tx.exec(delete(ExportFilePart).where(col(ExportFilePart.export_id) == row.id))
        return Tenant.of(row)

    tenant = gateway.db.write(take, READ_COMMITTED)
    return None if tenant is None else Run(gateway, item.payload["export"], tenant, item.attempts)


def _make(run: Run, file: IO[bytes]) -> int:
    """Write the whole file from one moment of the books; returns its lines."""
    lines, on_paper = 0, None
    with run.gateway.db.read(snapshot=True) as tx:
        row = tx.get_one(Export, run.id)
        run.gateway.at_time_of(tx, run.tenant)
        if row.format == PAPER:
            lines, on_paper = _on_paper(run, tx, row)
        else:
            for lines in writing.write(tx, run.tenant, row, file):
                run.tell(lines)
    if on_paper is not None:  # typeset when no transaction is open: it takes seconds
        file.write(making.signed(run.gateway, on_paper))
    return lines


def _on_paper(run: Run, tx: Transaction, row: Export) -> tuple[int, Document]:
    """What a PDF says, which has to be held in memory as a whole, and its lines. Raises ``TooLong``."""
    found: list[Mapping[str, Any]] = []
    for one in KINDS[row.kind].rows(tx, run.tenant, Wanted(row.first_day, row.last_day, row.filters)):
        found.append(one)
        if len(found) > MOST_ON_PAPER:
            raise TooLong(
                f"There are more than {MOST_ON_PAPER} lines, the most of a PDF file: ask for fewer days, or for csv "
                "or xlsx."
            )
    run.tell(len(found))
    authority = run.gateway.ports.signing_authority
    return len(found), paper.document_of(tx, run.tenant, row, found, authority)


def _keep(run: Run, file: IO[bytes], lines: int) -> None:
    packed = files.Packed(file)
    for number, part in enumerate(packed.parts()):

        def put(tx: Transaction, row: Export, number: int = number, part: bytes = part) -> None:
            tx.add(ExportFilePart(export_id=row.id, number=number, content=part))

        run.write(put)
    run.write(lambda tx, row: _complete(tx, row, packed, lines))


def _complete(tx: Transaction, row: Export, packed: files.Packed, lines: int) -> None:

    row.status, row.ended_at, row.lines_done = "completed", tx.wall, lines
    row.file_bytes, row.file_sha256 = packed.bytes, packed.sha256.hexdigest()
    row.expires_at = tx.wall + KEPT


def _fail(tx: Transaction, row: Export, told: str) -> None:
    row.status, row.ended_at, row.fault = "failed", tx.wall, told
    tx.exec(delete(ExportFilePart).where(col(ExportFilePart.export_id) == row.id))
