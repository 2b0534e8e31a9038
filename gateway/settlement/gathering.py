"""The lines of a batch, all together: summed, listed and marked by the database, however many there are."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from datetime import date
from itertools import pairwise
from typing import Any

from sqlalchemy import ColumnElement, and_, func, literal, select, tuple_, update

from gateway.core.tenant import Tenant
from gateway.db.row_locks import LostRace
from gateway.db.transactions import Transaction
from gateway.settlement.batch import Sum, sha256_of
from gateway.settlement.models import SettlementLine
from gateway.settlement.ready import ready_lines

log = logging.getLogger("gateway.settlement")
LINE: Any = SettlementLine.__table__  # type: ignore[attr-defined]
SUMMED = (LINE.c.amount_fen, LINE.c.merchant_fee_fen, LINE.c.merchant_subsidy_fen, LINE.c.from_pending_fen)
IDS_AT_ONCE = 10_000
MARKED_AT_ONCE = 50_000
"""Lines that one statement marks; between two of them the log tells how far it is."""
Place = tuple[date, str]
"""Settlement date and id: the order in which lines are marked, which is that of an index."""


def sums(tx: Transaction, tenant: Tenant, on: date) -> list[Sum]:
    """What is ready on a day, by kind."""
    query = select(LINE.c.kind, func.count(), *map(func.sum, SUMMED)).where(ready_lines(tenant, on))
    rows = tx.connection().execute(query.group_by(LINE.c.kind).order_by(LINE.c.kind))
    return [
        Sum(kind, int(amount), int(fee), int(subsidy), int(pending), count)
        for kind, count, amount, fee, subsidy, pending in rows
    ]


def listed(tx: Transaction, tenant: Tenant, on: date) -> tuple[int, str]:
    """How many lines are ready on a day, and the digest of their ids. Memory holds some thousand of them."""
    by_id = LINE.c.id + ""  # sorted, never read in the order of the primary key, which has everybody's lines
    query = select(LINE.c.id).where(ready_lines(tenant, on)).order_by(by_id)
    rows = tx.connection().execute(query.execution_options(yield_per=IDS_AT_ONCE)).scalars()
    return sha256_of(rows.partitions())


def mark(tx: Transaction, tenant: Tenant, on: date, *, batch_id: str, count: int) -> None:
    """Put the ``count`` lines that are ready on a day into a batch.

    Raises ``LostRace`` when there are others by now than were counted: the work begins again.
    """
    done = 0
    for part in _parts(tx, tenant, on, count):
        statement = update(LINE).where(ready_lines(tenant, on), *part).values(batch_id=batch_id)
        done += tx.connection().execute(statement).rowcount
        if count > MARKED_AT_ONCE:
            log.info("settlement %s of %s: %d of %d lines", batch_id, tenant.merchant_id, done, count)
    if done != count:
        raise LostRace(f"{count} lines were to be settled, and {done} are ready now")


def _parts(tx: Transaction, tenant: Tenant, on: date, count: int) -> Iterator[Sequence[ColumnElement[bool]]]:
    """Conditions that part the ready lines, by their order."""
    ends: list[Place | None] = (
        [None, *_ends(tx, tenant, on), None] if count > MARKED_AT_ONCE else [None, None]
    )
    place = tuple_(LINE.c.settlement_date, LINE.c.id)
    for after, until in pairwise(ends):
        part = []
        if after is not None:
            part.append(place > _literal(after))
        if until is not None:
            part.append(place <= _literal(until))
        yield [and_(*part)] if part else []


def _ends(tx: Transaction, tenant: Tenant, on: date) -> list[Place]:
    """The last line of each part but the last."""
    order = (LINE.c.settlement_date, LINE.c.id)
    number = func.row_number().over(order_by=order).label("number")
    numbered = select(*order, number).where(ready_lines(tenant, on)).subquery()
    query = select(numbered.c.settlement_date, numbered.c.id).where(numbered.c.number % MARKED_AT_ONCE == 0)
    return [(day, id) for day, id in tx.connection().execute(query.order_by(numbered.c.number))]


def _literal(place: Place) -> Any:
    day, id = place
    return tuple_(literal(day, LINE.c.settlement_date.type), literal(id))
