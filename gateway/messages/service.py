"""Messages are planned, found and counted; ``sending`` sends them, by ``rules``."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import text
from sqlmodel import col, func, select

from gateway.core.tenant import Tenant
from gateway.db.transactions import Transaction
from gateway.messages import rules
from gateway.messages.models import WAITS, Message, MessageProgress
from gateway.outbox import service as outbox
from gateway.privacy import subjects
from gateway.privacy.vault import Vault, VaultError

TOPIC = "message.send"
SHOWN = ("planned", "sending", "sent", "failed")
"""States that the shopper sees; what was dropped never reached anybody."""


@dataclass(frozen=True, slots=True)
class Told:
    """A message as its shopper may read it; ``text`` is None until it has left, and once the person is erased."""

    id: str
    kind: str
    status: str
    planned_at: datetime
    left_at: datetime | None
    text: str | None
    merchant_id: str
    loan_id: str | None
    """The loan that it is about; None for one about an application or an order."""


def plan(
    tx: Transaction,
    tenant: Tenant,
    *,
    shopper_id: str,
    kind: str,
    about: str,
    facts: Mapping[str, Any],
    at: datetime | None = None,
    useful: timedelta | None = None,
) -> Message | None:
    """Plan a message to a shopper, not before ``at`` (the merchant's time), and queue it.

    ``useful`` is how long after ``at`` it still helps; without it, it waits as long as it must. Returns None when the
    same thing is told already, or would come too late.
    """
    known = select(Message.id).where(
        Message.mode == tenant.mode, Message.kind == kind, Message.about == about
    )
    if tx.exec(known).first() is not None:
        return None
    wanted = at or tx.now
    planned_at, useful_until = rules.may_leave(max(wanted, tx.now)), wanted + useful if useful else None
    if useful_until is not None and planned_at >= useful_until:
        return None
    row = Message(
        id=tx.new_id("msg"),
        merchant_id=tenant.merchant_id,
        mode=tenant.mode,
        shopper_id=shopper_id,
        kind=kind,
        about=about,
        facts=dict(facts),
        status="planned",
        planned_at=planned_at,
        useful_until=useful_until,
        created_at=tx.now,
    )
    tx.add(row)
    tx.flush()
    outbox.put(tx, TOPIC, {"message": row.id}, tenant=tenant, at=tx.wall + (planned_at - tx.now))
    return row


def for_person(
    tx: Transaction, vault: Vault, shopper_ids: Collection[str], *, limit: int, before: str | None = None
) -> tuple[list[Told], str | None]:
    """What a person was told, newest first, and after which id the next page begins; None at the end.

    ``shopper_ids`` are the rows of one person, whose phone was proven by the caller.
    """
    query = select(Message).where(
        col(Message.shopper_id).in_(sorted(shopper_ids)), col(Message.status).in_(SHOWN)
    )
    if before is not None:
        query = query.where(col(Message.id) < before)
    rows = list(tx.exec(query.order_by(col(Message.id).desc()).limit(limit + 1)))
    more, rows = len(rows) > limit, rows[:limit]
    return [_told(tx, vault, row) for row in rows], rows[-1].id if more else None


def texts_of(tx: Transaction, vault: Vault, shopper_id: str) -> dict[str, dict[str, str]]:
    """What the messages to a person said, by their ids, as an export shows it."""
    rows = tx.exec(select(Message).where(Message.shopper_id == shopper_id))
    opened = {row.id: text_of(tx, vault, row) for row in rows}
    return {id: {"text": words} for id, words in opened.items() if words is not None}


def text_of(tx: Transaction, vault: Vault, row: Message) -> str | None:
    """What a message said; None where it never left, or the person is erased."""
    if row.text_sealed is None:
        return None
    try:
        return subjects.known(tx, vault, row.shopper_id).open(row.text_sealed, **place(row.id))
    except VaultError:
        return None


def forget(tx: Transaction, shopper_id: str) -> None:
    """The person is erased: what was said is emptied, and what waits is never sent."""
    rows = select(Message).where(Message.shopper_id == shopper_id)
    waits = text(WAITS), Message.status == "planned"
    for row in tx.exec(rows.where(*waits).with_for_update()):
        row.status, row.why = "dropped", "erased"
        tx.add(row)
    for row in tx.exec(rows.where(col(Message.text_sealed).is_not(None)).with_for_update()):
        row.text_sealed = None
        tx.add(row)
    tx.flush()


def next_moment(tx: Transaction, tenant: Tenant) -> datetime | None:
    """When the next message of a merchant that waits may leave (the merchant's time)."""
    query = select(func.min(Message.planned_at)).where(
        text(WAITS),
        Message.merchant_id == tenant.merchant_id,
        Message.mode == tenant.mode,
        Message.status == "planned",
    )
    return tx.exec(query).one()


def progress(tx: Transaction, tenant: Tenant) -> MessageProgress:
    """How far a merchant's events and instalments were looked at; new at the beginning."""
    row = tx.get(MessageProgress, (tenant.merchant_id, tenant.mode), with_for_update=True)
    if row is None:
        row = MessageProgress(merchant_id=tenant.merchant_id, mode=tenant.mode, position=0)
        tx.add(row)
        tx.flush()
    return row


def note_events(tx: Transaction, reached: MessageProgress, *, position: int) -> None:
    """The events up to a place in the order have been looked at."""
    reached.position = position
    tx.add(reached)


def note_due(tx: Transaction, reached: MessageProgress, *, through: date) -> None:
    """What falls due up to a day (Shanghai) has its messages."""
    reached.due_through = through
    tx.add(reached)


def seen(tx: Transaction, tenant: Tenant) -> tuple[int, date | None]:
    """As ``progress``, to read: the position of the last event, and the day up to which instalments were looked at."""
    row = tx.get(MessageProgress, (tenant.merchant_id, tenant.mode))
    return (row.position, row.due_through) if row is not None else (0, None)


def everybodys_progress() -> Any:
    """How far everybody's events and instalments were looked at, as a table inside of another question."""
    return select(MessageProgress).subquery("progress")


def place(message_id: str) -> dict[str, str]:
    """Where the text of a message is sealed for."""
    return {"table": "message", "row": message_id, "column": "text_sealed"}


def _told(tx: Transaction, vault: Vault, row: Message) -> Told:
    return Told(
        id=row.id,
        kind=row.kind,
        status=row.status,
        planned_at=row.planned_at,
        left_at=row.left_at,
        text=text_of(tx, vault, row) if row.status in ("sent", "failed") else None,
        merchant_id=row.merchant_id,
        loan_id=row.facts.get("loan"),
    )
