"""What ``fenqi-gateway messages …`` does. Returns the exit code. Neither texts nor phones are shown."""

from __future__ import annotations

from typing import Any

from sqlmodel import col, select

from gateway.core.tables import listed, reported
from gateway.db.transactions import Database
from gateway.errors import NotFound
from gateway.messages.models import Message


def show_list(
    db: Database,
    *,
    merchant: str | None,
    mode: str | None,
    shopper: str | None,
    status: str | None,
    limit: int,
    as_json: bool,
) -> int:
    """Print messages to shoppers, newest first."""
    query = select(Message).order_by(col(Message.id).desc()).limit(limit)
    for column, value in (
        (Message.merchant_id, merchant),
        (Message.mode, mode),
        (Message.shopper_id, shopper),
        (Message.status, status),
    ):
        if value is not None:
            query = query.where(column == value)
    with db.read() as tx:
        rows = [_row(row) for row in tx.exec(query)]
    print(listed(rows, as_json=as_json))
    return 0


def show(db: Database, message_id: str, *, as_json: bool) -> int:
    """Print what a message is about and what became of it. Raises ``NotFound``."""
    with db.read() as tx:
        row = tx.get(Message, message_id)
        if row is None:
            raise NotFound(f"There is no message {message_id!r}.")
        shown = _row(row) | {
            "facts": row.facts,
            "useful_until": row.useful_until.isoformat() if row.useful_until else None,
            "place_of_the_day": row.slot,
            "created_at": row.created_at.isoformat(),
        }
    print(reported(shown, as_json=as_json))
    return 0


def _row(row: Message) -> dict[str, Any]:
    return {
        "id": row.id,
        "merchant": row.merchant_id,
        "mode": row.mode,
        "shopper": row.shopper_id,
        "kind": row.kind,
        "about": row.about,
        "status": row.status,
        "why": row.why,
        "planned_at": row.planned_at.isoformat(),
        "left_at": row.left_at.isoformat() if row.left_at else None,
    }
