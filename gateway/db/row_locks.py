"""No change is lost between two transactions at READ COMMITTED: a row is locked, and read anew, before it is changed.

Three things see to it, for every row that is changed as an object:

1. Whoever asks ``FOR UPDATE`` reads the row as it is when the lock is there, also where it was read before.
2. A row that is about to change and was not locked is locked then, and compared with what was read of it: a difference
   is a lost race, and the work begins anew.
3. Locks are taken in one order (``ORDER``), so that two transactions do not wait for each other.

What is decided by other rows than those that change is not seen here: see docs/decisions, number 12.
"""

from __future__ import annotations

from typing import Any, TypeVar

from sqlalchemy import Select, Table, event, inspect, select
from sqlalchemy.orm import InstanceState, ORMExecuteState, QueryContext, Session, UOWTransaction
from sqlalchemy.orm.util import identity_key
from sqlmodel import SQLModel

T = TypeVar("T")
Name = tuple[str, tuple[Any, ...]]
"""A row by its table and key."""

LOCKED = "tables and keys of the rows that this transaction has locked or made"
COMPARED = "rows that were changed without their lock, and compared"

ORDER = (
    "test_clock",
    "payout",
    "collection",
    "shopper_return",
    "dispute",
    "decision_request",
    "checkout",
    "one_time_code",
    "code_count",
    "shopper",
    "repayment_method",
    "payment",
    "merchant",
    "payout_account",
    "subsidy_quota",
    "loan",
    "settlement_line",
    "refund",
    "credit_limit",
    "human_review",
    "webhook_endpoint",
    "webhook_delivery",
    "reconciliation",
    "reconciliation_columns",
    "reconciliation_item",
    "export",
    "voucher_accounts",
    "message_progress",
    "message",
)
"""Whoever locks rows of several tables begins with the first. Rows of one table go by their keys."""


HANGS_ON = {
    "capture": ("payment", "payment_id"),
    "captured_line": ("payment", "payment_id"),
    "payment_line": ("payment", "payment_id"),
    "loan_bill": ("loan", "loan_id"),
    "milestone": ("payment", "payment_id"),
}
"""Rows that are changed under the lock of another: its table, and the column that names it."""


class LostRace(Exception):
    """Another transaction came first: the work is run again from its start."""


def read_anew(state: ORMExecuteState) -> None:
    """Let a question that locks read the rows that it locks, also those that the transaction has in hand."""
    if getattr(state.statement, "_for_update_arg", None) is not None:
        state.update_execution_options(populate_existing=True)


def note_made(session: Session, row: Any) -> None:
    """Nobody else sees a row that the transaction has made."""
    session.info.setdefault(LOCKED, set()).add(_name(inspect(row)))


def held(session: Session, kind: type[T], key: str) -> T | None:
    """The row of a kind with this key, if this transaction has locked or made it."""
    row: T | None = session.identity_map.get(identity_key(kind, key))
    is_held = row is not None and _name(inspect(row)) in session.info.get(LOCKED, ())
    return row if is_held else None


def compare_unlocked(session: Session, _flush: UOWTransaction, _instances: object) -> None:
    """Lock what changes without its lock. Raises ``LostRace`` where it is not what was read any more."""
    if not getattr(session, "compares", False):
        return
    known = session.info.setdefault(LOCKED, set())
    for row in (*session.dirty, *session.deleted):
        state = inspect(row)
        if not _is_safe(state, known) and (row in session.deleted or session.is_modified(row)):
            compare(session, state)
            known.add(_name(state))
            session.info.setdefault(COMPARED, []).append(state.mapper.local_table.name)


def _is_safe(state: InstanceState[Any], known: set[Name]) -> bool:
    """Whether nobody else changes a row before this transaction ends."""
    table, key = _name(state)
    if table in HANGS_ON:
        of, column = HANGS_ON[table]
        return (of, (getattr(state.obj(), column),)) in known or (table, key) in known
    return (table, key) in known


def _name(state: InstanceState[Any]) -> Name:
    assert state.key is not None, "a row that was read or made has a key"
    return state.mapper.class_.__tablename__, tuple(state.key[1])


def compare(session: Session, state: InstanceState[Any]) -> None:
    """Lock a row. Raises ``LostRace`` where it is not what was read of it any more."""
    table: Any = state.mapper.local_table
    of_row = (column == value for column, value in zip(table.primary_key, _name(state)[1], strict=True))
    found = session.connection().execute(_with_lock(table).where(*of_row)).mappings().one_or_none()
    if found is None:
        raise LostRace(f"a row of {table.name} is gone")
    for name, column in state.mapper.columns.items():
        if name in state.dict and column.table is table:
            read = state.committed_state.get(name, state.dict[name])
            if read != found[column.name] and not _is_unread(read):
                raise LostRace(f"{table.name}.{column.name} was changed meanwhile")


def _with_lock(table: Table) -> Select[Any]:
    return select(table).with_for_update()


def _is_unread(value: Any) -> bool:
    """Whether a value was set without being read before."""
    return type(value).__name__ == "LoaderCallableStatus"


def _note_locked(row: Any, context: QueryContext | None, *_: object) -> None:
    """The listener of every row that is read: those that the question locks are noted."""
    if context is None:  # made by hand, not read
        return
    lock = getattr(context.query, "_for_update_arg", None)
    if lock is not None:
        state = inspect(row)
        if not lock.of or state.mapper.local_table.name in map(_table_name, lock.of):
            context.session.info.setdefault(LOCKED, set()).add(_name(state))


def _table_name(named: Any) -> str:
    table = named.class_.__table__ if hasattr(named, "class_") else getattr(named, "table", named)
    return str(getattr(table, "name", table))


event.listen(SQLModel, "load", _note_locked, propagate=True)
event.listen(SQLModel, "refresh", _note_locked, propagate=True)
