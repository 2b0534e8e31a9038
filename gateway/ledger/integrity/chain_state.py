"""Where the chain of the ledger ends, and whether entries wait for their place, for monitoring."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from gateway.db.transactions import Transaction
from gateway.ledger.integrity.chain import head_of
from gateway.ledger.models import BLOCK, ENTRY, LINK

LOOKED_BACK = 1_000
"""How many places before the end are searched for late entries; older ones are the chain's own search."""


@dataclass(frozen=True, slots=True)
class ChainEnd:
    """Number of the last entry in the chain, when its block was closed, and the first entry without a place."""

    position: int
    closed_at: datetime | None
    waiting_since: datetime | None


def read(tx: Transaction) -> ChainEnd:
    """The state now; it costs a few looks into indexes, however long the chain is."""
    connection = tx.connection()
    head = head_of(connection)
    closed_at = connection.execute(select(BLOCK.c.created_at).where(BLOCK.c.number == head.number)).scalar()
    start = select(LINK.c.entry_id).where(LINK.c.position == max(head.position - LOOKED_BACK, 1))
    after = connection.execute(start).scalar() or ""
    is_linked = select(LINK.c.position).where(LINK.c.entry_id == ENTRY.c.id).exists()
    waiting = select(func.min(ENTRY.c.recorded_at)).where(ENTRY.c.id > after, ~is_linked)
    return ChainEnd(head.position, closed_at, connection.execute(waiting).scalar())
