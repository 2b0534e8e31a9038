"""Logins of operators: begun by password and code, kept alive by use, ended by idleness, age or log-out."""

from __future__ import annotations

from datetime import timedelta

from sqlmodel import col, select

from gateway.db.transactions import Transaction
from gateway.operators.models import Operator, OperatorSession

IDLE = timedelta(minutes=25)
LIFE = timedelta(hours=12)
KEPT = timedelta(days=30)
"""So long after its end a login is still known."""


def begin(tx: Transaction, operator: Operator) -> OperatorSession:
    """A new login of an operator, right after the proof."""
    row = OperatorSession(
        id=tx.new_id("ses"),
        operator_id=operator.id,
        authenticated_at=tx.wall,
        last_seen_at=tx.wall,
        expires_at=tx.wall + LIFE,
    )
    tx.add(row)
    tx.flush()
    return row


def get(tx: Transaction, session_id: str) -> OperatorSession:
    """A login that is known to be there, over or not."""
    return tx.get_one(OperatorSession, session_id)


def standing(tx: Transaction, session_id: str) -> tuple[OperatorSession, Operator] | None:
    """A login that is not over, with its operator, who may still act; else None."""
    row = tx.get(OperatorSession, session_id)
    if row is None or row.ended_at is not None or row.expires_at <= tx.wall:
        return None
    operator = tx.get_one(Operator, row.operator_id)
    may = operator.removed_at is None and operator.confirmed_at is not None and operator.password is not None
    return (row, operator) if may else None


def touch(tx: Transaction, session_id: str) -> tuple[OperatorSession, Operator] | None:
    """The same, noting that it is in use; None also for one that was idle for too long."""
    found = standing(tx, session_id)
    if found is None or found[0].last_seen_at <= tx.wall - IDLE:
        return None
    found[0].last_seen_at = tx.wall
    tx.add(found[0])
    return found


def end(tx: Transaction, session_id: str) -> None:
    """End a login; one that is over or unknown stays as it is."""
    row = tx.get(OperatorSession, session_id)
    if row is not None and row.ended_at is None:
        row.ended_at = tx.wall
        tx.add(row)


def end_all(tx: Transaction, operator_id: str) -> None:
    """End every login of an operator."""
    open_ones = select(OperatorSession).where(
        OperatorSession.operator_id == operator_id,
        col(OperatorSession.ended_at).is_(None),
        col(OperatorSession.expires_at) > tx.wall,
    )
    for row in tx.exec(open_ones):
        end(tx, row.id)


def expired(tx: Transaction, *, limit: int) -> list[str]:
    """Ids of some logins that expired 30 days ago."""
    query = select(OperatorSession.id).where(col(OperatorSession.expires_at) <= tx.wall - KEPT)
    return list(tx.exec(query.order_by(col(OperatorSession.expires_at)).limit(limit)))


def forget(tx: Transaction, session_id: str) -> None:
    """Delete a login, of which nothing descends any more."""
    tx.delete(tx.get_one(OperatorSession, session_id))
