"""What was instructed, beside what the institution has moved: what could still be doubled is found out here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlmodel import col, select

from gateway.core.tables import listed
from gateway.core.tenant import mode_of
from gateway.db.transactions import Transaction
from gateway.institution.port import Instructed, Instruction
from gateway.loans import service as loans
from gateway.payments.models import Collection, ShopperReturn
from gateway.settlement import payouts

if TYPE_CHECKING:
    from gateway.web.context import Gateway

PART = 200
"""Instructions that are read at once."""
Page = Callable[..., list[Instructed]]


def differences(gateway: Gateway, *, since: datetime | None) -> list[dict[str, Any]]:
    """Instructions of which the institution has moved more or less than was booked, from a moment on.

    One that waits for its outcome may have been moved once. Raises ``ValueError`` for an institution that cannot be
    asked, and ``InstitutionUnavailable``.
    """
    moved_fen = getattr(gateway.ports.institution, "moved_fen", None)
    if moved_fen is None:
        raise ValueError(
            "The connected payment institution cannot report what it has moved (moved_fen): compare its "
            "statement with fenqi-gateway outbox list --all."
        )
    found = []
    for row in _all(gateway, since):
        moved = int(moved_fen(row.instruction))
        if moved not in row.may_have_moved_fen:
            found.append(
                {
                    "id": row.id,
                    "reference": row.instruction.reference,
                    "status": row.status,
                    "booked_fen": row.may_have_moved_fen[0],
                    "moved_fen": moved,
                    "days": (gateway.clock() - row.created_at).days if row.created_at else None,
                }
            )
    return found


def compare(gateway: Gateway, *, since: datetime | None, as_json: bool) -> int:
    """Print the differences; returns the exit status, 1 where there are any."""
    found = differences(gateway, since=since)
    print(listed(found, as_json=as_json))
    return int(bool(found))


def _all(gateway: Gateway, since: datetime | None) -> Iterator[Instructed]:
    pages: tuple[Page, ...] = (_collections, _returns, payouts.instructed)
    for page in pages:
        after: str | None = ""
        while after is not None:
            with gateway.db.read() as tx:
                rows = page(tx, since=since, after=after, limit=PART)
            yield from rows
            after = rows[-1].id if len(rows) == PART else None


def _collections(tx: Transaction, *, since: datetime | None, after: str, limit: int) -> list[Instructed]:
    query = select(Collection).where(Collection.id > after, col(Collection.status) != "canceled")
    if since is not None:
        query = query.where(Collection.created_at >= since)
    rows = list(tx.exec(query.order_by(col(Collection.id)).limit(limit)))
    shoppers = loans.shoppers_of(tx, [row.loan_id for row in rows])
    return [_instructed("collection", row, shoppers[row.loan_id]) for row in rows]


def _returns(tx: Transaction, *, since: datetime | None, after: str, limit: int) -> list[Instructed]:
    query = select(ShopperReturn).where(ShopperReturn.id > after)
    if since is not None:
        query = query.where(ShopperReturn.created_at >= since)
    rows = tx.exec(query.order_by(col(ShopperReturn.id)).limit(limit))
    return [_instructed("refund", row, row.shopper_id) for row in rows]


def _instructed(movement: Any, row: Collection | ShopperReturn, party: str) -> Instructed:
    instruction = Instruction(movement, row.reference or row.id, mode_of(row.mode), party, row.amount_fen)
    may = {"succeeded": (row.amount_fen,), "pending": (0, row.amount_fen)}.get(row.status, (0,))
    return Instructed(row.id, row.status, instruction, may, row.created_at)
