"""Telling the shopper by a message what the merchant says is done, and what a person has decided.

The window to contest begins when the message has left, so nobody loses by silence what nobody told them; a message that
waits for the morning lets the window wait with it (see ``gateway.messages``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from gateway.checkout import addressee
from gateway.core.tenant import Tenant
from gateway.db.transactions import READ_COMMITTED, Transaction
from gateway.merchants import business_clock
from gateway.merchants import service as merchants
from gateway.messages import service as messages
from gateway.messages import texts
from gateway.messages.texts import Wording, moment, money
from gateway.payments import service
from gateway.payments.milestones import events
from gateway.payments.milestones.models import Milestone
from gateway.payments.models import Payment

if TYPE_CHECKING:
    from gateway.messages.models import Message
    from gateway.outbox.models import OutboxItem
    from gateway.web.context import Gateway

TOPIC = "notify.milestone"
"""Of an older release, whose rows become messages."""
KINDS = {
    "delivery": ("发货", "the delivery"),
    "lesson": ("课程", "the lessons"),
    "other": ("约定事项", "the stage"),
}
USEFUL_DECISION = timedelta(days=30)


def queue(tx: Transaction, row: Milestone, what: str) -> None:
    """Plan a message to the shopper; ``what`` is ``claimed``, or as a person decided ``released`` or ``canceled``."""
    messages.plan(
        tx,
        Tenant.of(row),
        shopper_id=tx.get_one(Payment, row.payment_id).shopper_id,
        kind=f"stage_{what}",
        about=row.id,
        facts={"milestone": row.id},
        useful=None if what == "claimed" else USEFUL_DECISION,
    )


def carry_out(gateway: Gateway, item: OutboxItem) -> None:
    """Plan the message of a row that an older release queued; it is sent as every other."""
    id, what = item.payload["milestone"], item.payload["what"]

    def planned(tx: Transaction) -> None:
        row = tx.get_one(Milestone, id)
        business_clock.enter(tx, Tenant.of(row))
        if what != "claimed" or waits(row):
            queue(tx, row, what)

    gateway.db.write(planned, READ_COMMITTED)


def waits(row: Milestone) -> bool:
    """Whether a claimed stage waits for the message to its shopper: silence does not release it."""
    return row.status == "claimed" and row.releases_at is None


def claimed(tx: Transaction, gateway: Gateway, row: Message, merged: Sequence[Message]) -> Wording | None:
    """What the shop says is done, and until when it can be contested; None once the stage waits for nobody."""
    stage = tx.get_one(Milestone, row.facts["milestone"])
    if not waits(stage):
        return None
    until = tx.now + _window(gateway)
    return _of_stage(tx, gateway, stage, {"until": moment(until)})


def decided(tx: Transaction, gateway: Gateway, row: Message, merged: Sequence[Message]) -> Wording:
    """What a person has decided."""
    return _of_stage(tx, gateway, tx.get_one(Milestone, row.facts["milestone"]), {})


def told(tx: Transaction, gateway: Gateway, row: Message) -> None:
    """The message has left: the shopper has the whole window from now on."""
    known = tx.get_one(Milestone, row.facts["milestone"])
    service.locked(tx, Tenant.of(known), known.payment_id)
    tx.refresh(known)
    if waits(known):
        known.releases_at = tx.now + _window(gateway)
        events.note(tx, known, "told", "message", until=known.releases_at)


def _window(gateway: Gateway) -> timedelta:
    return timedelta(days=gateway.settings.milestone_window_days)


def _of_stage(tx: Transaction, gateway: Gateway, stage: Milestone, more: Mapping[str, str]) -> Wording:
    """The words about a stage. What the merchant gave as evidence is on the page, not in a message of ours."""
    checkout_id = tx.get_one(Payment, stage.payment_id).checkout_id
    shop, language = merchants.get(tx, stage.merchant_id), addressee.of_checkout(tx, checkout_id).language
    name, (zh, en) = stage.description or "", KINDS[stage.kind]

    def filled(language: str) -> Mapping[str, str]:
        return {
            "shop": texts.named(language, shop.name, shop.name_en),
            "stage": texts.named(language, name or zh, name or en),
            "amount": money(stage.amount_fen, language),
            "url": f"{gateway.settings.public_url}/checkout/{checkout_id}/stages",
            **more,
        }

    return Wording(language, filled)
