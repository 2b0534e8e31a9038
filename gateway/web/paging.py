"""Keyset lists: newest first, an opaque cursor, never an offset."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import Any, TypeVar

from sqlmodel.sql.expression import SelectOfScalar

from gateway.db.transactions import Transaction
from gateway.errors import InvalidRequest
from gateway.web.fields import Line, QueryNumber, Strict

T = TypeVar("T")
DEFAULT_LIMIT = 20
MAX_LIMIT = 100
NOT_OURS = "The cursor is not one of ours: pass next_cursor unchanged."


class PageQuery(Strict):
    """Query parameters that every list takes."""

    limit = QueryNumber(low=1, high=MAX_LIMIT, load_default=DEFAULT_LIMIT)
    cursor = Line(longest=200, load_default=None)


def page(
    tx: Transaction,
    query: SelectOfScalar[T],
    *,
    by: Any,
    key: Callable[[T], str],
    limit: int,
    cursor: str | None,
    read: Callable[[str], Any] = str,
) -> dict[str, Any]:
    """One page of ``query``, newest first by the column ``by``, whose values ``key`` writes and ``read`` reads.

    Raises ``InvalidRequest`` for a cursor that this gateway did not make.
    """
    if cursor is not None:
        try:
            query = query.where(by < read(decoded(cursor)))
        except ValueError:
            raise InvalidRequest(NOT_OURS, param="cursor") from None
    rows = list(tx.exec(query.order_by(by.desc()).limit(limit + 1)))
    more = len(rows) > limit
    rows = rows[:limit]
    return {
        "object": "list",
        "data": rows,
        "has_more": more,
        "next_cursor": encoded(key(rows[-1])) if more else None,
    }


def encoded(key: str) -> str:
    """A cursor for the position after ``key``."""
    return base64.urlsafe_b64encode(key.encode()).decode().rstrip("=")


def decoded(cursor: str) -> str:
    """The position in a cursor. Raises ``InvalidRequest``."""
    try:
        key = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode(
            "ascii"
        )
    except (binascii.Error, UnicodeDecodeError, ValueError):
        key = ""
    if not key or not all(char.isalnum() or char in "_-:." for char in key):
        raise InvalidRequest(NOT_OURS, param="cursor")
    return key
