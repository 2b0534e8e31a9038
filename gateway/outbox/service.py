"""The outbox: what must leave the gateway is a row beside its cause, so it is neither lost nor sent for nothing.

A row is claimed by a lease just before it is worked (its next time moves ahead, its attempt counts), worked outside any
transaction, and marked done. A crash between the two repeats the work, so receivers are idempotent. What moves money
is held (``hold``) once more just before it is sent: a worker that lost the row in the meantime sends nothing. Each
row says whose it is: lanes take the rows of one mode, and a test clock those of its merchant alone.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Protocol, TypeVar

from sqlalchemy import Update, bindparam, insert, text, update
from sqlalchemy import select as select_columns
from sqlmodel import SQLModel, col, select
from sqlmodel.sql.expression import SelectOfScalar

from gateway.core.tenant import Mode, Tenant
from gateway.db.transactions import READ_COMMITTED, Database, Transaction
from gateway.outbox.models import WAITS, OutboxItem

log = logging.getLogger("gateway.outbox")
BATCH = 100
LEASE = timedelta(seconds=60)
RETRY_AFTER_SECONDS = (5, 30, 120, 600, 3600, 4 * 3600, 12 * 3600, 24 * 3600)
"""Waits between attempts; after the last the row stays, undone and named in the log."""

ITEMS = SQLModel.metadata.tables["outbox"]
NEW_ITEMS = insert(ITEMS)
DONE = (
    ITEMS.update()
    .where(ITEMS.c.id == bindparam("item"), ITEMS.c.done_at.is_(None))
    .values(done_at=bindparam("now"), leased_until=None)
)
IS_DUE = (
    select_columns(ITEMS.c.id)
    .where(
        text(WAITS),
        ITEMS.c.topic.in_(bindparam("topics", expanding=True)),
        ITEMS.c.next_at <= bindparam("now"),
    )
    .limit(1)
)
IS_DUE_IN_MODE = IS_DUE.where(ITEMS.c.mode == bindparam("mode"))
"""What an idle worker asks several times a second, so it is built once and is one question for all topics."""
LOOKED_AT = 1_000
_AMONG_THE_DUE = IS_DUE.with_only_columns(ITEMS.c.topic, ITEMS.c.mode).limit(LOOKED_AT).subquery()
TOPICS_DUE = select_columns(_AMONG_THE_DUE).distinct()

Handler = Callable[[OutboxItem], None]


class Later(Exception):
    """Raised by a handler: nothing is wrong, but the row must wait until ``at`` (the machine's time)."""

    def __init__(self, reason: str, *, at: datetime) -> None:
        super().__init__(reason)
        self.at = at


class LeaseLost(Exception):
    """Another worker has the row, or it is done: the former holder does nothing more for it."""


class Attempted(Protocol):
    """A row that a job of the outbox works on in attempts: only the newest of them may write."""

    merchant_id: Any
    mode: Any
    attempt: Any
    status: Any


Row = TypeVar("Row", bound=Attempted)


def write_as_holder(
    db: Database,
    kind: type[Row],
    id: str,
    tenant: Tenant,
    attempt: int,
    act: Callable[[Transaction, Row], object],
) -> None:
    """Write under the lock of a running job's row, as long as this attempt may. Raises ``LeaseLost``."""

    def locked(tx: Transaction) -> None:
        row = tx.get_one(kind, id, with_for_update=True, populate_existing=True)
        if row.attempt != attempt or row.status != "running" or not tenant.owns(row):
            raise LeaseLost(f"another attempt has {id}, or nobody wants it any more")
        act(tx, row)
        tx.add(row)

    db.write(locked, READ_COMMITTED)


def put(
    tx: Transaction,
    topic: str,
    payload: dict[str, Any],
    *,
    tenant: Tenant | None,
    mode: Mode | None = None,
    at: datetime | None = None,
) -> str:
    """Queue ``payload`` for the handler of ``topic``, not before ``at``; no ``tenant`` if it belongs to no merchant.

    ``mode`` says in which mode it is then, where it has one. Returns the identifier of the row.
    """
    row = _new(tx, topic, payload, tenant, at) | ({"mode": mode} if tenant is None else {})
    tx.connection().execute(NEW_ITEMS, row)
    return str(row["id"])


def put_many(tx: Transaction, topic: str, payloads: Sequence[dict[str, Any]], *, tenant: Tenant) -> None:
    """Queue many payloads of a merchant at once."""
    if payloads:
        rows = [_new(tx, topic, payload, tenant, None) for payload in payloads]
        tx.connection().execute(NEW_ITEMS, rows)


def _new(
    tx: Transaction, topic: str, payload: dict[str, Any], tenant: Tenant | None, at: datetime | None
) -> dict[str, Any]:
    return {
        "id": tx.new_id("out"),
        "merchant_id": tenant.merchant_id if tenant else None,
        "mode": tenant.mode if tenant else None,
        "topic": topic,
        "payload": payload,
        "attempts": 0,
        "next_at": at or tx.wall,
        "created_at": tx.wall,
    }


def withdraw(tx: Transaction, item_id: str) -> None:
    """Mark an item as done that nobody needs to handle any more."""
    tx.connection().execute(DONE, {"item": item_id, "now": tx.wall})


def drain(
    db: Database,
    handlers: Mapping[str, Handler],
    *,
    mode: Mode | None = None,
    tenant: Tenant | None = None,
    limit: int = BATCH,
) -> int:
    """Handle up to ``limit`` due rows, one after the other; returns how many. A failing row is tried again later."""
    for number in range(limit):
        items = claim(db, sorted(handlers), mode=mode, tenant=tenant, limit=1)
        if not items:
            return number
        handle(db, handlers, items[0])
    return limit


def claim(
    db: Database,
    topics: Sequence[str],
    *,
    limit: int,
    mode: Mode | None = None,
    tenant: Tenant | None = None,
    besides: Collection[str] = (),
) -> list[OutboxItem]:
    """Lease up to ``limit`` due rows, of one mode or of one merchant where that is named, of nobody in ``besides``."""

    def due(tx: Transaction, topic: str) -> SelectOfScalar[OutboxItem]:
        return _due(tx, topic, mode, tenant, besides)

    with db.read() as tx:  # an idle worker takes nobody's turn to write
        if not is_due(tx, topics, mode=mode):
            return []
        held_back = bool(tenant or besides)
        if held_back and not any(tx.exec(due(tx, topic).limit(1)).first() for topic in topics):
            return []
    return db.write(lambda tx: _lease(tx, topics, due, limit), READ_COMMITTED)


def handle(db: Database, handlers: Mapping[str, Handler], item: OutboxItem) -> None:
    """Work one claimed row and write down what became of it."""
    try:
        handlers[item.topic](item)
    except Later as later:
        db.write(partial(_again, item=item, at=later.at, words=str(later)), READ_COMMITTED)
    except LeaseLost as lost:
        log.info("outbox %s: %s", item.topic, lost)
    except Exception as error:  # a handler may fail in any way; the row remembers how
        log.warning("outbox %s %s failed at attempt %d: %s", item.topic, item.id, item.attempts, error)
        seconds = RETRY_AFTER_SECONDS[min(item.attempts, len(RETRY_AFTER_SECONDS)) - 1]
        words = f"{type(error).__name__}: {error}"[:500]
        db.write(
            lambda tx: _again(tx, item=item, at=tx.wall + timedelta(seconds=seconds), words=words),
            READ_COMMITTED,
        )
    else:
        db.write(partial(_done, item=item), READ_COMMITTED)


def hold(db: Database, item: OutboxItem) -> None:
    """Renew the lease of a row and note that its effect begins: nobody else takes it while that lasts.

    Raises ``LeaseLost``; then the effect must not begin.
    """

    def begin(tx: Transaction) -> int:
        until = tx.wall + LEASE
        begun = _ours(item).values(next_at=until, leased_until=until, sent_at=tx.wall)
        return int(tx.connection().execute(begun).rowcount)

    if not db.write(begin, READ_COMMITTED):
        raise LeaseLost(f"{item.id} was taken by another worker before its effect began")


def renew(db: Database, items: Iterable[OutboxItem]) -> None:
    """Go on holding rows that are still being worked."""

    def hold(tx: Transaction) -> None:
        until = tx.wall + LEASE
        for item in held:
            tx.execute(_ours(item).values(next_at=until, leased_until=until))

    held = list(items)
    if held:
        db.write(hold, READ_COMMITTED)


def wake(tx: Transaction, tenant: Tenant) -> None:
    """Let everything of a merchant that waits be due now: its clock has moved ahead."""
    waiting = update(OutboxItem).where(
        text(WAITS),
        col(OutboxItem.merchant_id) == tenant.merchant_id,
        col(OutboxItem.mode) == tenant.mode,
        col(OutboxItem.leased_until).is_(None),
        col(OutboxItem.next_at) > tx.wall,
    )
    tx.execute(waiting.values(next_at=tx.wall))


def is_due(tx: Transaction, topics: Sequence[str], *, mode: Mode | None = None) -> bool:
    """Whether anything is due of some topics, in one mode or in any."""
    parameters = {"topics": topics, "now": tx.wall, "mode": mode}
    row = tx.connection().execute(IS_DUE_IN_MODE if mode else IS_DUE, parameters)
    return row.first() is not None


def topics_due(tx: Transaction, topics: Sequence[str]) -> set[tuple[str, Mode | None]]:
    """The topics of which something is due, each with the mode, as far as some due rows tell: none where none is."""
    rows = tx.connection().execute(TOPICS_DUE, {"topics": topics, "now": tx.wall})
    return {(topic, mode) for topic, mode in rows}


def failing_since(tx: Transaction, topic: str) -> datetime | None:
    """When the oldest row of a topic was queued that has failed and waits; None when there is none."""
    query = select(OutboxItem.created_at).where(
        text(WAITS), OutboxItem.topic == topic, col(OutboxItem.last_error).is_not(None)
    )
    return tx.exec(query.order_by(col(OutboxItem.created_at)).limit(1)).first()


def waits(tx: Transaction, tenant: Tenant, topic: str) -> bool:
    """Whether a row of the merchant's waits for the handler of a topic, now or later."""
    query = select(OutboxItem.id).where(
        text(WAITS),
        OutboxItem.topic == topic,
        OutboxItem.merchant_id == tenant.merchant_id,
        OutboxItem.mode == tenant.mode,
    )
    return tx.exec(query.limit(1)).first() is not None


def in_hand(tx: Transaction, tenant: Tenant, topics: Sequence[str]) -> bool:
    """Whether some worker is at work on a row of the merchant."""
    query = select(OutboxItem.id).where(
        text(WAITS),
        OutboxItem.merchant_id == tenant.merchant_id,
        OutboxItem.mode == tenant.mode,
        col(OutboxItem.topic).in_(topics),
        col(OutboxItem.leased_until) > tx.wall,
    )
    return tx.exec(query.limit(1)).first() is not None


def _ours(item: OutboxItem) -> Update:
    """The row of an item, as long as its claimant still holds it."""
    return update(OutboxItem).where(
        col(OutboxItem.id) == item.id,
        col(OutboxItem.attempts) == item.attempts,
        col(OutboxItem.leased_until).is_not(None),
        col(OutboxItem.done_at).is_(None),
    )


def _due(
    tx: Transaction, topic: str, mode: Mode | None, tenant: Tenant | None, besides: Collection[str]
) -> SelectOfScalar[OutboxItem]:
    query = select(OutboxItem).where(text(WAITS), OutboxItem.topic == topic, OutboxItem.next_at <= tx.wall)
    if tenant is not None:
        query = query.where(OutboxItem.merchant_id == tenant.merchant_id, OutboxItem.mode == tenant.mode)
    elif mode is not None:
        query = query.where(OutboxItem.mode == mode)
    if besides:
        merchant = col(OutboxItem.merchant_id)
        query = query.where(merchant.is_(None) | merchant.not_in(besides))
    return query.order_by(col(OutboxItem.next_at), col(OutboxItem.id))


def _lease(
    tx: Transaction,
    topics: Sequence[str],
    due: Callable[[Transaction, str], SelectOfScalar[OutboxItem]],
    limit: int,
) -> list[OutboxItem]:
    items: list[OutboxItem] = []
    for topic in topics:
        query = due(tx, topic).limit(limit - len(items))
        items += tx.exec(query.with_for_update(skip_locked=True)) if len(items) < limit else []
    for item in items:
        item.attempts += 1
        item.next_at = item.leased_until = tx.wall + LEASE
        tx.add(item)
    return items


def _done(tx: Transaction, item: OutboxItem) -> None:
    row = tx.get_one(OutboxItem, item.id, with_for_update=True)
    row.done_at, row.last_error, row.leased_until = tx.wall, None, None
    tx.add(row)


def _again(tx: Transaction, *, item: OutboxItem, at: datetime, words: str) -> None:
    row = tx.get_one(OutboxItem, item.id, with_for_update=True)
    if row.attempts == item.attempts:  # else another worker has taken it meanwhile
        row.next_at, row.last_error, row.leased_until = at, words, None
        tx.add(row)
