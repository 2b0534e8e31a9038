"""The job of a reconciliation: read the file, compare it, keep what differs; killed at any moment, it begins again.

What it writes is shown only when all of it is there. Each batch is written under the number of the attempt, so that a
worker that lost its row of the outbox writes nothing more, and the next one deletes what it left behind.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, insert
from sqlmodel import col, select

from gateway.core.tenant import Tenant
from gateway.db.transactions import READ_COMMITTED, Transaction
from gateway.outbox.service import LeaseLost, write_as_holder
from gateway.reconciliation import files
from gateway.reconciliation.models import Reconciliation, ReconciliationItem
from gateway.reconciliation.reading import sheet
from gateway.reconciliation.reading.headings import Headings
from gateway.reconciliation.reading.sheet import Unreadable
from gateway.reconciliation.reading.typed import Movement, Reader
from gateway.reconciliation.schemas import ReconciliationAnswer
from gateway.reconciliation.service import view
from gateway.settlement import movements
from gateway.web.context import Gateway
from gateway.webhooks import service as events

if TYPE_CHECKING:
    from gateway.outbox.models import OutboxItem
    from gateway.reconciliation.matching.engine import Difference, Matcher

MOST_DIFFERENCES = 100_000
"""Nobody works off a longer queue: the columns, the kind or the file are probably wrong."""
AROUND_DAYS = 120
"""So far around the file's days is looked for its rows, where no window says less."""
EDGE_DAYS = 28
MOST_ATTEMPTS = 5
GAVE_UP = "The comparison broke off five times, through no fault of the file. Confirm the columns to try again later."
BATCH = 500
ANSWER = ReconciliationAnswer()
OF_THE_FILE = ("columns", "errors", "memo_contains")
"""What may repeat words of the file."""
PROGRESS_SECONDS = 2
OWN_NAME = re.compile(r"\b(?:po|pay|cap|ref|rfd)_[0-9A-Za-z]{20,40}\b")
"""What we named something, in a bank's memo."""


@dataclass
class Run:
    """One attempt at a reconciliation, and what it has seen of the file."""

    gateway: Gateway
    id: str
    tenant: Tenant
    attempt: int
    first: date = date.max
    last: date = date.min
    ignored: int = 0
    names_ours: bool = False
    _told_at: float = field(default_factory=time.monotonic)

    def write(self, act: Callable[[Transaction, Reconciliation], object]) -> None:
        """Write under the lock of the row, as long as this attempt may. Raises ``LeaseLost``."""
        write_as_holder(self.gateway.db, Reconciliation, self.id, self.tenant, self.attempt, act)

    def tell(self, percent: float) -> None:
        """Show progress, at most every two seconds."""
        if time.monotonic() - self._told_at > PROGRESS_SECONDS:
            self._told_at = time.monotonic()
            done = min(99, int(percent))
            self.write(lambda tx, row: setattr(row, "done", done))


def carry_out(gateway: Gateway, item: OutboxItem) -> None:
    """Compare one file. Raises ``LeaseLost`` when another worker has it."""
    run = _begun(gateway, item)
    if run is None:
        return
    with gateway.db.read() as tx:
        row = tx.get_one(Reconciliation, run.id)
        content = files.content(tx, gateway.vault, run.id)
    fault: dict[str, Any] = {"row": None, "column": None, "detail": GAVE_UP}
    try:
        _compare(run, row, content)
    except LeaseLost:
        raise
    except Unreadable as error:
        fault = {"row": error.row, "column": error.column, "detail": error.detail}
        run.write(lambda tx, row: _fail(tx, row, [fault]))
    except Exception:
        if item.attempts >= MOST_ATTEMPTS:
            run.write(lambda tx, row: _fail(tx, row, [fault]))
        raise


def _begun(gateway: Gateway, item: OutboxItem) -> Run | None:
    """Take the reconciliation for this attempt, unless it has ended; delete what an earlier attempt left."""
    id = item.payload["reconciliation"]
    attempt = item.attempts

    def take(tx: Transaction) -> Tenant | None:
        row = tx.get(Reconciliation, id, with_for_update=True, populate_existing=True)
        if row is None or row.status != "running":
            return None
        row.attempt = attempt
        tx.add(row)
        return Tenant.of(row)

    tenant = gateway.db.write(take, READ_COMMITTED)
    if tenant is None:
        return None
    run = Run(gateway, id, tenant, attempt)
    left = True
    while left:

        def clear(tx: Transaction, row: Reconciliation) -> None:
            nonlocal left
            some = select(ReconciliationItem.id).where(ReconciliationItem.reconciliation_id == row.id)
            ids = list(tx.exec(some.limit(BATCH)))
            tx.exec(delete(ReconciliationItem).where(col(ReconciliationItem.id).in_(ids)))
            left = len(ids) == BATCH

        run.write(clear)
    return run


def _compare(run: Run, row: Reconciliation, content: bytes) -> None:
    from gateway.reconciliation.matching import engine  # noqa: PLC0415 - with libraries that few processes need

    reader = Reader(sheet.opened(content), Headings(row.heading_row, tuple(row.headings)), row.columns)
    rules = engine.Rules(row.tolerance, row.window_days, by_amount=row.kind == "bank_statement")
    settings = run.gateway.settings
    folder = Path(settings.reconciliation_folder) if settings.reconciliation_folder else None
    with engine.matcher(folder, spark=settings.reconciliation_spark) as matcher:
        matcher.add_theirs(_theirs(run, reader, row))
        told = reader.told
        if told.faults:
            more = [{"row": None, "column": None, "detail": f"{told.more_faults} more errors or more."}]
            faults = told.faults + (more if told.more_faults else [])
            run.write(lambda tx, row: _fail(tx, row, faults))
            return
        if told.rows == run.ignored:
            raise Unreadable(f"No row contains {row.memo_contains!r} in its memo: nothing can be compared.")
        run.tell(40)
        _add_ours(run, row, matcher)
        run.tell(60)
        lines = matcher.match(rules, lambda share: run.tell(60 + 30 * share))
        verdicts = matcher.counts()
        if sum(verdicts.values()) > MOST_DIFFERENCES:
            raise Unreadable(
                f"{sum(verdicts.values())} rows do not agree ({verdicts}): check that the columns, the kind and the "
                f"file are the right ones. Up to {MOST_DIFFERENCES} are listed."
            )
        _write_items(run, matcher.exceptions())
    counts = {"matched": told.rows - run.ignored - lines, **verdicts, "ignored": run.ignored}
    rows = told.rows
    run.write(lambda tx, row: _complete(tx, row, run, rows=rows, counts=counts))


def _theirs(run: Run, reader: Reader, row: Reconciliation) -> Iterator[tuple[Any, ...]]:
    """The rows of the file as the matching takes them; those that the merchant does not want compared are counted."""
    for number, one in enumerate(reader.movements()):
        if number % 5_000 == 0:
            run.tell(min(39, number / 25_000))
        if row.memo_contains and row.memo_contains not in one.memo:
            run.ignored += one.part == 0
            continue
        assert one.day is not None  # the reader names a row without one
        run.first, run.last = min(run.first, one.day), max(run.last, one.day)
        yield one.line, one.part, _name(run, one), one.amount_fen, one.day, one.moved, one.fee_fen


def _name(run: Run, one: Movement) -> str | None:
    """What a row is named by: an id of ours wherever it stands, else the reference."""
    found = OWN_NAME.search(one.reference or "") or OWN_NAME.search(one.memo)
    if found is None:
        return one.reference
    run.names_ours = True
    return found[0]


def _add_ours(run: Run, row: Reconciliation, matcher: Matcher) -> None:
    """Everything of ours around the days of the file; what lies within them must be in it."""
    around = timedelta(days=AROUND_DAYS if row.window_days is None else row.window_days + 7)
    read = movements.payouts if row.kind == "bank_statement" else movements.captures_and_refunds
    with run.gateway.db.read() as tx:
        moved = read(tx, run.tenant, since=run.first - around, until=run.last + around)
        while chunk := list(islice(moved, movements.AT_ONCE)):
            matcher.add_ours(
                (
                    one.id,
                    one.name,
                    one.amount_fen,
                    one.day,
                    one.moved,
                    one.fee_fen,
                    one.moved and run.first <= one.day <= run.last,
                )
                for one in chunk
            )
            if run.names_ours:
                matcher.add_aliases((alias, one.name) for one in chunk for alias in one.also)
    if run.names_ours:
        matcher.rename()


def _write_items(run: Run, differences: Iterator[Difference]) -> None:
    """Write the differences, in batches that each prove that this attempt may still write."""
    number = MOST_DIFFERENCES * 2
    while chunk := list(islice(differences, BATCH)):
        first = number

        def put(tx: Transaction, row: Reconciliation, chunk: list[Any] = chunk, first: int = first) -> None:
            values = [
                _item(tx, run, row, one, number)
                for one, number in zip(chunk, range(first, 0, -1), strict=False)
            ]
            tx.connection().execute(insert(ReconciliationItem), values)

        run.write(put)
        number -= len(chunk)
        run.tell(95)


def _item(tx: Transaction, run: Run, row: Reconciliation, one: Difference, number: int) -> dict[str, Any]:
    return {
        "id": tx.new_id("rei"),
        "reconciliation_id": row.id,
        "number": number,
        "line": one.line,
        "verdict": one.verdict,
        "theirs": one.theirs_fen,
        "ours_id": one.ours_id and one.ours_id.partition(":")[0],
        "ours": one.ours_fen,
        "difference": one.difference_fen,
        "suggestion": _suggestion(run, row, one),
    }


def _suggestion(run: Run, row: Reconciliation, one: Difference) -> dict[str, Any] | None:
    code = one.suggestion
    if code is None and one.ours_day is not None:
        edge = timedelta(days=EDGE_DAYS if row.window_days is None else row.window_days)
        if one.ours_day < run.first + edge or one.ours_day > run.last - edge:
            code = "near_edge_of_period"
    if code is None:
        return None
    ours = one.suggested_id and one.suggested_id.partition(":")[0]
    return {"code": code, "line": one.suggested_line, "ours": ours}


def _complete(
    tx: Transaction, row: Reconciliation, run: Run, *, rows: int, counts: Counter[str] | dict[str, int]
) -> None:
    row.status, row.done, row.ended_at = "completed", 100, tx.wall
    row.rows, row.counts = rows, dict(counts)
    row.first_day, row.last_day = run.first, run.last
    _tell(tx, row, "reconciliation.completed")


def _fail(tx: Transaction, row: Reconciliation, faults: list[dict[str, Any]]) -> None:
    row.status, row.ended_at, row.faults = "failed", tx.wall, faults
    _tell(tx, row, "reconciliation.failed")


def _tell(tx: Transaction, row: Reconciliation, type: str) -> None:
    """Record the end as an event, which outlives the file: nothing of what the file says is in it."""
    shown = ANSWER.dump(view(row))
    for name in OF_THE_FILE:
        del shown[name]
    del shown["file"]["headings"]
    events.record(tx, Tenant.of(row), type, object_id=row.id, data=shown)
