"""What ``fenqi-gateway outbox …`` does. Returns the exit code. Payloads are not shown at all."""

from __future__ import annotations

import re
from typing import Any

from sqlmodel import col, select

from gateway.core.tables import listed
from gateway.db.transactions import Database
from gateway.outbox.models import OutboxItem

IDENTIFIER = re.compile(r"[a-z]{2,4}_[0-9A-Za-z]{10,40}")
LONGEST_ERROR = 80


def show(db: Database, *, everything: bool, limit: int, as_json: bool) -> int:
    """Print what waits to leave the gateway, the next first; ``everything``: include what is done, newest first."""
    query = select(OutboxItem).limit(limit)
    if everything:
        query = query.order_by(col(OutboxItem.id).desc())
    else:
        query = query.where(col(OutboxItem.done_at).is_(None)).order_by(col(OutboxItem.next_at))
    with db.read() as tx:
        rows = [_item(item) for item in tx.exec(query)]
    print(listed(rows, as_json=as_json))
    return 0


def _item(item: OutboxItem) -> dict[str, Any]:
    about = [
        value for value in item.payload.values() if isinstance(value, str) and IDENTIFIER.fullmatch(value)
    ]
    return {
        "id": item.id,
        "topic": item.topic,
        "about": about[0] if about else None,
        "attempts": item.attempts,
        "created_at": item.created_at.isoformat(),
        "next_at": item.next_at.isoformat(),
        "done_at": item.done_at.isoformat() if item.done_at else None,
        "last_error": item.last_error[:LONGEST_ERROR] if item.last_error else None,
    }
