"""Telling the shopper by a message what the merchant says is done, and what a person has decided.

The window to contest begins when the message has left, so nobody loses by silence what nobody told them. The outbox
holds only which stage it is about: the phone is read when the message is sent, and stays in no log.
"""

from __future__ import annotations

import logging
from datetime import datetime, time, timedelta
from functools import partial
from typing import TYPE_CHECKING

from gateway.core.calendar import SHANGHAI
from gateway.core.money import yuan
from gateway.core.tenant import Tenant, mode_of
from gateway.db.transactions import READ_COMMITTED, Transaction
from gateway.errors import MessagesUnavailable
from gateway.identity import service as identity
from gateway.merchants import business_clock
from gateway.merchants import service as merchants
from gateway.outbox import service as outbox
from gateway.payments import service
from gateway.payments.milestones import events
from gateway.payments.milestones.models import Milestone
from gateway.payments.models import Payment
from gateway.privacy.vault import VaultError

if TYPE_CHECKING:
    from gateway.outbox.models import OutboxItem
    from gateway.web.context import Gateway

log = logging.getLogger("gateway.milestones")
TOPIC = "notify.milestone"
FROM, TO = time(8), time(22)
"""Shanghai: outside these hours nobody is written to."""
QUIET_IN = ("live",)
"""In test mode a message reaches nobody who sleeps, and leaves at once."""
LONGEST_NAME = 60
KINDS = {
    "delivery": ("发货", "the delivery"),
    "lesson": ("课程", "the lessons"),
    "other": ("约定事项", "the stage"),
}


def queue(tx: Transaction, row: Milestone, what: str) -> None:
    """Queue a message to the shopper; ``what`` is ``claimed``, or as a person decided ``released`` or ``canceled``."""
    outbox.put(tx, TOPIC, {"milestone": row.id, "what": what}, tenant=Tenant.of(row))


def may_leave(now: datetime) -> datetime:
    """When a message that is ready at ``now`` may leave (UTC): at once, or at the next 08:00 in Shanghai."""
    here = now.astimezone(SHANGHAI)
    if FROM <= here.time() < TO:
        return now
    day = here.date() + timedelta(days=int(here.time() >= TO))
    return datetime.combine(day, FROM, SHANGHAI).astimezone(now.tzinfo)


def carry_out(gateway: Gateway, item: OutboxItem) -> None:
    """Send the message that ``item`` names; once a claim was told, its window begins.

    Raises ``Later`` at night, and ``MessagesUnavailable`` while it is not known to be sent: the outbox tries again.
    """
    id, what = item.payload["milestone"], item.payload["what"]
    window = timedelta(days=gateway.settings.milestone_window_days)
    with gateway.db.read() as tx:
        row = tx.get_one(Milestone, id)
        business_clock.enter(tx, Tenant.of(row))
        if what == "claimed" and not waits(row):
            return
        at = may_leave(tx.wall) if row.mode in QUIET_IN else tx.wall
        if at > tx.wall:
            raise outbox.Later("nobody is written to between 22:00 and 08:00 in Shanghai", at=at)
        payment = tx.get_one(Payment, row.payment_id)
        words = _text(tx, gateway, payment, row, what, until=tx.now + window)
        try:
            phone = identity.phone_of(tx, gateway.vault, payment.shopper_id)
        except VaultError:  # erased: there is nobody to tell, and a claim stays for a person to decide
            log.warning("the shopper of %s cannot be told: the person is erased", id)
            return
    try:
        gateway.ports.notifier.send_message(mode_of(row.mode), phone, words, reference=f"{id}:{what}")
    except Exception as error:  # what the notifier says may quote the phone
        raise MessagesUnavailable(f"The message was not sent: {type(error).__name__}.") from None
    if what == "claimed":
        gateway.db.write(partial(_told, id=id, window=window), READ_COMMITTED)


def waits(row: Milestone) -> bool:
    """Whether a claimed stage waits for the message to its shopper: silence does not release it."""
    return row.status == "claimed" and row.releases_at is None


def _told(tx: Transaction, *, id: str, window: timedelta) -> None:
    """The message has left: the shopper has the whole window from now on."""
    known = tx.get_one(Milestone, id)
    tenant = Tenant.of(known)
    business_clock.enter(tx, tenant)
    service.locked(tx, tenant, known.payment_id)
    tx.refresh(known)
    if waits(known):
        known.releases_at = tx.now + window
        events.note(tx, known, "told", "message", until=known.releases_at)


def _text(
    tx: Transaction, gateway: Gateway, payment: Payment, row: Milestone, what: str, *, until: datetime
) -> str:
    """The message, Chinese first. What the merchant gave as evidence is on the page, not in a message of ours."""
    merchant = merchants.get(tx, row.merchant_id)
    name = (row.description or "")[:LONGEST_NAME]
    zh, en = (name or KINDS[row.kind][0], name or KINDS[row.kind][1])
    amount, url = yuan(row.amount_fen), f"{gateway.settings.public_url}/checkout/{payment.checkout_id}/stages"
    when = f"{until.astimezone(SHANGHAI):%Y-%m-%d %H:%M}"
    if what == "claimed":
        return (
            f"{merchant.name}称“{zh}”（¥{amount}）已完成。如有异议，请在 {when}（北京时间）前提出：{url}\n"
            f'{merchant.name_en} says that "{en}" (CNY {amount}) is done. If it is not, say so before {when} '
            f"(Beijing time): {url}"
        )
    zh_end, en_end = {
        "released": ("已认定完成，款项将结算给商家", "counts as done and is paid to the shop"),
        "canceled": ("已认定未完成，金额将退还给您", "counts as not done, and its amount is refunded to you"),
    }[what]
    return (
        f"经人工核查，{merchant.name}的“{zh}”（¥{amount}）{zh_end}。详情：{url}\n"
        f'A person has checked "{en}" (CNY {amount}) of {merchant.name_en}: it {en_end}. See {url}'
    )
