"""Keyset lists: newest first, an opaque cursor, never an offset."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import literal, tuple_
from sqlmodel import select
from sqlmodel.sql.expression import SelectOfScalar

from gateway.core.calendar import first_moment, last_moment
from gateway.core.tenant import Tenant
from gateway.errors import InvalidRequest
from gateway.web.fields import Line, QueryNumber, Strict

if TYPE_CHECKING:
    from gateway.web.operations import Call
    from gateway.web.operator_operations import OperatorCall

T = TypeVar("T")
DEFAULT_LIMIT = 20
MAX_LIMIT = 100
TIME = "%Y%m%dT%H%M%S%f"
"""A time in a cursor: its own kind of list cannot be gone on with by another's."""
NOT_OURS = "The cursor is not valid: pass next_cursor unchanged."


class PageQuery(Strict):
    """Query parameters that every list takes."""

    limit = QueryNumber(low=1, high=MAX_LIMIT, load_default=DEFAULT_LIMIT)
    cursor = Line(longest=200, load_default=None)


def of_tenant(
    model: type[T], tenant: Tenant, *, of_both_modes: bool = False, **equals: Any
) -> SelectOfScalar[T]:
    """Everything of one merchant in one mode whose columns have these values; None asks for nothing.

    With ``of_both_modes`` also what belongs to no mode, because both share it.
    """
    columns: Any = model
    in_mode = columns.mode == tenant.mode
    if of_both_modes:
        in_mode |= columns.mode.is_(None)
    query = select(model).where(columns.merchant_id == tenant.merchant_id, in_mode)
    for column, value in equals.items():
        if value is not None:
            query = query.where(getattr(columns, column) == value)
    return query


def of_days(
    query: SelectOfScalar[T], at: Any, *, first: date | None = None, last: date | None = None
) -> SelectOfScalar[T]:
    """What a moment ``at`` of lies on some days (Shanghai, both included); None asks for nothing."""
    if first is not None:
        query = query.where(at >= first_moment(first))
    return query if last is None else query.where(at <= last_moment(last))


def listed(
    call: Call | OperatorCall,
    query: SelectOfScalar[T],
    view: Callable[[T], Any] | None = None,
    *,
    views: Callable[[list[T]], list[Any]] | None = None,
    by: str = "id",
    since: str | None = None,
    read: Callable[[str], Any] = str,
    of: str = "",
) -> dict[str, Any]:
    """The page of ``query`` that a request asks for, newest first by the column ``by``; ``read`` reads its cursor.

    With ``since``, a column with times, it is in the order of these first: a filter by time then finds its page by an
    index. ``view`` shows one row, ``views`` all rows of the page together. ``of`` names a list whose table has
    more than one. Raises ``InvalidRequest`` for a cursor that this gateway did not make.
    """
    entity = query.column_descriptions[0]["entity"]
    kind, columns = f"{of or entity.__tablename__}:", [getattr(entity, name) for name in (since, by) if name]
    if call.query["cursor"] is not None:
        try:
            query = query.where(_before(columns, _of_kind(decoded(call.query["cursor"]), kind), read))
        except ValueError:
            raise InvalidRequest(NOT_OURS, param="cursor") from None
    limit = call.query["limit"]
    rows = list(call.tx.exec(query.order_by(*(column.desc() for column in columns)).limit(limit + 1)))
    more, rows = len(rows) > limit, rows[:limit]
    return {
        "object": "list",
        "data": views(rows) if views else [view(row) for row in rows] if view else rows,
        "has_more": more,
        "next_cursor": encoded(kind + _position(rows[-1], since, by)) if more else None,
    }


def _position(row: Any, since: str | None, by: str) -> str:
    key = str(getattr(row, by))
    return key if since is None else f"{getattr(row, since).astimezone(UTC):{TIME}}.{key}"


def _of_kind(position: str, kind: str) -> str:
    """A position in a list of a kind: another kind's would compare, and begin anywhere. Raises ``ValueError``."""
    if not position.startswith(kind):
        raise ValueError("the cursor of another list")
    return position.removeprefix(kind)


def _before(columns: list[Any], position: str, read: Callable[[str], Any]) -> Any:
    """What comes after a position of a list. Raises ``ValueError``."""
    if len(columns) == 1:
        if "." in position:
            raise ValueError("the cursor of a list in another order")
        return columns[0] < read(position)
    moment, _, key = position.partition(".")
    found = datetime.strptime(moment, TIME).replace(tzinfo=UTC)
    # Row by row, so that both databases go on in the index.
    return tuple_(*columns) < tuple_(literal(found, columns[0].type), literal(read(key)))


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
