"""Sending: a message takes one of its person's three places of the day, and only then leaves, under its reference.

1. In a transaction the rules are asked, the place is taken and the words are written down, sealed.
2. Outside any transaction the provider is called. Its answer may be lost: then the same words go out again under the
   same reference, by the same rules, and arrive once.
3. In a transaction it is noted that the message has left, with what follows from it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from sqlmodel import col, select

from gateway.core.calendar import shanghai_date
from gateway.core.references import reference
from gateway.core.tenant import Tenant, mode_of
from gateway.db import turns
from gateway.db.transactions import READ_COMMITTED, Transaction
from gateway.errors import MessagesUnavailable
from gateway.identity import service as identity
from gateway.identity.notifier import MessageRefused
from gateway.merchants import business_clock
from gateway.messages import rules, service, texts
from gateway.messages.models import Message, MessageSlot
from gateway.outbox import service as outbox
from gateway.privacy import subjects
from gateway.privacy.vault import VaultError

if TYPE_CHECKING:
    from gateway.messages.texts import Wording
    from gateway.outbox.models import OutboxItem
    from gateway.web.context import Gateway

log = logging.getLogger("gateway.messages")


@dataclass(frozen=True, slots=True)
class Kind:
    """What one kind of message says, and what follows when it has left."""

    words: Callable[[Transaction, Gateway, Message, Sequence[Message]], Wording | None]
    """None where the message has become pointless. The last are those that are merged into it."""
    told: Callable[[Transaction, Gateway, Message], None] | None = None
    merges: str | None = None
    """The fact that messages have in common which wait together and become one."""


@dataclass(frozen=True, slots=True)
class _Letter:
    """What the provider gets."""

    phone: str
    text: str
    reference: str
    """Made of what the message is about: after a restore it is the same again, and the provider knows it."""


def carry_out(gateway: Gateway, item: OutboxItem, *, kinds: Mapping[str, Kind]) -> None:
    """Send the message that ``item`` names, or drop it, or let it wait.

    Raises ``Later`` while the rules let it wait, and ``MessagesUnavailable`` while it is not known to be sent: the
    outbox tries again.
    """
    id = item.payload["message"]
    begun = gateway.db.write(partial(_begin, gateway=gateway, id=id, kinds=kinds), READ_COMMITTED)
    if begun is None:
        return
    if isinstance(begun, outbox.Later):
        raise begun
    letter, mode = begun, mode_of(item.mode or "test")
    try:
        gateway.ports.notifier.send_message(mode, letter.phone, letter.text, reference=letter.reference)
    except MessageRefused as refused:
        log.warning("message %s was refused: %s", id, refused)
        gateway.db.write(
            partial(_end, gateway=gateway, id=id, refused=str(refused), kind=None), READ_COMMITTED
        )
        return
    except Exception as error:  # what the notifier says may quote the phone
        raise MessagesUnavailable(f"The message was not sent: {type(error).__name__}.") from None
    with gateway.db.read() as tx:
        kind = kinds.get(tx.get_one(Message, id).kind)
    gateway.db.write(partial(_end, gateway=gateway, id=id, refused=None, kind=kind), READ_COMMITTED)


def reference_of(row: Message) -> str:
    """What the provider knows a message by."""
    return reference("msg", Tenant.of(row), row.kind, row.about)


def _begin(
    tx: Transaction, *, gateway: Gateway, id: str, kinds: Mapping[str, Kind]
) -> _Letter | outbox.Later | None:
    """Take a place of the day for the message; None where nothing is to be sent any more."""
    recipient = identity.lookups_of(tx, tx.get_one(Message, id).shopper_id)["phone"]
    turns.wait(tx, f"messages to {recipient}")
    row = tx.get_one(Message, id, with_for_update=True, populate_existing=True)
    if row.status not in ("planned", "sending"):
        return None
    business_clock.enter(tx, Tenant.of(row))
    verdict = rules.judged(
        tx.now, planned_at=row.planned_at, useful_until=row.useful_until, taken=_taken(tx, row, recipient)
    )
    if isinstance(verdict, rules.Wait):
        return _later(tx, row, verdict)
    if isinstance(verdict, rules.Drop):
        _over(tx, row, "too_late")
        return None
    try:
        phone = identity.phone_of(tx, gateway.vault, row.shopper_id)
        said = _worded(tx, gateway, row, kinds)
    except VaultError:  # the person is erased: there is nobody to tell
        _over(tx, row, "erased")
        return None
    if said is None:
        _over(tx, row, "pointless")
        return None
    _take(tx, row, verdict)
    if row.text_sealed is None:
        subject = subjects.known(tx, gateway.vault, row.shopper_id)
        row.text_sealed = subject.seal(said, **service.place(row.id))
    row.status = "sending"
    tx.add(row)
    return _Letter(phone, said, reference_of(row))


def _later(tx: Transaction, row: Message, verdict: rules.Wait) -> outbox.Later:
    """It waits, as the row says: in the machine's time it is as long as in the merchant's."""
    if row.status == "planned" and row.planned_at != verdict.at:
        row.planned_at = verdict.at
        tx.add(row)
    return outbox.Later(verdict.why, at=tx.wall + (verdict.at - tx.now))


def _worded(tx: Transaction, gateway: Gateway, row: Message, kinds: Mapping[str, Kind]) -> str | None:
    """What the message says; those of its kind that wait for the same thing are merged into it. None when pointless.

    One that is sent again is judged again, and says the same.
    """
    kind = kinds.get(row.kind)
    if kind is None:  # of a newer release: its worker sends it
        raise MessagesUnavailable(f"This release does not know messages of the kind {row.kind}.")
    merged = _mergeable(tx, row, kind.merges) if kind.merges and row.text_sealed is None else []
    wording = kind.words(tx, gateway, row, merged)
    if wording is None or row.text_sealed is not None:
        return None if wording is None else service.text_of(tx, gateway.vault, row)
    for other in merged:
        other.status, other.why = "dropped", f"merged into {row.id}"
        tx.add(other)
    return texts.text(row.kind, wording)


def _mergeable(tx: Transaction, row: Message, fact: str) -> list[Message]:
    query = select(Message).where(
        Message.shopper_id == row.shopper_id,
        Message.kind == row.kind,
        Message.status == "planned",
        Message.id != row.id,
    )
    found = tx.exec(query.order_by(col(Message.id)).limit(100).with_for_update())
    wanted = row.merchant_id, row.facts.get(fact)
    return [other for other in found if (other.merchant_id, other.facts.get(fact)) == wanted]


def _taken(tx: Transaction, row: Message, recipient: str) -> set[int]:
    """The places of today that are taken at this phone, whoever gave its number; one that is sent again keeps its own.

    ``recipient`` is the keyed hash of the phone: who gave ID numbers of two people has one phone that rings.
    """
    today = shanghai_date(tx.now)
    there = col(MessageSlot.shopper_id).in_(identity.with_phone(row.mode, recipient))
    query = select(MessageSlot.shopper_id, MessageSlot.number).where(
        there | (col(MessageSlot.shopper_id) == row.shopper_id), MessageSlot.day == today
    )
    own = (row.shopper_id, row.slot if row.day == today else None)
    return {number for shopper_id, number in tx.exec(query) if (shopper_id, number) != own}


def _take(tx: Transaction, row: Message, leave: rules.Leave) -> None:
    """Write down the place before anything is sent; the database refuses a fourth of a day, and one at night."""
    if row.day != leave.day:
        tx.add(MessageSlot(shopper_id=row.shopper_id, day=leave.day, number=leave.number, taken_at=tx.now))
        tx.flush()
        row.day, row.slot = leave.day, leave.number
    row.left_at = tx.now


def _over(tx: Transaction, row: Message, why: str) -> None:
    """It is not sent; one that may have left already is not known to have arrived."""
    row.status, row.why = ("failed" if row.status == "sending" else "dropped"), why
    tx.add(row)


def _end(tx: Transaction, *, gateway: Gateway, id: str, refused: str | None, kind: Kind | None) -> None:
    """The provider has the message, or has refused it for good."""
    known = tx.get_one(Message, id)
    business_clock.enter(tx, Tenant.of(known))
    if kind is not None and kind.told is not None and known.status == "sending":
        kind.told(tx, gateway, known)  # locks its own rows, which come before the message's
    row = tx.get_one(Message, id, with_for_update=True, populate_existing=True)
    if row.status == "sending":
        row.status, row.why = ("sent", None) if refused is None else ("failed", refused)
        tx.add(row)
